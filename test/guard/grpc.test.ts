import { type Metadata, status } from '@grpc/grpc-js'
import { describe, expect, it } from 'vitest'
import { all, as, grpcForEach } from './grpc-rig.ts'
import { alice, bob, rowsOf } from './policy-rows.ts'
import { until } from './until.ts'

const grpc = grpcForEach()

describe('calls that are allowed', () => {
  it('one message each way, with metadata both ways and who calls', async () => {
    const metadata = as()
    metadata.set('x-own', 'mine')
    metadata.set('latchkey-client', 'forged')
    metadata.set('x-own-bin', Buffer.from([0, 1, 255]))
    const answered = await new Promise<{ answer: string | undefined; initial: Metadata | undefined }>(
      (resolve, reject) => {
        let initial: Metadata | undefined
        const call = grpc.caller.echo('hello', metadata, {}, (error, answer) =>
          error ? reject(error) : resolve({ answer, initial }),
        )
        call.on('metadata', value => {
          initial = value
        })
      },
    )
    expect(answered.answer).toBe('hello')
    expect(answered.initial?.get('x-initial')).toEqual(['from the app'])
    expect(answered.initial?.get('latchkey-decision')).toEqual(['allow; reason=granted; by=guard'])
    const seen = grpc.app.metadata[0] as Metadata
    expect(seen.get('latchkey-client')).toEqual([alice.clientId])
    expect(seen.get('x-own')).toEqual(['mine'])
    expect(seen.get('x-own-bin')).toEqual([Buffer.from([0, 1, 255])])
    expect(seen.get('authorization')).toEqual([])
    expect((await grpc.unary('echo')).metadata?.get('x-trailer')).toEqual(['from the app'])
    expect((await grpc.rig.audit())[0]).toMatchObject({
      decision: 'allow',
      method: 'POST',
      path: '/api/Echo',
      status: 200,
    })
  })
  it('many messages there, one back', async () => {
    const answer = await new Promise((resolve, reject) => {
      const call = grpc.caller.collect(as(), (error, text) => (error ? reject(error) : resolve(text)))
      for (let at = 0; at < 100; at++) call.write(String(at))
      call.end()
    })
    expect(answer).toBe(Array.from({ length: 100 }, (_, at) => at).join())
  })
  it('one there, many back', async () => {
    const { texts, code } = await all(grpc.caller.count('1000', as()))
    expect([texts.length, texts.at(-1), code]).toEqual([1_000, '1000', status.OK])
  })
  it('both ways at once, each as it comes', async () => {
    const call = grpc.caller.chat(as())
    const heard: string[] = []
    call.on('data', text => heard.push(text))
    const ended = all(call)
    for (let at = 0; at < 5; at++) {
      call.write(`word ${at}`)
      await until(() => heard.length === at + 1)
    }
    call.end()
    expect(await ended).toMatchObject({ code: status.OK })
    expect(heard.at(-1)).toBe('you said word 4')
  })
  it('the app’s own status and its message come through as they are', async () => {
    const { code, details, metadata } = await grpc.unary('fail')
    expect([code, details]).toEqual([status.FAILED_PRECONDITION, 'not today: 50% off, "ümlaut"'])
    expect(metadata?.get('x-trailer')).toEqual(['from the app'])
  })
})

describe('calls that are denied', () => {
  it.each([
    ['without a credential', () => as(undefined), status.UNAUTHENTICATED, 'credential_missing'],
    ['with a bad token', () => as('a.b.c'), status.UNAUTHENTICATED, 'invalid_token'],
    ['of a client without a grant', () => as(bob.token()), status.PERMISSION_DENIED, 'not_granted'],
  ])('%s: the status of gRPC, and the reason', async (_what, metadata, code, reason) => {
    const sent = metadata()
    if (_what.startsWith('without')) sent.remove('authorization')
    const outcome = await grpc.unary('echo', sent)
    expect([outcome.code, outcome.details]).toEqual([code, reason])
    expect(outcome.metadata?.get('latchkey-decision')).toEqual([`deny; reason=${reason}; by=guard`])
    expect(grpc.app.metadata).toEqual([])
    expect((await grpc.rig.audit())[0]).toMatchObject({ decision: 'deny', reason })
  })
  it('another method than the granted ones', async () => {
    expect(await grpc.unary('forbidden')).toMatchObject({ code: status.PERMISSION_DENIED, details: 'not_granted' })
  })
  it('two credentials: INVALID_ARGUMENT', async () => {
    const metadata = as(`${alice.token()}, Bearer ${alice.token()}`)
    const outcome = await grpc.unary('echo', metadata)
    expect(outcome).toMatchObject({ code: status.INVALID_ARGUMENT, details: 'credential_ambiguous' })
    expect(grpc.app.metadata).toEqual([])
  })
  it('streams are denied before a message has passed', async () => {
    expect(await all(grpc.caller.count('3', as(bob.token())))).toEqual({
      texts: [],
      code: status.PERMISSION_DENIED,
      details: 'not_granted',
    })
  })
  it('audit mode lets them through and says so', async () => {
    grpc.rig.apply(rowsOf({ service: { mode: 'Audit' } }))
    expect((await grpc.unary('forbidden')).code).toBe(status.OK)
    expect((await grpc.rig.audit())[0]).toMatchObject({ decision: 'allow', wouldDeny: true })
  })
})

import {
  type Client,
  type ClientReadableStream,
  credentials,
  Metadata,
  makeGenericClientConstructor,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceError,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { alice, bob, rowsOf } from './policy-rows.ts'
import { type Rig, startGuard } from './rig.ts'
import { until } from './until.ts'

// Real gRPC through the guard: @grpc/grpc-js as caller and as app. Messages are plain texts.

const serialize = (text: string): Buffer => Buffer.from(text)
const deserialize = (bytes: Buffer): string => bytes.toString()
const method = (path: string, requestStream: boolean, responseStream: boolean) => ({
  path,
  requestStream,
  responseStream,
  requestSerialize: serialize,
  requestDeserialize: deserialize,
  responseSerialize: serialize,
  responseDeserialize: deserialize,
})
/** Only what is below /api is granted: the first segment is the name of the service. */
const service = {
  echo: method('/api/Echo', false, false),
  collect: method('/api/Collect', true, false),
  count: method('/api/Count', false, true),
  chat: method('/api/Chat', true, true),
  never: method('/api/Never', false, false),
  fail: method('/api/Fail', false, false),
  forbidden: method('/other/Call', false, false),
}

interface App {
  readonly port: number
  readonly metadata: Metadata[]
  readonly cancelled: string[]
}
const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function startApp(): Promise<App> {
  const metadata: Metadata[] = []
  const cancelled: string[] = []
  const server = new Server()
  const trailer = new Metadata()
  trailer.set('x-trailer', 'from the app')
  server.addService(
    service as never,
    {
      echo(call: ServerUnaryCall<string, string>, done: sendUnaryData<string>) {
        metadata.push(call.metadata)
        const initial = new Metadata()
        initial.set('x-initial', 'from the app')
        call.sendMetadata(initial)
        done(null, call.request, trailer)
      },
      collect(call: ServerReadableStream<string, string>, done: sendUnaryData<string>) {
        const all: string[] = []
        call.on('data', text => all.push(text))
        call.on('end', () => done(null, all.join()))
        call.on('cancelled', () => cancelled.push('collect'))
      },
      count(call: ServerWritableStream<string, string>) {
        const last = Number(call.request)
        for (let at = 1; at <= last; at++) call.write(String(at))
        if (last > 0) call.end(trailer)
        else call.write('begun')
        call.on('cancelled', () => cancelled.push('count'))
      },
      chat(call: ServerDuplexStream<string, string>) {
        call.on('data', text => call.write(`you said ${text}`))
        call.on('end', () => call.end())
        call.on('cancelled', () => cancelled.push('chat'))
      },
      never(call: ServerUnaryCall<string, string>) {
        metadata.push(call.metadata)
        call.on('cancelled', () => cancelled.push('never'))
      },
      fail(_call: ServerUnaryCall<string, string>, done: sendUnaryData<string>) {
        done({ code: status.FAILED_PRECONDITION, details: 'not today: 50% off, "ümlaut"', metadata: trailer })
      },
      forbidden(_call: ServerUnaryCall<string, string>, done: sendUnaryData<string>) {
        done(null, 'reached')
      },
    } as never,
  )
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    )
  })
  cleanups.push(() => server.forceShutdown())
  return { port, metadata, cancelled }
}

type Unary = (
  text: string,
  metadata: Metadata,
  options: object,
  done: (error: ServiceError | null, answer?: string) => void,
) => { cancel(): void; on(event: string, listener: (value: Metadata & { metadata: Metadata }) => void): unknown }
type Caller = Client &
  Record<'echo' | 'never' | 'fail' | 'forbidden', Unary> & {
    collect(
      metadata: Metadata,
      done: (error: ServiceError | null, answer?: string) => void,
    ): { write(text: string): void; end(): void; cancel(): void }
    count(text: string, metadata: Metadata): ClientReadableStream<string>
    chat(metadata: Metadata): ClientReadableStream<string> & { write(text: string): void; end(): void }
  }

let app: App
let rig: Rig
let caller: Caller
async function start(options: Parameters<typeof startGuard>[1] = {}): Promise<void> {
  app = await startApp()
  rig = await startGuard(app.port, { upstreamProtocol: 'h2c', ...options })
  cleanups.push(() => rig.close())
  caller = newCaller()
}
function newCaller(): Caller {
  const Constructor = makeGenericClientConstructor(service as never, 'api')
  const client = new Constructor(`127.0.0.1:${rig.port}`, credentials.createInsecure()) as unknown as Caller
  cleanups.push(() => client.close())
  return client
}
beforeEach(() => start())

function as(token: string | undefined = alice.token()): Metadata {
  const metadata = new Metadata()
  if (token !== undefined) metadata.set('authorization', `Bearer ${token}`)
  return metadata
}
interface Outcome {
  readonly code: number
  readonly details: string
  readonly answer: string | undefined
  readonly metadata: Metadata | undefined
}
function unary(name: 'echo' | 'never' | 'fail' | 'forbidden', metadata = as(), options: object = {}): Promise<Outcome> {
  return new Promise(resolve => {
    const call = caller[name]('hello', metadata, options, (error, answer) => {
      if (error) resolve({ code: error.code, details: error.details, answer, metadata: error.metadata })
    })
    let answer: string | undefined
    call.on('status', value => {
      const { code, details } = value as unknown as { code: number; details: string }
      if (code === status.OK) resolve({ code, details, answer, metadata: value.metadata })
    })
  })
}
const all = (stream: ClientReadableStream<string>): Promise<{ texts: string[]; code: number; details: string }> =>
  new Promise(resolve => {
    const texts: string[] = []
    stream.on('data', (text: string) => texts.push(text))
    stream.on('error', () => {})
    stream.on('status', ({ code, details }) => resolve({ texts, code, details }))
  })

describe('calls that are allowed', () => {
  it('one message each way, with metadata both ways and who calls', async () => {
    const metadata = as()
    metadata.set('x-own', 'mine')
    metadata.set('latchkey-client', 'forged')
    metadata.set('x-own-bin', Buffer.from([0, 1, 255]))
    const answered = await new Promise<{ answer: string | undefined; initial: Metadata | undefined }>(
      (resolve, reject) => {
        let initial: Metadata | undefined
        const call = caller.echo('hello', metadata, {}, (error, answer) =>
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
    const seen = app.metadata[0] as Metadata
    expect(seen.get('latchkey-client')).toEqual([alice.clientId])
    expect(seen.get('x-own')).toEqual(['mine'])
    expect(seen.get('x-own-bin')).toEqual([Buffer.from([0, 1, 255])])
    expect(seen.get('authorization')).toEqual([])
    expect((await unary('echo')).metadata?.get('x-trailer')).toEqual(['from the app'])
    expect((await rig.audit())[0]).toMatchObject({ decision: 'allow', method: 'POST', path: '/api/Echo', status: 200 })
  })
  it('many messages there, one back', async () => {
    const answer = await new Promise((resolve, reject) => {
      const call = caller.collect(as(), (error, text) => (error ? reject(error) : resolve(text)))
      for (let at = 0; at < 100; at++) call.write(String(at))
      call.end()
    })
    expect(answer).toBe(Array.from({ length: 100 }, (_, at) => at).join())
  })
  it('one there, many back', async () => {
    const { texts, code } = await all(caller.count('1000', as()))
    expect([texts.length, texts.at(-1), code]).toEqual([1_000, '1000', status.OK])
  })
  it('both ways at once, each as it comes', async () => {
    const call = caller.chat(as())
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
    const { code, details, metadata } = await unary('fail')
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
    const outcome = await unary('echo', sent)
    expect([outcome.code, outcome.details]).toEqual([code, reason])
    expect(outcome.metadata?.get('latchkey-decision')).toEqual([`deny; reason=${reason}; by=guard`])
    expect(app.metadata).toEqual([])
    expect((await rig.audit())[0]).toMatchObject({ decision: 'deny', reason })
  })
  it('another method than the granted ones', async () => {
    expect(await unary('forbidden')).toMatchObject({ code: status.PERMISSION_DENIED, details: 'not_granted' })
  })
  it('two credentials: INVALID_ARGUMENT', async () => {
    const metadata = as(`${alice.token()}, Bearer ${alice.token()}`)
    const outcome = await unary('echo', metadata)
    expect(outcome).toMatchObject({ code: status.INVALID_ARGUMENT, details: 'credential_ambiguous' })
    expect(app.metadata).toEqual([])
  })
  it('streams are denied before a message has passed', async () => {
    expect(await all(caller.count('3', as(bob.token())))).toEqual({
      texts: [],
      code: status.PERMISSION_DENIED,
      details: 'not_granted',
    })
  })
  it('audit mode lets them through and says so', async () => {
    rig.apply(rowsOf({ service: { mode: 'Audit' } }))
    expect((await unary('forbidden')).code).toBe(status.OK)
    expect((await rig.audit())[0]).toMatchObject({ decision: 'allow', wouldDeny: true })
  })
})

describe('calls that end early', () => {
  it('a caller that cancels: the app is told, and the audit line has no status', async () => {
    const call = caller.never('hello', as(), {}, () => {})
    await until(() => app.metadata.length === 1)
    call.cancel()
    await until(() => app.cancelled.length === 1)
    const [line] = await rig.audit()
    expect(line).toMatchObject({ decision: 'allow', path: '/api/Never' })
    expect(line?.status).toBeUndefined()
  })
  it('a caller that cancels a stream both ways', async () => {
    const call = caller.chat(as())
    const ended = all(call)
    call.write('hello')
    await new Promise(resolve => call.once('data', resolve))
    call.cancel()
    expect((await ended).code).toBe(status.CANCELLED)
    await until(() => app.cancelled.length === 1)
  })
  it('a deadline passes on and ends the call at both ends', async () => {
    const outcome = await unary('never', as(), { deadline: Date.now() + 150 })
    expect(outcome.code).toBe(status.DEADLINE_EXCEEDED)
    await until(() => app.cancelled.length === 1)
    expect(app.metadata[0]?.get('grpc-timeout')).toEqual([])
  })
  it('an app that is away: UNAVAILABLE', async () => {
    rig = await startGuard(1, { upstreamProtocol: 'h2c' })
    cleanups.push(rig.close)
    caller = newCaller()
    expect(await unary('echo')).toMatchObject({ code: status.UNAVAILABLE, details: 'upstream_unreachable' })
  })
  it('an app that is slow: DEADLINE_EXCEEDED by the guard', async () => {
    rig = await startGuard(app.port, { upstreamProtocol: 'h2c', upstreamTimeoutMs: 150 })
    cleanups.push(rig.close)
    caller = newCaller()
    expect(await unary('never')).toMatchObject({ code: status.DEADLINE_EXCEEDED, details: 'upstream_timeout' })
  })
  it('the guard stops: running calls end as they would have', async () => {
    const call = caller.chat(as())
    const ended = all(call)
    call.write('one')
    await new Promise(resolve => call.once('data', resolve))
    const draining = rig.guard.drain(0, 3_000)
    call.write('two')
    call.end()
    expect(await ended).toMatchObject({
      texts: ['you said one', 'you said two'],
      code: status.OK,
    })
    await draining
  })
})

describe('J25 a call that is open', () => {
  const revoked = rowsOf({ alice: { keys: [{ ...alice.key, revoked: true }] } })
  it.each([
    ['the key is revoked', revoked, status.UNAUTHENTICATED, 'key_revoked'],
    ['the grant is gone', rowsOf().filter(row => row.type !== 'grant'), status.PERMISSION_DENIED, 'not_granted'],
  ] as const)('ends when %s, and not before', async (_what, rows, code, reason) => {
    const call = caller.chat(as())
    const ended = all(call)
    call.write('hello')
    await new Promise(resolve => call.once('data', resolve))
    rig.apply(rowsOf())
    call.write('still there')
    await new Promise(resolve => call.once('data', resolve))
    rig.apply(rows)
    call.write('too late')
    const outcome = await ended
    expect(outcome).toMatchObject({ code, details: reason })
    expect(outcome.texts).not.toContain('you said too late')
    await until(() => app.cancelled.length === 1)
    const lines = await rig.audit(2)
    expect(lines.map(line => [line.decision, line.reason, line.event])).toEqual([
      ['allow', 'granted', undefined],
      ['deny', reason, 'tunnel_closed'],
    ])
  })
  it('that the app has not answered yet ends too', async () => {
    const outcome = unary('never')
    await until(() => app.metadata.length === 1)
    rig.apply(revoked)
    expect((await outcome).code).toBe(status.UNAUTHENTICATED)
    await until(() => app.cancelled.length === 1)
  })
})

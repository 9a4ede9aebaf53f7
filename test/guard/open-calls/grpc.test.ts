import { status } from '@grpc/grpc-js'
import { describe, expect, it } from 'vitest'
import { reasons } from '../../../core/base/reasons.ts'
import { all, as, grpcForEach } from '../grpc-rig.ts'
import { alice, rowsOf } from '../policy-rows.ts'
import { until } from '../until.ts'
import { keeps, losses, revocation, waitFor } from './losses.ts'

// A call of gRPC that is open when its caller loses the right to it.

const grpc = grpcForEach()

const codes: Readonly<Record<number, number>> = {
  401: status.UNAUTHENTICATED,
  403: status.PERMISSION_DENIED,
  503: status.UNAVAILABLE,
}

describe('J25 a stream of gRPC both ways', () => {
  it.each(losses)('ends with a status when $name', async ({ rows, token, reason, lose }) => {
    grpc.rig.apply(rows())
    const call = grpc.caller.chat(as(token()))
    const ended = all(call)
    call.write('hello')
    await new Promise(resolve => call.once('data', resolve))
    lose(grpc.rig)
    expect(await ended).toMatchObject({ code: codes[reasons[reason].status], details: reason })
    await until(() => grpc.app.cancelled.length === 1)
    const lines = await grpc.rig.audit(2)
    expect(lines.map(line => [line.decision, line.event])).toEqual([
      ['allow', undefined],
      ['deny', 'call_closed'],
    ])
    expect(lines[1]?.reason).toBe(reason)
  })

  it('goes on while nothing takes the right away', async () => {
    const call = grpc.caller.chat(as())
    const ended = all(call)
    call.write('hello')
    await new Promise(resolve => call.once('data', resolve))
    for (const [at, change] of keeps.entries()) {
      change.happen(grpc.rig)
      await waitFor(change)
      const answered = new Promise(resolve => call.once('data', resolve))
      call.write(String(at))
      expect(await answered).toBe(`you said ${at}`)
    }
    call.end()
    expect((await ended).code).toBe(status.OK)
    expect((await grpc.rig.audit()).map(({ event }) => event)).toEqual([undefined])
  })
})

describe('J25 when its key is revoked', () => {
  it('a stream towards the caller ends with a status', async () => {
    const ended = all(grpc.caller.count('0', as()))
    await until(async () => (await grpc.rig.audit()).length === 1)
    revocation.lose(grpc.rig)
    expect(await ended).toMatchObject({ code: status.UNAUTHENTICATED, details: 'key_revoked' })
    await until(() => grpc.app.cancelled.length === 1)
  })

  it('a stream towards the app is answered, and the app is told that it was cancelled', async () => {
    const outcome = new Promise<number | undefined>(resolve => {
      const call = grpc.caller.collect(as(), error => resolve(error?.code))
      call.write('one')
    })
    await until(async () => (await grpc.rig.metrics()).includes('latchkey_guard_requests_in_flight 1'))
    revocation.lose(grpc.rig)
    expect(await outcome).toBe(status.UNAUTHENTICATED)
  })

  it('a call that the app has not answered is told of in one line', async () => {
    const outcome = grpc.unary('never')
    await until(() => grpc.app.metadata.length === 1)
    revocation.lose(grpc.rig)
    expect((await outcome).details).toBe('key_revoked')
    await until(() => grpc.app.cancelled.length === 1)
    const lines = await grpc.rig.audit()
    expect(lines.map(line => [line.decision, line.reason, line.event, line.status])).toEqual([
      ['deny', 'key_revoked', 'call_closed', 401],
    ])
  })

  it('the next call is refused, on the same connection', async () => {
    const ended = all(grpc.caller.chat(as()))
    await until(async () => (await grpc.rig.metrics()).includes('latchkey_guard_requests_in_flight 1'))
    grpc.rig.apply(rowsOf({ alice: { keys: [{ ...alice.key, revoked: true }] } }))
    await ended
    expect((await grpc.unary('echo')).code).toBe(status.UNAUTHENTICATED)
  })
})

import { status } from '@grpc/grpc-js'
import { describe, expect, it } from 'vitest'
import { all, as, grpcForEach } from './grpc-rig.ts'
import { until } from './until.ts'

const grpc = grpcForEach()

describe('calls that end early', () => {
  it('a caller that cancels: the app is told, and the audit line has no status', async () => {
    const call = grpc.caller.never('hello', as(), {}, () => {})
    await until(() => grpc.app.metadata.length === 1)
    call.cancel()
    await until(() => grpc.app.cancelled.length === 1)
    const [line] = await grpc.rig.audit()
    expect(line).toMatchObject({ decision: 'allow', path: '/api/Never' })
    expect(line?.status).toBeUndefined()
  })
  it('a caller that cancels a stream both ways', async () => {
    const call = grpc.caller.chat(as())
    const ended = all(call)
    call.write('hello')
    await new Promise(resolve => call.once('data', resolve))
    call.cancel()
    expect((await ended).code).toBe(status.CANCELLED)
    await until(() => grpc.app.cancelled.length === 1)
  })
  it('a deadline passes on and ends the call at both ends', async () => {
    const outcome = await grpc.unary('never', as(), { deadline: Date.now() + 150 })
    expect(outcome.code).toBe(status.DEADLINE_EXCEEDED)
    await until(() => grpc.app.cancelled.length === 1)
    expect(grpc.app.metadata[0]?.get('grpc-timeout')).toEqual([])
  })
  it('an app that is away: UNAVAILABLE', async () => {
    await grpc.guardAgain({}, 1)
    expect(await grpc.unary('echo')).toMatchObject({ code: status.UNAVAILABLE, details: 'upstream_unreachable' })
  })
  it('an app that is slow: DEADLINE_EXCEEDED by the guard', async () => {
    await grpc.guardAgain({ upstreamTimeoutMs: 150 })
    expect(await grpc.unary('never')).toMatchObject({ code: status.DEADLINE_EXCEEDED, details: 'upstream_timeout' })
  })
  it('the guard stops: running calls end as they would have', async () => {
    const call = grpc.caller.chat(as())
    const ended = all(call)
    call.write('one')
    await new Promise(resolve => call.once('data', resolve))
    const draining = grpc.rig.guard.drain(0, 3_000)
    call.write('two')
    call.end()
    expect(await ended).toMatchObject({
      texts: ['you said one', 'you said two'],
      code: status.OK,
    })
    await draining
  })
})

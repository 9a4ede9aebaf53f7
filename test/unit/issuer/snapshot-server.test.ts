import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { heartbeatMs } from '../../../core/rows/frames.ts'
import { emptyHash } from '../../../core/rows/hash.ts'
import { stallMs } from '../../../issuer/snapshots/paced-writer.ts'
import { guardedServices, namespaces } from '../../../platform/kube/resources.ts'
import { createGate } from '../cluster/fake-api.ts'
import { namespace, service } from '../core/registry/objects.ts'
import { createSnapshotServerRig, type SnapshotServerRig } from './snapshot-server-rig.ts'

let rig: SnapshotServerRig
let clock: SnapshotServerRig['clock']
let guard: SnapshotServerRig['guard']

beforeEach(async () => {
  rig = createSnapshotServerRig()
  ;({ clock, guard } = rig)
  rig.shop()
  await rig.start()
})
afterEach(() => rig.stop())

const proxies = 'system:serviceaccount:proxies:app'
const connected = () => [...rig.server.streams()].map(({ holder }) => holder.pod?.name ?? holder.user.username)
const held = (hash: string) => `${JSON.stringify({ held: { hash } })}\n`

describe('a guard that comes', () => {
  it('from a pod behind the service gets the slice, and a heartbeat every five seconds', async () => {
    rig.pod('a')
    const one = guard({ pod: 'a' })
    await clock.advance(0)
    expect([one.head.status, one.kinds(), connected()]).toEqual([200, ['full'], ['a']])
    await clock.advance(3 * heartbeatMs)
    expect(one.kinds()).toEqual(['full', 'heartbeat', 'heartbeat', 'heartbeat'])
    expect(one.last().hash).toBe(rig.slices.get('shop/orders')?.hash())
  })

  it('from a pod that is not behind the service is refused (K29)', async () => {
    rig.pod('b', { app: 'other' })
    const one = guard({ pod: 'b' })
    await clock.advance(0)
    expect([one.head.status, one.end()?.code, connected()]).toEqual([403, 'forbidden', []])
  })

  it('by the verb enforce gets the slice of any service, and is told which one is none', async () => {
    rig.rights.add(proxies)
    const one = guard()
    const lost = guard({ service: 'shop/nothing' })
    await clock.advance(0)
    expect([one.kinds(), lost.head.status, lost.end()?.code]).toEqual([['full'], 404, 'service_not_found'])
    expect(connected()).toEqual([proxies])
  })

  it('before its document was read is told to come again', async () => {
    rig.rights.add(proxies)
    const { wait, open } = createGate()
    rig.configMaps.beforeAnswer(wait)
    const spec = { openapi: { configMapRef: { name: 'api' } } }
    rig.put(guardedServices, service('shop', 'late', spec, { uid: 'late' }))
    await clock.advance(0)
    const one = guard({ service: 'shop/late' })
    await clock.advance(0)
    expect([one.head.status, one.end()?.code]).toEqual([503, 'not_ready'])
    open()
  })

  it('before its pod is heard of is waited for, ten seconds long', async () => {
    const [early, never] = [guard({ pod: 'a' }), guard({ pod: 'never' })]
    await clock.advance(9_000)
    rig.pod('a')
    await clock.advance(100)
    expect([early.kinds(), never.lines]).toEqual([['full'], []])
    await clock.advance(900)
    expect([never.head.status, never.end()?.code]).toEqual([403, 'forbidden'])
  })

  it.each([
    ['what is no hello', '{"hello":{"slice":"orders"}}\n'],
    ['what is no JSON', 'hello\n'],
    ['a line that does not end', `{"hello":${' '.repeat(20_000)}`],
  ])('with %s is refused', async (_, says) => {
    const one = guard({ pod: 'a', says })
    await clock.advance(0)
    expect([one.head.status, one.last().code]).toEqual([400, 'request_malformed'])
    await one.served
  })

  it('and says nothing is cut off after ten seconds; one that says it piece by piece is not', async () => {
    rig.pod('a')
    const timers = clock.pending()
    const silent = guard({ says: '' })
    const slow = guard({ pod: 'a', says: '{"hello":{"slice":"shop/orders",' })
    await clock.advance(9_999)
    expect(silent.request.destroyed).toBe(false)
    slow.request.write('"version":"test"}}\n')
    await clock.advance(1)
    expect([silent.request.destroyed, slow.kinds().slice(0, 1)]).toEqual([true, ['full']])
    slow.leave()
    await clock.advance(0)
    expect(clock.pending()).toBe(timers)
  })

  it('while the API server does not answer waits, and gets nothing when it fails', async () => {
    const { wait, open } = createGate()
    rig.review.mayEnforce = async () => {
      await wait()
      throw new Error('503')
    }
    const one = guard()
    await clock.advance(60_000)
    expect(one.head.status).toBeUndefined()
    open()
    // The answer is for who called this to give: nothing has been sent.
    await expect(one.served).rejects.toThrow('503')
    expect([one.head.status, one.lines, connected()]).toEqual([undefined, [], []])
  })

  it('and goes before it may be let in leaves no stream', async () => {
    const { wait, open } = createGate()
    rig.review.mayEnforce = async () => {
      await wait()
      return true
    }
    const one = guard()
    await clock.advance(0)
    one.leave()
    open()
    await one.served
    expect([connected(), rig.server.opened(), one.lines]).toEqual([[], 0, []])
  })

  it('twice from one pod has one stream, the later; two that are no pods have two', async () => {
    rig.pod('a')
    rig.rights.add(proxies)
    const [first, second] = [guard({ pod: 'a' }), guard({ pod: 'a' })]
    const others = [guard(), guard()]
    await clock.advance(0)
    expect([first.end()?.code, second.kinds()]).toEqual(['replaced', ['full']])
    expect(others.map(one => one.kinds())).toEqual([['full'], ['full']])
    expect([connected(), rig.server.opened()]).toEqual([['a', proxies, proxies], 4])
    first.leave()
    await clock.advance(0)
    expect(connected()).toEqual(['a', proxies, proxies])
  })
})

describe('a guard that is connected', () => {
  beforeEach(async () => {
    rig.pod('a')
    rig.rights.add(proxies)
  })

  it('tells what was used, which is no part of what it holds', async () => {
    const one = rig.guard({ pod: 'a' })
    await rig.clock.advance(100)
    const [stream] = rig.server.streams()
    const used = { keys: [['kid', 1, 0]] }
    one.request.write(`${JSON.stringify({ held: { hash: 'a'.repeat(64), used } })}\n${held('b'.repeat(64))}`)
    await rig.clock.advance(0)
    expect(rig.used).toEqual([['shop/orders', used]])
    expect(stream?.held()).toEqual({ hash: 'b'.repeat(64) })
    expect(stream?.tellsUsage).toBe(false)
  })

  it('says in its hello whether it tells what was used', async () => {
    const hello = { slice: 'shop/orders', version: 'test', features: ['usage-counts'] }
    rig.guard({ pod: 'a', says: `${JSON.stringify({ hello })}\n` })
    await rig.clock.advance(100)
    expect([...rig.server.streams()].map(({ tellsUsage }) => tellsUsage)).toEqual([true])
  })

  it('says what it holds, until it says what is neither hello nor held', async () => {
    const one = guard({ pod: 'a' })
    await clock.advance(0)
    const [stream] = rig.server.streams()
    expect(stream?.held()).toEqual({ hash: emptyHash })
    one.request.write(held('a'.repeat(64)))
    await clock.advance(0)
    expect(stream?.held()).toEqual({ hash: 'a'.repeat(64) })
    one.request.write(`{"held":{}}\n${held('b'.repeat(64))}`)
    await clock.advance(0)
    expect([one.end()?.code, connected()]).toEqual(['request_malformed', []])
  })

  it('has ended when it ends its side, or breaks off', async () => {
    const [polite, rude] = [guard({ pod: 'a' }), guard()]
    await clock.advance(0)
    polite.request.end()
    rude.leave()
    await Promise.all([polite.served, rude.served])
    expect([polite.end()?.code, rude.kinds(), connected()]).toEqual(['closed', ['full'], []])
  })

  it('is told that its service is gone, and keeps what it holds; others go on', async () => {
    rig.put(guardedServices, service('shop', 'other', {}, { uid: 'other' }))
    await clock.advance(100)
    const [one, other] = [guard({ pod: 'a' }), guard({ service: 'shop/other' })]
    await clock.advance(0)
    rig.api.remove(guardedServices, 'shop/orders')
    await clock.advance(100)
    expect([one.kinds(), one.end()?.code]).toEqual([['full', 'end'], 'service_not_found'])
    expect([other.end(), connected()]).toEqual([undefined, [proxies]])
  })

  it('is told so too when the namespace is no longer this installation’s', async () => {
    const one = guard({ pod: 'a' })
    await clock.advance(0)
    rig.put(namespaces, namespace('shop', { 'latchkey.dev/installation': 'other' }))
    await clock.advance(100)
    expect([one.end()?.code, connected()]).toEqual(['service_not_found', []])
  })

  it('and does not read is dropped and counted, and costs the others nothing', async () => {
    const [stuck, good] = [guard({ pod: 'a', reads: 'nothing' }), guard()]
    await clock.advance(stallMs)
    expect([stuck.response.destroyed, rig.server.stalled()]).toEqual([false, 0])
    await clock.advance(heartbeatMs)
    expect([stuck.response.destroyed, rig.server.stalled(), connected()]).toEqual([true, 1, [proxies]])
    expect(good.kinds().slice(0, 3)).toEqual(['full', 'heartbeat', 'heartbeat'])
  })

  it('is sent elsewhere when the replica stops, and nobody is let in after that', async () => {
    const { wait, open } = createGate()
    await clock.advance(100)
    const timers = clock.pending()
    const one = guard({ pod: 'a' })
    await clock.advance(0)
    rig.review.mayEnforce = async () => {
      await wait()
      return true
    }
    const late = guard()
    await clock.advance(0)
    rig.server.drain()
    open()
    await clock.advance(0)
    expect([one.end()?.code, late.head.status, late.end()?.code]).toEqual(['draining', 503, 'draining'])
    one.leave()
    // No heartbeat is due any more.
    expect([connected(), one.kinds(), clock.pending()]).toEqual([[], ['full', 'end'], timers - 1])
  })
})

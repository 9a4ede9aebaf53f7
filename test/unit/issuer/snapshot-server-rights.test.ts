import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { heartbeatMs } from '../../../core/rows/frames.ts'
import { guardedServices, pods, roles, services } from '../../../platform/kube/resources.ts'
import { createGate, relistMs } from '../cluster/fake-api.ts'
import { role, service } from '../core/registry/objects.ts'
import { createSnapshotServerRig, type SnapshotServerRig } from './snapshot-server-rig.ts'

let rig: SnapshotServerRig
let clock: SnapshotServerRig['clock']
let guard: SnapshotServerRig['guard']

beforeEach(async () => {
  rig = createSnapshotServerRig()
  ;({ clock, guard } = rig)
  rig.shop()
  rig.pod('a')
  await rig.start()
})
afterEach(() => rig.stop())

const proxies = 'system:serviceaccount:proxies:app'
/** Right of guards that are no pods of a service is looked at so often, milliseconds. */
const centralMs = 300_000
const connected = () => [...rig.server.streams()].length

describe('the stream of a pod behind the service ends at once', () => {
  it.each<[string, () => void]>([
    ['the pod goes', () => rig.api.remove(pods, 'shop/a')],
    ['the pod is labelled otherwise', () => rig.pod('a', { app: 'other' })],
    [
      'another pod has its name',
      () => rig.put(pods, { metadata: { namespace: 'shop', name: 'a', uid: 'another', labels: { app: 'orders' } } }),
    ],
    ['the Service selects others', () => rig.select({ app: 'other' })],
    ['the Service selects nothing', () => rig.select({})],
    [
      'the GuardedService names another Service',
      () =>
        rig.put(
          guardedServices,
          service('shop', 'orders', { targetRef: { name: 'other', port: 80 } }, { uid: 'orders' }),
        ),
    ],
  ])('when %s (K29)', async (_, change) => {
    rig.pod('b', { app: 'orders', tier: 'b' })
    const one = guard({ pod: 'a' })
    await clock.advance(0)
    expect(one.kinds()).toEqual(['full'])
    change()
    await clock.advance(0)
    expect([one.end()?.code, connected()]).toEqual(['forbidden', 0])
  })

  it('or with the next heartbeat when the pod has not ended a minute after its time', async () => {
    const one = guard({ pod: 'a' })
    await clock.advance(0)
    const deletionTimestamp = new Date(clock.wallMs()).toISOString()
    const metadata = { namespace: 'shop', name: 'a', uid: 'uid-a', labels: { app: 'orders' }, deletionTimestamp }
    rig.pod('a', {}, { metadata })
    await clock.advance(59_000)
    expect(one.end()).toBeUndefined()
    await clock.advance(1_000 + heartbeatMs)
    expect(one.end()?.code).toBe('forbidden')
  })

  it('and those of other pods and of other services go on', async () => {
    rig.pod('b')
    rig.rights.add(proxies)
    const others = [guard({ pod: 'b' }), guard()]
    const one = guard({ pod: 'a' })
    await clock.advance(0)
    rig.api.remove(pods, 'shop/a')
    await clock.advance(0)
    expect([one.end()?.code, others.map(other => other.end())]).toEqual(['forbidden', [undefined, undefined]])
  })

  it('when it is heard of, though the watch was away when the pod went (S10)', async () => {
    const one = guard({ pod: 'a' })
    await clock.advance(0)
    rig.api.lose(pods)
    rig.api.remove(pods, 'shop/a')
    await clock.advance(60_000)
    expect(one.end()).toBeUndefined()
    rig.api.restart(pods)
    await clock.advance(relistMs)
    expect(one.end()?.code).toBe('forbidden')
  })
})

describe('where the Service behind a GuardedService is gone', () => {
  it('guards go on hearing what is revoked, those that come too, by the label of their pods', async () => {
    const labels = { app: 'orders', 'latchkey.dev/guard': 'orders' }
    rig.pod('b', labels)
    rig.pod('c', { ...labels, 'latchkey.dev/guard': 'others' })
    const [unlabelled, labelled, other] = [guard({ pod: 'a' }), guard({ pod: 'b' }), guard({ pod: 'c' })]
    await clock.advance(0)
    rig.api.remove(services, 'shop/orders')
    await clock.advance(heartbeatMs)
    expect([unlabelled, labelled, other].map(one => one.end()?.code)).toEqual(['forbidden', undefined, 'forbidden'])
    rig.pod('d', labels)
    const late = guard({ pod: 'd' })
    rig.put(roles, role('shop', 'reader', [{ services: ['orders'], methods: ['GET'], paths: ['/less'] }]))
    await clock.advance(100)
    expect(labelled.lines.join('')).toContain('/less')
    expect(late.lines.join('')).toContain('/less')
  })
})

describe('a guard is let in by what is so when its slice is there', () => {
  it.each<[string, () => void, number, string]>([
    ['its pod went', () => rig.api.remove(pods, 'shop/a'), 403, 'forbidden'],
    ['its service went', () => rig.api.remove(guardedServices, 'shop/orders'), 404, 'service_not_found'],
  ])('and not by what was so before: %s', async (_, change, status, code) => {
    const whenCurrent: (() => void)[] = []
    rig.hold(done => void whenCurrent.push(done))
    const one = guard({ pod: 'a' })
    await clock.advance(0)
    expect(one.head.status).toBeUndefined()
    change()
    await clock.advance(100)
    for (const done of whenCurrent) done()
    await clock.advance(0)
    expect([one.head.status, one.end()?.code, connected()]).toEqual([status, code, 0])
  })

  it('and gets the newest of it', async () => {
    const one = guard({ pod: 'a' })
    rig.put(roles, role('shop', 'reader', [{ services: ['orders'], methods: ['GET'], paths: ['/new'] }]))
    await clock.advance(0)
    expect(one.lines[0]).toContain('/new')
  })
})

describe('the right that is looked at again is the one that was given', () => {
  it('a guard that came by the verb loses its stream with the verb, be its pod behind the service or not', async () => {
    rig.rights.add('system:serviceaccount:shop:app').add(proxies)
    // Its guard has not run, so its pod alone gives no right.
    rig.pod('idle', { app: 'orders' }, { status: {} })
    const [behind, central] = [guard({ pod: 'idle' }), guard()]
    await clock.advance(10_000)
    expect([behind.kinds()[0], central.kinds()[0]]).toEqual(['full', 'full'])
    rig.rights.clear()
    await clock.advance(centralMs + 20_000)
    expect([behind.end()?.code, central.end()?.code]).toEqual(['forbidden', 'forbidden'])
  })

  it('a fault of the API server takes no right away; when it answers again, its answer counts', async () => {
    rig.rights.add(proxies)
    const one = guard()
    await clock.advance(0)
    const { mayEnforce } = rig.review
    rig.review.mayEnforce = () => Promise.reject(new Error('503'))
    await clock.advance(2 * centralMs)
    expect(one.end()).toBeUndefined()
    rig.review.mayEnforce = mayEnforce
    rig.rights.clear()
    await clock.advance(30_000)
    expect(one.end()?.code).toBe('forbidden')
  })

  it('a slow answer is waited for and delays nobody’s heartbeat', async () => {
    rig.rights.add(proxies)
    const one = guard()
    await clock.advance(0)
    const { wait, open } = createGate()
    rig.review.again = async () => {
      await wait()
      return undefined
    }
    await clock.advance(2 * centralMs)
    expect([one.end(), one.kinds().length]).toEqual([undefined, 1 + (2 * centralMs) / 5_000])
    open()
    await clock.advance(0)
    expect(one.end()?.code).toBe('invalid_token')
  })
})

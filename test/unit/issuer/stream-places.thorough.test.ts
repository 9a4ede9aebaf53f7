import { expect, it } from 'vitest'
import { guardedServices, namespaces } from '../../../platform/kube/resources.ts'
import { namespace, service } from '../core/registry/objects.ts'
import { createSnapshotServerRig } from './snapshot-server-rig.ts'

it('S02 places are divided by namespaces: who has the most is turned away, or loses the newest of its own', async () => {
  const rig = createSnapshotServerRig()
  const { clock, guard } = rig
  rig.shop()
  await rig.start()
  rig.rights.add('system:serviceaccount:proxies:app')
  const connected = () => [...rig.server.streams()].length
  rig.put(namespaces, namespace('club'))
  rig.put(guardedServices, service('club', 'doors', {}, { uid: 'doors' }))
  await clock.advance(100)
  const come = async (service: string, count: number) => {
    const guards = Array.from({ length: count }, () => guard({ service }))
    await clock.advance(0)
    return guards
  }
  const shop = await come('shop/orders', 1_280)
  const [more] = await come('shop/orders', 1)
  expect([more?.end()?.code, connected()]).toEqual(['too_many_streams', 1_280])
  const club = await come('club/doors', 640)
  expect(connected()).toBe(1_920)
  const [last] = await come('club/doors', 1)
  expect([last?.end(), shop.at(-1)?.end()?.code, connected()]).toEqual([undefined, 'too_many_streams', 1_920])
  expect([...shop.slice(0, -1), ...club].every(one => one.end() === undefined)).toBe(true)
  shop[0]?.leave()
  await clock.advance(0)
  const [again] = await come('shop/orders', 1)
  expect([again?.end(), connected()]).toEqual([undefined, 1_920])
  await rig.stop()
})

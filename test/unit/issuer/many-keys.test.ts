import { afterEach, beforeEach, expect, it } from 'vitest'
import { sliceHash } from '../../../core/rows/hash.ts'
import { accessKeys } from '../../../platform/kube/resources.ts'
import { accessKey, keyPair, published } from '../core/registry/objects.ts'
import { createSlicesRig } from './slices-rig.ts'
import { textOf } from './text-of.ts'

let rig: ReturnType<typeof createSlicesRig>
beforeEach(() => {
  rig = createSlicesRig()
})
afterEach(() => rig.stop())

it('a client with hundreds of keys has a change of one of them told, as whole as before', async () => {
  rig.shop()
  const keys = Array.from({ length: 16 }, () => published(keyPair()))
  const put = (name: string, spec = {}) =>
    rig.put(
      accessKeys,
      accessKey('shop', name, { clientRef: { name: 'web' }, ...spec }, { clientId: 'shop.web', keys }),
    )
  for (let at = 10; at < 34; at++) put(`k${at}`)
  await rig.start()
  await rig.clock.advance(1_000)
  const slice = rig.slices.get('shop/orders')
  const rowOf = () => {
    const row = slice?.row('client/shop.web')
    return row?.type === 'client' ? row : undefined
  }
  const before = slice?.hash()
  expect(rowOf()?.keys).toHaveLength(24 * 16)
  put('k20', { revoked: {} })
  await expect
    .poll(
      async () => {
        await rig.clock.advance(100)
        return slice?.hash()
      },
      { timeout: 15_000 },
    )
    .not.toBe(before)
  const revoked = rowOf()?.keys.filter(key => key.revoked)
  expect(revoked?.map(key => key.accessKey)).toEqual(Array(16).fill('k20'))
  // What guards are told has the hash that they will find.
  const frame = slice?.frameFor({})
  const { full } = JSON.parse(frame ? textOf(frame) : '{}') as { full: { rows: unknown[] } }
  expect(sliceHash(full.rows)).toBe(slice?.hash())
})

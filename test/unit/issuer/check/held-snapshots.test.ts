import { expect, it } from 'vitest'
import { createHeldSnapshots } from '../../../../issuer/check/held-snapshots.ts'
import { alice, rowsOf } from '../../../guard/policy-rows.ts'
import { sliceOfRows } from './rig.ts'

it('gives the same snapshot while the slice is the same, and another when anything changed', async () => {
  const slice = sliceOfRows(rowsOf())
  const held = createHeldSnapshots()
  const [first, again] = await Promise.all([held.of(slice), held.of(slice)])
  expect(again).toBe(first)
  slice.renew([{ ...alice.row, suspended: true }])
  const next = await held.of(slice)
  expect([next === first, next?.hash]).toEqual([false, slice.hash()])
  slice.replace(rowsOf().filter(({ type }) => type !== 'client'))
  expect((await held.of(slice))?.hash).toBe(slice.hash())
})

it('takes nothing over from a service that had the name before', async () => {
  const held = createHeldSnapshots()
  await held.of(sliceOfRows(rowsOf()))
  const anew = sliceOfRows(rowsOf().filter(({ type }) => type !== 'grant'))
  const snapshot = await held.of(anew)
  expect(snapshot?.hash).toBe(anew.hash())
})

it('forgets what was used longest ago when there is no room, and never what was asked for', async () => {
  const slices = ['a', 'b', 'c'].map(name => sliceOfRows(rowsOf(), `shop/${name}`))
  const [a, b, c] = slices as [(typeof slices)[0], (typeof slices)[0], (typeof slices)[0]]
  const held = createHeldSnapshots(a.bytes() * 2)
  const first = await held.of(a)
  const second = await held.of(b)
  await held.of(a)
  await held.of(c)
  expect(held.bytes()).toBe(a.bytes() * 2)
  expect([(await held.of(a)) === first, (await held.of(b)) === second]).toEqual([true, false])
  const small = createHeldSnapshots(1)
  expect((await small.of(a))?.hash).toBe(a.hash())
})

it('says that nothing can be decided where there are no rows', async () => {
  expect(await createHeldSnapshots().of(sliceOfRows([]))).toBeUndefined()
})

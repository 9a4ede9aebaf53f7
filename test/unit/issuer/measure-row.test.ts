import { expect, it } from 'vitest'
import { finish } from '../../../core/base/steps.ts'
import type { ClientRow } from '../../../core/rows/rows.ts'
import { measureRow, measuringRow } from '../../../issuer/slices/measure-row.ts'
import { createSlice } from '../../../issuer/slices/slice.ts'
import { createChunkCache } from '../../../issuer/snapshots/frame-text.ts'
import { clientRow, keyRow } from '../core/fixture.ts'

const many = (name: string): ClientRow =>
  clientRow({ keys: Array.from({ length: 1_000 }, (_, at) => keyRow(undefined, { kid: `${name}-${at}` })) })

it('a row is measured in steps as at once, and then it is known', () => {
  for (const make of [() => clientRow(), () => many('é')]) {
    const [row, same] = [make(), make()]
    expect(finish(measuringRow(row))).toEqual(measureRow(same))
    expect(measureRow(row)).toBe(measureRow(row))
    expect([...measuringRow(row)]).toHaveLength(0)
  }
})

it('a slice takes a client with a thousand keys in many steps', () => {
  const slice = createSlice(
    'shop/orders',
    () => ({}),
    () => 0,
    createChunkCache(1_048_576),
  )
  const row = many('a')
  function* making() {
    yield
    return [row]
  }
  const steps = slice.replacing(making())
  let count = 0
  let step = steps.next()
  for (; !step.done; step = steps.next()) count++
  step.value()
  expect(count).toBeGreaterThanOrEqual(15)
  expect(slice.row(`client/${row.clientId}`)).toBe(row)
})

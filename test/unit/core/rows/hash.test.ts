import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { finish } from '../../../../core/base/steps.ts'
import { changeHash, emptyHash, rowHash, rowHashing, sliceHash, startSum } from '../../../../core/rows/hash.ts'
import { anyJson } from '../any-json.ts'

test('a row is hashed as JSON with sorted keys and without what is undefined', () => {
  const text = '{"a":[1,{"c":null,"d":"é"}],"b":true}'
  expect(rowHash({ b: true, a: [1, { d: 'é', c: null }] })).toBe(createHash('sha256').update(text).digest('hex'))
})

test('a row has the same hash before and after it went over the wire', () => {
  fc.assert(
    fc.property(anyJson(4), value => {
      expect(rowHash(JSON.parse(JSON.stringify(value)))).toBe(rowHash(value))
    }),
  )
})

test('the hash that is made in steps is the same, one step for each sixty-four keys of a client', () => {
  const keys = Array.from({ length: 1_000 }, (_, at) => ({ kid: `kid-${at}`, accessKey: 'web' }))
  for (const row of [{}, { keys: [] }, { keys: keys.slice(0, 65) }, { keys, name: 'é' }, null, 7]) {
    expect(finish(rowHashing(row))).toBe(rowHash(row))
  }
  expect([...rowHashing({ keys })]).toHaveLength(16)
})

test('the hash of a slice does not depend on the order, and adding undoes removing', () => {
  fc.assert(
    fc.property(
      fc.array(fc.jsonValue({ maxDepth: 2 }), { maxLength: 6 }),
      fc.jsonValue({ maxDepth: 2 }),
      (rows, row) => {
        const slice = sliceHash(rows)
        expect(sliceHash([...rows].reverse())).toBe(slice)
        expect(slice).toMatch(/^[0-9a-f]{64}$/)
        const sum = startSum(slice)
        sum.addHash(rowHash(row))
        expect(sum.hash()).toBe(sliceHash([...rows, row]))
        sum.removeHash(rowHash(row))
        expect(sum.hash()).toBe(slice)
      },
    ),
  )
  expect(sliceHash([])).toBe(emptyHash)
})

test('rows that left and came leave the hash of those that are there', () => {
  const rows = fc.array(fc.jsonValue({ maxDepth: 2 }), { maxLength: 4 })
  fc.assert(
    fc.property(rows, rows, rows, (kept, gone, come) => {
      expect(changeHash(sliceHash([...kept, ...gone]), gone, come)).toBe(sliceHash([...kept, ...come]))
    }),
  )
})

test('sums wrap around at 2^256', () => {
  const most = 'f'.repeat(64)
  const one = '1'.padStart(64, '0')
  const sum = startSum(most)
  sum.addHash(one)
  expect(sum.hash()).toBe(emptyHash)
  sum.removeHash(one)
  expect(sum.hash()).toBe(most)
})

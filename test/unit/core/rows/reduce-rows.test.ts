import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { finish } from '../../../../core/base/steps.ts'
import { reducingRows, type SizedRow } from '../../../../core/rows/reduce-rows.ts'
import type { ClientRow, GrantRow, RoleRow, Row } from '../../../../core/rows/rows.ts'

const client = (name: string, createdAt = 0): ClientRow => ({
  ...{
    type: 'client',
    clientId: name,
    namespace: 'partners',
    name,
    issuer: 'i',
    createdAt,
    suspended: false,
    keys: [],
  },
})
const grant = (name: string): GrantRow => ({ type: 'grant', name, role: 'r', clients: [] })
const role = (name: string): RoleRow => ({ type: 'role', name, rules: [] })
const service = { type: 'service', namespace: 'shop', name: 'orders' } as Row
const sized = (...given: [Row, number][]): SizedRow[] => given.map(([row, bytes]) => ({ row, bytes }))
const reduceRows = (...given: Parameters<typeof reducingRows>) => finish(reducingRows(...given))
const names = (rows: readonly Row[] | undefined) => rows?.map(row => ('name' in row ? row.name : row.type))

describe('what is left of a slice that is too large', () => {
  it('is all of it when it fits', () => {
    const rows = sized([service, 10], [client('a'), 10])
    expect(reduceRows(rows, 20)).toEqual({ rows: [service, client('a')], clients: [] })
  })

  it('is without the largest clients, the newest of equal ones, and no more of them than must be', () => {
    const rows = sized(
      [service, 10],
      [client('small', 9), 5],
      [client('huge', 1), 90],
      [client('old', 2), 20],
      [client('new', 3), 20],
      [role('r'), 10],
    )
    expect(names(reduceRows(rows, 65)?.rows)).toEqual(['orders', 'small', 'old', 'new', 'r'])
    const less = reduceRows(rows, 64)
    expect(names(less?.rows)).toEqual(['orders', 'small', 'old', 'r'])
    expect(names(less?.clients)).toEqual(['huge', 'new'])
  })

  it('is without grants and then roles where clients are not enough, and nothing where the service itself is too large', () => {
    const rows = sized([service, 10], [client('a'), 5], [grant('g'), 10], [grant('large'), 30], [role('r'), 30])
    expect(names(reduceRows(rows, 50)?.rows)).toEqual(['orders', 'g', 'r'])
    expect(names(reduceRows(rows, 15)?.rows)).toEqual(['orders'])
    expect(reduceRows(rows, 9)).toBeUndefined()
  })

  it('fits, is the same for the same rows in any order, and never has what the whole has not', () => {
    const row = fc.record({ name: fc.nat(200), at: fc.nat(3), bytes: fc.integer({ min: 1, max: 50 }) })
    const given = fc.uniqueArray(row, { selector: ({ name }) => name, maxLength: 40 })
    fc.assert(
      fc.property(given, fc.integer({ min: 10, max: 600 }), (all, most) => {
        const rows = sized(
          [service, 10],
          ...all.map(({ name, at, bytes }) => [client(`c${name}`, at), bytes] as [Row, number]),
        )
        const bytesOf = new Map(rows.map(one => [one.row, one.bytes]))
        const reduced = reduceRows(rows, most)
        const sum = (reduced?.rows ?? []).reduce((total, one) => total + (bytesOf.get(one) ?? Number.NaN), 0)
        expect(sum).toBeLessThanOrEqual(most)
        expect(new Set(names(reduceRows(rows.toReversed(), most)?.rows))).toEqual(new Set(names(reduced?.rows)))
        // The last one that is left out would not have fitted.
        const last = reduced?.clients.at(-1)
        if (last) expect(sum + (bytesOf.get(last) ?? 0)).toBeGreaterThan(most)
      }),
    )
  })
})

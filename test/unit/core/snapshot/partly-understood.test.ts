import { expect, test } from 'vitest'
import type { Row } from '../../../../core/rows/rows.ts'
import { clusterRow, es256Key, grantRow, roleRow, serviceRow } from '../fixture.ts'
import { createFollowed } from './builder.ts'

const ofLater = <R extends Row>(row: R): R => ({ ...row, newField: 1 })
const cluster = clusterRow(es256Key)
const role = roleRow('reader', { methods: ['GET'], paths: ['/a'] })
const rows: Row[] = [serviceRow(), role, grantRow('read', 'reader'), cluster]

test('a service row that is not understood leaves nothing to decide from, until one comes that is', () => {
  const { change } = createFollowed(rows)
  const { service, policy, unsupported } = change([ofLater(serviceRow())])
  expect([service, policy, [...unsupported]]).toEqual([undefined, undefined, [['service', undefined]]])
  expect(change([serviceRow()])).toMatchObject({ service: serviceRow(), policy: expect.anything() })
})

test('keys of the cluster that are not understood are none, and nothing else is touched', () => {
  const { change } = createFollowed(rows)
  const before = change([])
  const after = change([ofLater(cluster)])
  expect([after.cluster, after.policy]).toEqual([undefined, before.policy])
  expect([...after.unsupported.keys()]).toEqual(['cluster'])
})

test('the keys of the cluster stay while other rows change', () => {
  const { change } = createFollowed(rows)
  const before = change([])
  expect(before.cluster?.issuer).toBe(cluster.issuer)
  expect(change([grantRow('other', 'reader'), serviceRow({ mode: 'Audit' })]).cluster).toBe(before.cluster)
})

test('a role that is not understood gives nothing, and the others go on', () => {
  const { change } = createFollowed([...rows, roleRow('other')])
  expect(change([ofLater(role)]).policy?.roles).toEqual(new Map([['other', 0]]))
})

test.each([
  ['a role', { ...role, needs: '0.5.0' }, 'role/reader'],
  ['a grant', { ...grantRow('read', 'reader'), needs: '0.6.0' }, 'grant/read'],
])('%s that says something was left out of it counts, and is named with the release that knows it', (_, row, key) => {
  const { change } = createFollowed(rows)
  const { policy, unsupported } = change([row])
  expect(policy?.roles.has('reader')).toBe(true)
  expect([...unsupported]).toEqual([[key, row.needs]])
  expect(change(rows).unsupported.size).toBe(0)
})

test('a route that cannot be read spoils the whole policy', () => {
  const route = { name: 'r', path: '/{', methods: ['GET'], variants: 'Refuse' } as const
  expect(createFollowed(rows).change([serviceRow({ routes: [route] })]).policy).toBeUndefined()
})

test('a role that left gives nothing any more', () => {
  const { change } = createFollowed([...rows, roleRow('other')])
  expect(change([], ['role/reader']).policy?.roles).toEqual(new Map([['other', 0]]))
})

test('to remove what is not there compiles nothing', () => {
  const { change } = createFollowed(rows)
  const { policy } = change([])
  expect(policy).toBeDefined()
  expect(change([], ['role/none', 'quota/none']).policy).toBe(policy)
})

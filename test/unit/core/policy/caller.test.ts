import { describe, expect, test } from 'vitest'
import type { Identity } from '../../../../core/base/identity.ts'
import { findCallerStanding, rolesOf } from '../../../../core/policy/caller.ts'
import { callerOf, knownIdentity } from '../../../../core/policy/known-identity.ts'
import type { GrantRow, Row } from '../../../../core/rows/rows.ts'
import {
  clientRow,
  clusterIssuer,
  clusterRow,
  es256Key,
  grantRow,
  identityOf,
  keyRow,
  mainKey,
  now,
  roleRow,
  serviceRow,
  snapshotOf,
  usualRows,
} from '../fixture.ts'

const proved = identityOf(snapshotOf(usualRows()))
const roles = ['auditor', 'reader', 'writer'].map(name => roleRow(name, { methods: ['GET'], paths: [`/${name}`] }))
const grant = (name: string, role: string, expiresAt?: number): GrantRow =>
  grantRow(name, role, expiresAt === undefined ? {} : { expiresAt })

/** What a slice with these grants says of the main client. */
function standing(grants: readonly GrantRow[], { identity = proved, rows = [clientRow()] as Row[] } = {}) {
  const found = findCallerStanding(identity, snapshotOf([serviceRow(), ...roles, ...rows, ...grants]))
  if (!found) throw new Error('nothing is wrong with the identity of this test')
  return found
}
const namesOf = ({ grants }: ReturnType<typeof standing>): string[] => {
  const names: string[] = []
  for (let held = grants; held; held = held.next) names.push(held.name)
  return names
}

describe('the grants of a caller', () => {
  const all = [grant('b', 'reader'), grant('a', 'writer'), grant('c', 'auditor'), grant('d', 'reader')]

  test('are a chain by role, then by name, each with what it says', () => {
    const found = standing(all)
    expect(namesOf(found)).toEqual(['c', 'b', 'd', 'a'])
    const attributes = { tenant: 'acme' }
    expect(standing([{ ...grant('g', 'reader', now + 5), attributes }]).grants).toEqual({
      role: expect.any(Number),
      endsAt: now + 5,
      name: 'g',
      roleName: 'reader',
      attributes,
      next: undefined,
    })
  })

  test('are those of roles that are known, and that say nothing which this guard does not know', () => {
    expect(namesOf(standing([...all, grant('x', 'missing'), { ...grant('y', 'reader'), needs: '0.9.0' }]))).toEqual([
      'c',
      'b',
      'd',
      'a',
    ])
  })

  test('are those of roles that the token is narrowed to, and that its key is now', () => {
    const narrowed: Identity = { ...proved, roles: ['reader', 'writer'] }
    expect(namesOf(standing(all, { identity: narrowed }))).toEqual(['b', 'd', 'a'])
    const rows = [clientRow({ keys: [keyRow(mainKey, { roles: ['writer', 'auditor'] })] })]
    expect(namesOf(standing(all, { identity: narrowed, rows }))).toEqual(['a'])
  })

  test('are none where there is no policy to know roles from', () => {
    const route = { name: 'r', path: '/{', methods: ['GET'], variants: 'Refuse' } as const
    const snapshot = snapshotOf([serviceRow({ routes: [route] }), clientRow(), ...all])
    expect(snapshot.policy).toBeUndefined()
    expect(findCallerStanding(proved, snapshot)).toMatchObject({ grants: undefined, roles: [] })
  })
})

describe('the roles of a caller', () => {
  const ending = [
    grant('a', 'reader', now + 10),
    grant('b', 'writer', now + 5),
    grant('c', 'writer'),
    grant('d', 'auditor', now + 20),
  ]
  test.each<[string, number, string[]]>([
    ['before any of its grants ends', 4, ['auditor', 'reader', 'writer']],
    ['when one of two grants of a role has ended', 9, ['auditor', 'reader', 'writer']],
    ['when the only grant of a role ends', 10, ['auditor', 'writer']],
    ['when all others have ended', 20, ['writer']],
  ])('are told %s', (_, seconds, expected) => {
    expect(rolesOf(standing(ending), now + seconds)).toEqual(expected)
  })

  test('are none once all grants have ended', () => {
    expect(rolesOf(standing([grant('a', 'reader', now + 5)]), now + 5)).toEqual([])
  })

  test('are each told once', () => {
    const { roles: held } = standing([grant('a', 'reader', now + 1), grant('b', 'reader', now + 2)])
    expect(held).toEqual(['reader'])
  })

  test('say too much from when the first grant ends, if one does', () => {
    expect(standing(ending).rolesEndAt).toBe(now + 5)
    expect(standing([...ending].reverse()).rolesEndAt).toBe(now + 5)
    expect(standing([grant('a', 'reader', now + 3), grant('b', 'reader', now + 7)]).rolesEndAt).toBe(now + 3)
    expect(standing([grant('a', 'reader')]).rolesEndAt).toBeUndefined()
    expect(standing([]).rolesEndAt).toBeUndefined()
  })
})

describe('a caller is granted something', () => {
  test.each<[string, GrantRow[], number]>([
    ['until the last of its grants ends', [grant('a', 'reader', now + 5), grant('b', 'missing', now + 9)], now + 9],
    [
      'for ever, where one of them has no end',
      [grant('a', 'reader', now + 5), grant('b', 'reader')],
      Number.POSITIVE_INFINITY,
    ],
    ['for ever, where none is understood: there is one all the same', [], Number.POSITIVE_INFINITY],
  ])('%s', (_, grants, until) => {
    expect(standing(grants).grantedUntil).toBe(until)
  })
})

test('a caller counts until its token ends, or its key before', () => {
  const until = (notAfter: number) =>
    standing([], { rows: [clientRow({ keys: [keyRow(mainKey, { notAfter })] })] }).endsAt
  expect([until(proved.expiresAt - 1), until(proved.expiresAt + 1), standing([]).endsAt]).toEqual([
    proved.expiresAt - 1,
    proved.expiresAt,
    proved.expiresAt,
  ])
})

test('a pod counts until its token ends, and may have all roles of its client', () => {
  const anchors = { uid: 'sa-uid', pod: 'pod-uid', kid: es256Key.kid }
  const pod: Identity = {
    ...proved,
    key: 'serviceaccount:app',
    credential: 'ServiceAccountToken',
    proof: { ...proved.proof, issuer: clusterIssuer, anchors },
  }
  const rows = [
    clientRow({ keys: [], serviceAccounts: [{ name: 'app', uid: 'sa-uid', pods: ['pod-uid'] }] }),
    clusterRow(es256Key),
  ]
  const found = standing([grant('a', 'reader'), grant('b', 'writer')], { identity: pod, rows })
  expect([found.endsAt, found.roles]).toEqual([proved.expiresAt, ['reader', 'writer']])
})

test('of an identity that is kept the same snapshot is asked once', () => {
  const [one, other] = [snapshotOf(usualRows()), snapshotOf(usualRows())]
  const kept = knownIdentity(proved)
  const first = callerOf(kept, one)
  expect(callerOf(kept, one)).toBe(first)
  expect(callerOf(kept, other)).not.toBe(first)
  expect(knownIdentity(kept)).toBe(kept)
})

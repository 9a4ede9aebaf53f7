import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Identity } from '../../../../core/base/identity.ts'
import { reasons } from '../../../../core/base/reasons.ts'
import { checkIdentity } from '../../../../core/policy/check-identity.ts'
import { decide } from '../../../../core/policy/decide.ts'
import { knownIdentity } from '../../../../core/policy/known-identity.ts'
import type { GrantRow, Row } from '../../../../core/rows/rows.ts'
import {
  clientRow,
  ed25519Key,
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

const usual = snapshotOf(usualRows())
const proved = identityOf(usual)
const request = { method: 'GET', target: '/orders' }

/** One of each, in any mixture: what there is to say of a caller. */
const services: Row[] = [serviceRow(), serviceRow({ audience: 'https://new' }), serviceRow({ accepts: [] })]
const clients: Row[] = [
  clientRow(),
  clientRow({ suspended: true }),
  clientRow({ createdAt: now + 31 }),
  clientRow({ keys: [keyRow(mainKey, { revoked: true })] }),
  clientRow({ keys: [keyRow(mainKey, { notAfter: now + 100 })] }),
  clientRow({ keys: [keyRow(ed25519Key('next'))] }),
  { ...clientRow(), newField: 1 } as Row,
]
const reader = usualRows()[1] as Row
const readers: object[][] = [[], [reader], [{ ...reader, newField: 1 }]]
const all = roleRow('all', { methods: ['GET'], paths: ['/**'] })
const grant = (name: string, role: string, more: Partial<GrantRow>) => ({ ...grantRow(name, role), ...more }) as Row
const grants: Row[] = [
  grant('a', 'reader', {}),
  grant('b', 'reader', { expiresAt: now + 50 }),
  grant('c', 'all', { expiresAt: now + 10, attributes: { tenant: 'acme' } }),
  grant('d', 'unheard-of', {}),
]
const anyRows = fc
  .tuple(
    fc.constantFrom(...services),
    fc.option(fc.constantFrom(...clients)),
    fc.constantFrom(...readers),
    fc.subarray(grants),
  )
  .map(([service, client, roles, some]) => [service, ...(client ? [client] : []), ...roles, all, ...some])
const anyTime = fc.constantFrom(0, now, now + 10, now + 49, now + 50, now + 100, now + 329, now + 330, now + 1_000)

describe('an identity that is kept', () => {
  test('has all members of the one that was proved: one that got lost could not narrow it', () => {
    const full: Required<Identity> = { ...proved, roles: ['reader'] }
    expect({ ...knownIdentity(full) }).toEqual(full)
  })

  test('loses the roles that its key is narrowed out of, with the snapshot that brings it', () => {
    const known = knownIdentity(proved)
    expect(decide(request, known, usual, now)).toMatchObject({ allow: true })
    for (const roles of [[], ['other']]) {
      const narrowed = snapshotOf([
        serviceRow(),
        reader,
        grantRow('a', 'reader'),
        clientRow({ keys: [keyRow(mainKey, { roles })] }),
      ])
      expect(decide(request, known, narrowed, now)).toMatchObject({ allow: false, reason: 'not_granted' })
    }
    expect(decide(request, known, usual, now)).toMatchObject({ allow: true })
  })

  test('is decided on as it would be the first time, under any snapshots in any order and at any time', () => {
    const narrowed = [proved, { ...proved, roles: ['reader'] }, { ...proved, roles: [] }]
    fc.assert(
      fc.property(
        fc.constantFrom(...narrowed),
        fc.array(anyRows, { minLength: 1, maxLength: 3 }),
        fc.array(fc.tuple(fc.nat(), anyTime, fc.constantFrom('/orders', '/elsewhere')), { maxLength: 12 }),
        (identity, slices, asked) => {
          const snapshots = slices.map(rows => snapshotOf(rows))
          const kept = knownIdentity(identity)
          for (const [which, at, target] of asked) {
            const snapshot = snapshots[which % snapshots.length] as (typeof snapshots)[number]
            const call = { method: 'GET', target }
            const decision = decide(call, kept, snapshot, at)
            expect(decision).toEqual(decide(call, identity, snapshot, at))
            const checked = checkIdentity(identity, snapshot, at)
            if (typeof checked === 'string') expect(decision).toEqual({ allow: false, reason: checked })
            else expect(reasons[decision.reason].status).not.toBe(401)
          }
        },
      ),
      { numRuns: 500 },
    )
  })

  test('J25: is refused by the first decision under a snapshot that suspends its client, and passes again after', () => {
    const suspended = snapshotOf([...usualRows().slice(0, 3), clientRow({ suspended: true })])
    const kept = knownIdentity(proved)
    const told = [usual, suspended, usual, suspended].map(snapshot => decide(request, kept, snapshot, now).reason)
    expect(told).toEqual(['granted', 'client_suspended', 'granted', 'client_suspended'])
  })

  test('ends at its second, also when it was allowed a second before', () => {
    const kept = knownIdentity(proved)
    const told = [329, 330, 329].map(after => decide(request, kept, usual, now + after).reason)
    expect(told).toEqual(['granted', 'token_expired', 'granted'])
  })

  test('takes nothing along into a copy that ends another day', () => {
    const kept = knownIdentity(proved)
    expect(decide(request, kept, usual, now)).toMatchObject({ allow: true })
    expect(decide(request, { ...kept, expiresAt: Number.MAX_SAFE_INTEGER }, usual, now + 330)).toMatchObject({
      allow: true,
    })
    expect(decide(request, { ...kept, expiresAt: now }, usual, now)).toMatchObject({ reason: 'token_expired' })
  })

  test('says the same of itself, and is kept once', () => {
    const kept = knownIdentity(proved)
    expect(kept).toEqual(proved)
    expect(knownIdentity(kept)).toBe(kept)
  })
})

test('every snapshot has a mark of its own, also one of the same rows', () => {
  expect(snapshotOf(usualRows()).mark).not.toBe(usual.mark)
})

import { describe, expect, test } from 'vitest'
import { decide } from '../../../../core/policy/decide.ts'
import type { GrantRow, ServiceRow } from '../../../../core/rows/rows.ts'
import {
  clientId,
  clientRow,
  grantRow,
  identityOf,
  now,
  roleRow,
  serviceRow,
  snapshotOf,
  usualRows,
} from '../fixture.ts'

const identity = identityOf(snapshotOf(usualRows()))
const read = { methods: ['GET'], paths: ['/**'] }
const limit = { requests: 10, perSeconds: 60 }

/** @param waits milliseconds by grant; a grant that is not asked about fails */
function decided(grants: readonly GrantRow[], waits?: Record<string, number>, service: Partial<ServiceRow> = {}) {
  const rows = [serviceRow(service), clientRow(), roleRow('a', read), roleRow('b', read), ...grants]
  const asked: string[] = []
  const limits = waits && {
    waitMs(grant: string, given: GrantRow['limit'], client: string) {
      asked.push(grant)
      expect([given, client]).toEqual([limit, clientId])
      return waits[grant] as number
    },
  }
  return { asked, decision: decide({ method: 'GET', target: '/x' }, identity, snapshotOf(rows), now, limits) }
}

describe('a grant with a limit', () => {
  test('allows while the limit is not reached, and says that the call counts', () => {
    const { decision } = decided([grantRow('g', 'a', { limit })], { g: 0 })
    expect(decision).toMatchObject({ allow: true, grant: 'g', limit })
  })

  test('denies when it is reached, with the time to wait in whole seconds, and names who called', () => {
    const { decision } = decided([grantRow('g', 'a', { limit })], { g: 1_001 })
    expect(decision).toMatchObject({
      allow: false,
      reason: 'limit_exceeded',
      limit: { grant: 'g', requests: 10, perSeconds: 60, waitSeconds: 2 },
      detail: 'The grant lets this client call 10 times in 60 s at each guard. Try again in 2 s.',
      identity: { clientId },
    })
  })

  test('gives way to the next that allows, by role and by name, and nothing of that one counts where it has no limit', () => {
    const second = grantRow('h', 'a')
    expect(decided([grantRow('g', 'a', { limit }), second], { g: 5 }).decision).toMatchObject({ grant: 'h' })
    expect(decided([grantRow('g', 'a', { limit }), second], { g: 5 }).decision).not.toHaveProperty('limit')
    const other = decided([grantRow('g', 'a', { limit }), grantRow('c', 'b', { limit })], { g: 5, c: 0 })
    expect(other.decision).toMatchObject({ grant: 'c', rule: 'role/b#0', limit })
  })

  test('is the one that counts where it comes first, and later ones are not asked', () => {
    const { decision, asked } = decided([grantRow('g', 'a', { limit }), grantRow('h', 'b', { limit })], { g: 0 })
    expect([decision, asked]).toMatchObject([{ grant: 'g' }, ['g']])
  })

  test('says the shortest of the times to wait, where all that would allow are reached', () => {
    const grants = [grantRow('g', 'a', { limit }), grantRow('h', 'a', { limit }), grantRow('i', 'b', { limit })]
    expect(decided(grants, { g: 9_000, h: 2_000, i: 3_000 }).decision).toMatchObject({
      limit: { grant: 'h', waitSeconds: 2 },
    })
  })

  test('is told before one that has ended, and not asked when it has ended itself', () => {
    const ended = grantRow('e', 'a', { expiresAt: now, limit })
    expect(decided([ended, grantRow('g', 'a', { limit })], { g: 1 }).decision).toMatchObject({
      reason: 'limit_exceeded',
    })
    expect(decided([ended], {}).decision).toMatchObject({ reason: 'grant_expired' })
  })

  test('is not asked about where the path is public', () => {
    const service = { public: [{ path: '/x', methods: ['GET'] }] }
    expect(decided([grantRow('g', 'a', { limit })], {}, service).decision).toMatchObject({ reason: 'public' })
  })

  test('allows without end where nobody counts, as for the question why', () => {
    expect(decided([grantRow('g', 'a', { limit })]).decision).toMatchObject({ allow: true, grant: 'g' })
  })
})

import { describe, expect, test } from 'vitest'
import { createDecisionPoint } from '../../../enforce/authorize.ts'
import { boundsFor, createIdentityCache } from '../../../enforce/identity-cache.ts'
import { createLimitCounts } from '../../../enforce/limit-counts.ts'
import { clientRow, clientToken, grantRow, now, roleRow, serviceRow, snapshotOf } from '../core/fixture.ts'

const limit = { requests: 2, perSeconds: 60 }
const rowsWith = (changes = {}) => [
  serviceRow(changes),
  roleRow('reader', { methods: ['GET'], paths: ['/**'] }),
  grantRow('read', 'reader', { limit }),
  clientRow(),
]
const head = (target = '/orders') => {
  return { method: 'GET', target, authorization: `Bearer ${clientToken()}`, names: [], values: [] }
}

function point(rows: readonly unknown[] = rowsWith()) {
  let snapshot = snapshotOf(rows)
  let unfit: 'policy_stale' | undefined
  let ms = 0
  const policy = { snapshot: () => snapshot, unfit: () => unfit } as unknown as Parameters<
    typeof createDecisionPoint
  >[0]['policy']
  const cache = createIdentityCache(() => boundsFor(1))
  const decisions = createDecisionPoint({
    policy,
    cache,
    now: () => now,
    limits: createLimitCounts(() => ms, 100),
  })
  return {
    decisions,
    reasonOf: (target?: string) => decisions.authorize(head(target)).decision.reason,
    apply(given: readonly unknown[]) {
      snapshot = snapshotOf(given)
    },
    stale(is: boolean) {
      unfit = is ? 'policy_stale' : undefined
    },
    step(by: number) {
      ms += by
    },
  }
}

describe('calls by a grant with a limit', () => {
  test('count once each, whether or not their token was known', () => {
    const { decisions, reasonOf } = point()
    expect(decisions.authorizeKnown(head())).toBeUndefined()
    expect(reasonOf()).toBe('granted')
    expect(decisions.authorizeKnown(head())?.pass).toBe(true)
    expect(decisions.authorizeKnown(head())?.decision.reason).toBe('limit_exceeded')
    expect(reasonOf()).toBe('limit_exceeded')
  })

  test('count on through every change of policy', () => {
    const { reasonOf, apply, step } = point()
    for (const route of ['a', 'b', 'c']) {
      expect(reasonOf()).toBe(route === 'c' ? 'limit_exceeded' : 'granted')
      apply([...rowsWith(), clientRow({ clientId: `sc_${route}` })])
    }
    step(63_000)
    expect(reasonOf()).toBe('granted')
  })

  test('do not count where they are denied, where the path is public, and where the policy is too old', () => {
    const { reasonOf, stale } = point(rowsWith({ public: [{ path: '/open', methods: ['GET'] }] }))
    stale(true)
    for (let at = 0; at < 3; at++) expect(reasonOf()).toBe('policy_stale')
    stale(false)
    for (let at = 0; at < 3; at++) expect([reasonOf('/open'), reasonOf('/a//b')]).toEqual(['public', 'path_malformed'])
    expect([reasonOf(), reasonOf(), reasonOf()]).toEqual(['granted', 'granted', 'limit_exceeded'])
  })

  test('pass in audit mode, which says what would have been', () => {
    const { decisions, reasonOf } = point(rowsWith({ mode: 'Audit' }))
    expect([reasonOf(), reasonOf()]).toEqual(['granted', 'granted'])
    expect(decisions.authorize(head())).toMatchObject({ pass: true, decision: { reason: 'limit_exceeded' } })
  })

  test('that are open are neither counted again nor closed, when the limit is reached meanwhile', () => {
    const { decisions, reasonOf } = point()
    const { proved } = decisions.authorize(head())
    for (let at = 0; at < 5; at++) expect(decisions.reauthorize(head(), proved).pass).toBe(true)
    expect([reasonOf(), reasonOf()]).toEqual(['granted', 'limit_exceeded'])
    expect(decisions.reauthorize(head(), proved).pass).toBe(true)
  })
})

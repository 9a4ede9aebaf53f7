import { describe, expect, it } from 'vitest'
import { byUse, findUnused, type Unused } from '../../../cli/unused/find-unused.ts'

const now = Date.UTC(2026, 6, 1) / 1_000
const daysAgo = (days: number, seconds = 0): string => new Date((now - days * 86_400 - seconds) * 1_000).toISOString()
const object = (created: string, status?: object, more: object = {}) => ({
  kind: 'AccessKey',
  metadata: { namespace: 'shop', name: 'web', creationTimestamp: created, ...more },
  ...(status && { status }),
})

describe('what was not used for 30 days', () => {
  it.each<[string, ReturnType<typeof object>, number | undefined]>([
    ['was used 30 days ago', object(daysAgo(90), { lastUsedAt: daysAgo(30) }), 30],
    ['was used a second later', object(daysAgo(90), { lastUsedAt: daysAgo(30, -1) }), undefined],
    ['was used a moment ago', object(daysAgo(900), { lastUsedAt: daysAgo(0) }), undefined],
    ['was never used and is old', object(daysAgo(45)), 45],
    ['was never used and is young', object(daysAgo(29)), undefined],
    ['was never used and is 30 days old', object(daysAgo(30), {}), 30],
    ['was used in a future that a clock was in', object(daysAgo(90), { lastUsedAt: daysAgo(-3) }), undefined],
    ['tells no time, and is judged by its age', object(daysAgo(45), { lastUsedAt: 'soon' }), 45],
    ['tells no text, and is judged by its age', object(daysAgo(45), { lastUsedAt: 7 }), 45],
    ['has no age either', object('then'), undefined],
    ['is revoked', object(daysAgo(90), { state: 'Revoked' }), undefined],
    ['has ended', object(daysAgo(90), { state: 'Expired' }), undefined],
    ['is suspended, and comes back with its client', object(daysAgo(90), { state: 'Suspended' }), 90],
    ['is being deleted', object(daysAgo(90), {}, { deletionTimestamp: daysAgo(0) }), undefined],
  ])('is told of one that %s', (_, one, unusedDays) => {
    expect(findUnused(one, 30, now)?.unusedDays).toBe(unusedDays)
  })

  it('names the last use where there was one', () => {
    const lastUsedAt = daysAgo(40)
    expect(findUnused(object(daysAgo(90), { lastUsedAt }), 30, now)).toEqual({
      kind: 'AccessKey',
      namespace: 'shop',
      name: 'web',
      lastUsedAt,
      createdAt: daysAgo(90),
      unusedDays: 40,
    })
    expect(findUnused(object(daysAgo(90)), 30, now)).not.toHaveProperty('lastUsedAt')
  })

  it('begins with what was not used longest', () => {
    const one = (name: string, unusedDays: number): Unused => ({
      ...{ kind: 'Role', namespace: 'shop', name, createdAt: '', unusedDays },
    })
    const sorted = [one('b', 31), one('a', 31), one('c', 99)].sort(byUse)
    expect(sorted.map(({ name }) => name)).toEqual(['c', 'a', 'b'])
  })
})

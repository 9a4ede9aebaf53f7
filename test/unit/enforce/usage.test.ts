import { describe, expect, it } from 'vitest'
import type { Identity } from '../../../core/base/identity.ts'
import type { Decision } from '../../../core/policy/decision.ts'
import type { Snapshot } from '../../../core/snapshot/snapshot.ts'
import type { Verdict } from '../../../enforce/authorize.ts'
import { divideUsed } from '../../../enforce/report/divide-used.ts'
import { createUsageCounter } from '../../../enforce/report/usage.ts'

const routes = [
  { name: 'order', permission: { action: 'read', resource: 'orders/{id}' } },
  { name: 'orders', permission: { action: 'read', resource: 'orders/{id}' } },
  { name: 'health' },
]
const snapshot = { service: { routes } } as unknown as Snapshot

const granted = (key = 'kid-a', more: object = {}): Verdict => {
  const identity = { key, credential: 'ClientToken' } as Identity
  const decision = { allow: true, reason: 'granted', rule: 'role/reader#0', grant: 'give', identity, ...more }
  return { pass: true, decision: decision as Decision, proved: identity, snapshot }
}
const counted = (...verdicts: Verdict[]) => {
  const usage = createUsageCounter()
  for (const verdict of verdicts) usage.count(verdict, 1_000)
  return usage.told(1_000, 'now')
}

describe('what a guard counts', () => {
  it('is the key, the grant and the rule that allowed, with the permission of the route', () => {
    expect(counted(granted('kid-a', { route: 'order' }))).toEqual([
      {
        keys: [['kid-a', 1, 0]],
        grants: [['give', 1, 0]],
        rules: [['role/reader#0 read orders/{id}', 1, 0]],
      },
    ])
  })

  it('is one permission where several routes name it, and the rule alone where a route names none', () => {
    const used = counted(
      ...['order', 'orders', 'order', 'health', undefined].map(route => granted('kid-a', route ? { route } : {})),
    )
    expect(used[0]?.rules).toEqual([
      ['role/reader#0 read orders/{id}', 3, 0],
      ['role/reader#0', 2, 0],
    ])
  })

  it('is the key alone where policy denied its caller, or a public path let it through', () => {
    const { identity } = granted().decision
    const denied = { allow: false, reason: 'not_granted', identity } as Decision
    const open = { allow: true, reason: 'public', identity } as Decision
    expect(counted(...[denied, open].map(decision => ({ ...granted(), decision })))).toEqual([
      { keys: [['kid-a', 2, 0]] },
    ])
  })

  it('is nothing of callers who were not proved, or whose identity does not count now', () => {
    const decision = { allow: false, reason: 'key_revoked' } as Decision
    expect(counted({ ...granted(), decision })).toEqual([])
  })

  it('is no key of a service account: nobody minted it', () => {
    const identity = { key: 'serviceaccount:web', credential: 'ServiceAccountToken' }
    const [used] = counted(granted('', { identity }))
    expect(used).toEqual({ grants: [['give', 1, 0]], rules: [['role/reader#0', 1, 0]] })
  })
})

describe('what is told', () => {
  it('says how long ago the last use was, and is told once', () => {
    const usage = createUsageCounter()
    usage.count(granted(), 1_000)
    usage.count(granted(), 5_900)
    expect(usage.told(65_000, 'if due')[0]?.keys).toEqual([['kid-a', 2, 60]])
    expect(usage.told(200_000, 'if due')).toEqual([])
  })

  it('is due every half minute, or when it is asked for at once', () => {
    const usage = createUsageCounter()
    expect(usage.told(0, 'if due')).toEqual([])
    usage.count(granted(), 10_000)
    expect(usage.told(29_999, 'if due')).toEqual([])
    expect(usage.told(30_000, 'if due')).toHaveLength(1)
    usage.count(granted(), 31_000)
    expect(usage.told(31_000, 'if due')).toEqual([])
    expect(usage.told(31_000, 'now')).toHaveLength(1)
  })

  it('is never of the future, though a call began before the clock of the line was read', () => {
    const usage = createUsageCounter()
    usage.count(granted(), 9_000)
    expect(usage.told(8_000, 'now')[0]?.keys).toEqual([['kid-a', 1, 0]])
  })

  it('of more keys than there are counters says how many uses are missing, at once, and then counts the others', () => {
    const usage = createUsageCounter()
    usage.told(0, 'if due')
    const call = (from: number, to: number) => {
      for (let at = from; at < to; at++) usage.count(granted(`kid-${at}`), 1_000)
    }
    call(0, 4_095)
    expect(usage.told(1_000, 'if due')).toEqual([])
    call(4_095, 5_000)
    call(0, 10)
    const first = usage.told(1_000, 'if due')
    expect(first.flatMap(({ keys = [] }) => keys)).toHaveLength(4_096)
    expect(first.at(-1)?.uncounted).toBe(904)
    call(4_000, 5_000)
    const second = usage.told(2_000, 'now')
    expect(second.flatMap(({ keys = [] }) => keys).map(([kid]) => kid)).toContain('kid-4999')
    expect(second.at(-1)).not.toHaveProperty('uncounted')
  })

  it('leaves the counters of what is not used any more to others', () => {
    const usage = createUsageCounter()
    for (let round = 0; round < 3; round++) {
      for (let at = 0; at < 3_000; at++) usage.count(granted(`kid-${round}-${at}`), 1_000)
      const used = usage.told(round * 30_000, 'now')
      // The second round finds the places of the first still taken.
      expect(used.at(-1)?.uncounted ?? 0).toBe(round === 1 ? 1_904 : 0)
    }
  })
})

describe('the parts', () => {
  it('are lines of 8 KiB at most that hold everything once', () => {
    const keys = Array.from({ length: 1_000 }, (_, at) => [`kid-${at}`.padEnd(43, 'x'), at, 1] as const)
    const grants = [['g'.repeat(253), 1, 0] as const]
    const parts = divideUsed({ keys, grants, rules: [] }, 7)
    expect(parts.flatMap(part => part.keys ?? [])).toEqual(keys)
    expect(parts.flatMap(part => part.grants ?? [])).toEqual(grants)
    expect(parts.map(({ uncounted }) => uncounted).filter(count => count !== undefined)).toEqual([7])
    expect(Math.max(...parts.map(part => JSON.stringify(part).length))).toBeLessThan(8_300)
    expect(parts.length).toBeGreaterThan(5)
  })

  it('are none where nothing was used, and one where all that is known is that something was', () => {
    expect(divideUsed({ keys: [], grants: [], rules: [] }, 0)).toEqual([])
    expect(divideUsed({ keys: [], grants: [], rules: [] }, 3)).toEqual([{ uncounted: 3 }])
  })

  it('hold names that are longer than a line alone', () => {
    const rules = [
      ['a'.repeat(9_000), 1, 0],
      ['b', 1, 0],
    ] as const
    expect(divideUsed({ keys: [], grants: [], rules }, 0)).toHaveLength(2)
  })
})

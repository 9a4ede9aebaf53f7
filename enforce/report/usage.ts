import type { Used, UsedCount } from '../../core/rows/frames.ts'
import type { Snapshot } from '../../core/snapshot/snapshot.ts'
import type { Verdict } from '../authorize.ts'
import { divideUsed } from './divide-used.ts'

/** Counts which keys, grants and rules calls used, until the issuer is told. */
export interface UsageCounter {
  /** Takes one call. Makes no objects for what was counted before. @param atMs monotonic, when the call began */
  count(verdict: Verdict, atMs: number): void
  /**
   * What was counted since the last time, in parts that a line can hold; nothing when that is not due yet. What is
   * returned is forgotten here.
   * @param nowMs of the same clock
   */
  told(nowMs: number, when: 'if due' | 'now'): Used[]
}

/** Names that are told apart at one time. Grants and rules are the policy's; of keys a service may have many more. */
const most = { keys: 4_096, grants: 1_024, rules: 1_024 }
/** So often at most, unless there is no counter left: with the heartbeat that it waits for, the issuer knows within a minute. */
const everyMs = 30_000

interface Counter {
  readonly name: string
  calls: number
  lastSecond: number
}

export function createUsageCounter(): UsageCounter {
  const keys = createTable(most.keys)
  const grants = createTable(most.grants)
  const rules = createTable(most.rules)
  // Of each rule, its counters by route.
  const routesOf = new Map<string, Map<string | undefined, Counter>>()
  let toldMs = Number.NEGATIVE_INFINITY

  function countRule(rule: string, route: string | undefined, second: number, snapshot: Snapshot | undefined): void {
    const routes = routesOf.get(rule)
    const known = routes?.get(route)
    if (known) {
      again(known, second)
      return
    }
    const counter = rules.counterOf(nameWithPermission(rule, route, snapshot), second)
    if (counter) routesOf.set(rule, (routes ?? new Map()).set(route, counter))
  }

  return {
    count({ decision, snapshot }, atMs) {
      const { identity } = decision
      if (!identity) return
      // Whole seconds are small integers: kept in place, not on the heap.
      const second = Math.trunc(atMs / 1_000)
      if (identity.credential !== 'ServiceAccountToken') keys.counterOf(identity.key, second)
      if (!decision.allow || decision.rule === undefined || decision.grant === undefined) return
      grants.counterOf(decision.grant, second)
      countRule(decision.rule, decision.route, second, snapshot)
    },
    told(nowMs, when) {
      const tables = [keys, grants, rules]
      if (when === 'if due' && nowMs - toldMs < everyMs && !tables.some(table => table.isFull())) return []
      toldMs = nowMs
      // Routes come and go with the policy, and so do the permissions that they name.
      routesOf.clear()
      const second = Math.trunc(nowMs / 1_000)
      const uncounted = tables.reduce((sum, table) => sum + table.uncounted(), 0)
      return divideUsed({ keys: keys.take(second), grants: grants.take(second), rules: rules.take(second) }, uncounted)
    },
  }
}

function again(counter: Counter, second: number): void {
  counter.calls++
  counter.lastSecond = second
}

function createTable(size: number) {
  const counters = new Map<string, Counter>()
  let uncounted = 0

  return {
    /** Counts one use. @returns its counter; undefined when there is none left */
    counterOf(name: string, second: number): Counter | undefined {
      const known = counters.get(name)
      if (known) {
        again(known, second)
        return known
      }
      if (counters.size >= size) {
        uncounted++
        return undefined
      }
      const counter = { name, calls: 1, lastSecond: second }
      counters.set(name, counter)
      return counter
    },
    isFull: () => counters.size >= size,
    /** Since it was asked last. */
    uncounted(): number {
      const count = uncounted
      uncounted = 0
      return count
    },
    /** What was used since the last time. What was not gives its counter back; when none is left, all do, so that others get one. */
    take(second: number): UsedCount[] {
      const isFull = counters.size >= size
      const used: UsedCount[] = []
      for (const [name, counter] of counters) {
        if (counter.calls > 0) used.push([name, counter.calls, Math.max(0, second - counter.lastSecond)])
        if (counter.calls === 0 || isFull) counters.delete(name)
        counter.calls = 0
      }
      return used
    },
  }
}

function nameWithPermission(rule: string, route: string | undefined, snapshot: Snapshot | undefined): string {
  const permission = snapshot?.service?.routes.find(({ name }) => name === route)?.permission
  return permission ? `${rule} ${permission.action} ${permission.resource}` : rule
}

import { type CallCount, countCall, startCount, waitOf } from '../core/policy/call-count.ts'
import type { LimitsLeft } from '../core/policy/limits.ts'
import type { GrantLimit } from '../core/rows/rows.ts'

/**
 * How often clients called by grants that have a limit, at this decision point. Snapshots come and go beneath it: a count is
 * of a grant's name and a client id, and goes when nothing in it counts any more.
 */
export interface LimitCounts extends LimitsLeft {
  /** Counts one call, in the turn in which `waitMs` said 0. */
  count(grant: string, limit: GrantLimit, clientId: string): void
  /** Counts that are kept. */
  size(): number
}

/** Of a process without a limit of memory, and the most of any. */
const mostCounts = 32_768
const fewestCounts = 1_024
/** Of the memory, and what a count takes of it. */
const memoryShare = 1 / 32
const bytesEach = 384
/** When all are in use, so many are looked at, so often at most, for some that can go: all of them within a second. */
const sweep = { counts: 4_096, everyMs: 100 } as const
/** So long whoever finds no place for a new one waits. */
const fullMs = 1_000

/** @param memoryBytes that the process may have; undefined: it has no limit */
export function countsWithin(memoryBytes: number | undefined): number {
  if (memoryBytes === undefined) return mostCounts
  return Math.max(fewestCounts, Math.min(mostCounts, Math.floor((memoryBytes * memoryShare) / bytesEach)))
}

/** @param nowMs monotonic @param most counts at a time: when all are in use, who has none yet waits, and nobody is forgotten */
export function createLimitCounts(nowMs: () => number, most: number): LimitCounts {
  const counts = new Map<string, Map<string, CallCount>>()
  let size = 0
  let sweptMs = Number.NEGATIVE_INFINITY
  let walk = each()

  function* each(): Generator<{ readonly clients: Map<string, CallCount>; clientId: string; count: CallCount }> {
    for (const [grant, clients] of counts) {
      for (const [clientId, count] of clients) yield { clients, clientId, count }
      if (clients.size === 0) counts.delete(grant)
    }
  }

  function countOf(grant: string, { perSeconds }: GrantLimit, clientId: string, now: number): CallCount | undefined {
    const known = counts.get(grant)?.get(clientId)
    if (!known || known.perSeconds === perSeconds) return known
    const moved = startCount(perSeconds, now, known.sum)
    counts.get(grant)?.set(clientId, moved)
    return moved
  }

  function hasRoom(now: number): boolean {
    if (size < most) return true
    if (now - sweptMs < sweep.everyMs) return false
    sweptMs = now
    for (let looked = 0; looked < sweep.counts; looked++) {
      const { value, done } = walk.next()
      if (done) {
        walk = each()
        break
      }
      if (waitOf(value.count, 1, now) > 0) continue
      value.clients.delete(value.clientId)
      size--
    }
    return size < most
  }

  return {
    size: () => size,
    waitMs(grant, limit, clientId) {
      const now = nowMs()
      const count = countOf(grant, limit, clientId, now)
      if (count) return waitOf(count, limit.requests, now)
      return hasRoom(now) ? 0 : fullMs
    },
    count(grant, limit, clientId) {
      const now = nowMs()
      let count = countOf(grant, limit, clientId, now)
      if (!count) {
        const clients = counts.get(grant) ?? new Map<string, CallCount>()
        count = startCount(limit.perSeconds, now)
        counts.set(grant, clients.set(clientId, count))
        size++
      }
      countCall(count, now)
    },
  }
}

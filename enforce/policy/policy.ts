import { checkFreshness } from '../../core/policy/freshness.ts'
import type { Snapshot } from '../../core/snapshot/snapshot.ts'
import type { Clock } from '../../platform/clock.ts'

/** The policy in force, how old it is, and who wants to know when it changes. */
export interface Policy {
  snapshot(): Snapshot | undefined
  /** Seconds since the issuer (or the manifests) last said that this is how things are; undefined while never. */
  ageSeconds(): number | undefined
  /** Why nothing can be decided, or undefined. */
  unfit(): 'policy_missing' | 'policy_stale' | 'audit_unavailable' | undefined
  /** Swaps one pointer: a running decision keeps the snapshot it began with. */
  replace(snapshot: Snapshot | undefined): void
  /** Somebody who knows said that what is held is what holds now, or did so `ageSeconds` ago. */
  confirm(ageSeconds?: number): void
  onChange(handler: () => void): void
}

/**
 * Age is counted by both clocks, and the higher one holds: the monotonic clock stands still while a machine sleeps,
 * the wall clock can be set back. Either mistake would otherwise let an old policy live on.
 */
export function createPolicy(clock: Clock): Policy {
  let snapshot: Snapshot | undefined
  let confirmed: { monotonicMs: number; wallMs: number } | undefined
  const handlers: (() => void)[] = []

  function ageSeconds(): number | undefined {
    if (!confirmed) return undefined
    const monotonic = clock.now() - confirmed.monotonicMs
    const wall = clock.wallMs() - confirmed.wallMs
    return Math.max(monotonic, wall, 0) / 1_000
  }

  return {
    ageSeconds,
    snapshot: () => snapshot,
    unfit: () => checkFreshness(snapshot, ageSeconds()),
    replace(next) {
      snapshot = next
      for (const handler of handlers) handler()
    },
    confirm(age = 0) {
      confirmed = { monotonicMs: clock.now() - age * 1_000, wallMs: clock.wallMs() - age * 1_000 }
    },
    onChange: handler => void handlers.push(handler),
  }
}

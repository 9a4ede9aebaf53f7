import type { Snapshot } from '../snapshot/snapshot.ts'

/**
 * Whether a guard may decide at all: it has a policy, and heard from the issuer recently enough.
 * @param heardAt when the policy was last confirmed (frame or heartbeat), seconds since epoch
 * @param now seconds since epoch
 * @returns undefined when it may decide
 */
export function checkFreshness(
  snapshot: Snapshot | undefined,
  heardAt: number | undefined,
  now: number,
): 'policy_missing' | 'policy_stale' | undefined {
  if (!snapshot) return 'policy_missing'
  // Without a readable service row everything is denied anyway, as policy_unsupported.
  if (!snapshot.service) return undefined
  // A time far in the future is a wrong clock; it must not make a policy fresh for years.
  if (heardAt !== undefined && Math.abs(now - heardAt) <= snapshot.service.maxStalenessSeconds) return undefined
  return 'policy_stale'
}

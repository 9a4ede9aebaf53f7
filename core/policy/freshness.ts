import type { Snapshot } from '../snapshot/snapshot.ts'

/**
 * Whether a guard may decide at all: it has a policy, and heard from the issuer recently enough.
 * @param ageSeconds since a frame or a heartbeat last confirmed the policy; undefined: never
 * @returns undefined when it may decide
 */
export function checkFreshness(
  snapshot: Snapshot | undefined,
  ageSeconds: number | undefined,
): 'policy_missing' | 'policy_stale' | undefined {
  if (!snapshot) return 'policy_missing'
  // Without a readable service row everything is denied anyway, as policy_unsupported.
  if (!snapshot.service) return undefined
  return ageSeconds !== undefined && ageSeconds <= snapshot.service.maxStalenessSeconds ? undefined : 'policy_stale'
}

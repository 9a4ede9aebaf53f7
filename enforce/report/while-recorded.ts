import type { Policy } from '../policy/policy.ts'

/** What happens to calls while audit lines cannot be written: lose lines and count them, or answer 503. */
export const onBlockChoices = ['Count', 'Deny'] as const
export type OnBlock = (typeof onBlockChoices)[number]

/** Lines that wait while the sink is slow, in characters. Beyond it lines are dropped and counted. */
export const maxWaiting = 8 * 1024 * 1024
/** From here on calls are refused where lines must not be lost: the last quarter is for calls already under way. */
export const refuseFrom = (maxWaiting * 3) / 4

/**
 * The policy, or where lines must not be lost no policy while there is no room for them. Nobody waits: calls are
 * answered at once, and pass again as soon as the sink takes lines.
 */
export function whileRecorded(policy: Policy, sink: { isBlocked(): boolean }, onBlock: OnBlock): Policy {
  if (onBlock === 'Count') return policy
  return { ...policy, unfit: () => policy.unfit() ?? (sink.isBlocked() ? 'audit_unavailable' : undefined) }
}

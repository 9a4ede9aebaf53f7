import type { CheckedIdentity } from '../base/identity.ts'
import { type AllowReason, type DenyReason, reasons } from '../base/reasons.ts'
import type { GrantLimit, ServiceRow } from '../rows/rows.ts'
import type { ReachedLimit } from './limits.ts'

export type Decision =
  | {
      readonly allow: true
      readonly reason: AllowReason
      /** What allowed: `role/<name>#<rule index>`; absent on public paths. */
      readonly rule?: string
      readonly grant?: string
      readonly route?: string
      /** Absent on public paths when nobody is proved, or not any more. */
      readonly identity?: CheckedIdentity | undefined
      /** Roles, and the attributes of the grant that allowed, for the identity headers. */
      readonly roles?: readonly string[]
      readonly attributes?: Readonly<Record<string, string>>
      /** Of the grant that allowed: the call counts for it. */
      readonly limit?: GrantLimit
    }
  | {
      readonly allow: false
      readonly reason: DenyReason
      /** Who is denied, where it is no fault of the identity. */
      readonly identity?: CheckedIdentity | undefined
      readonly route?: string
      /** What the route says about audit mode; absent: what the service says holds. */
      readonly mode?: 'Enforce' | 'Audit'
      /** For not_granted: what a role would have to allow, as `action resource` or `METHOD path template`. */
      readonly missing?: string
      /** For limit_exceeded: of the grants that would allow, the one that does so soonest. */
      readonly limit?: ReachedLimit
      /** Says more of this call than the hint of the reason does. Not one word of it is the caller's. */
      readonly detail?: string
    }

/**
 * Whether a call passes: allowed, or let through by audit mode, which never breaks traffic by policy. What can be read
 * in two ways stays out: nobody could say what passed. So does what could not be written down where that was asked for, and
 * what nobody had the time to decide.
 */
export function passes(decision: Decision, service: Pick<ServiceRow, 'mode'> | undefined): boolean {
  if (decision.allow) return true
  const { reason } = decision
  if (reason === 'audit_unavailable' || reason === 'overloaded' || reasons[reason].status === 400) return false
  return (decision.mode ?? service?.mode) === 'Audit'
}

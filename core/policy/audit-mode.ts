import { reasons } from '../base/reasons.ts'
import type { ServiceRow } from '../rows/rows.ts'
import type { Decision } from './decision.ts'

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

import type { Role, RoleStatus } from '../api/role.ts'
import { type EnforcedView, type Finding, latchEnforced, reportConditions } from './report.ts'

/** The status of a role. @param now RFC 3339, whole seconds */
export function planRole(
  observed: {
    readonly object: Role
    /** Names of services that its rules name and that do not exist. */
    readonly missing: readonly string[]
    readonly grants: number
    readonly schemaFault?: string | undefined
    readonly enforced: EnforcedView
  },
  now: string,
): RoleStatus {
  const { object, grants, enforced } = observed
  const { generation } = object.metadata
  const accepted = acceptance(observed)
  const ready: Finding =
    accepted.status === 'True'
      ? { type: 'Ready', status: 'True', reason: 'Ready', message: 'The role is published.' }
      : { type: 'Ready', status: 'False', reason: 'NotAccepted', message: 'See the condition Accepted.' }
  const latched = latchEnforced(object.status?.conditions, generation, enforced)
  return {
    ...(generation !== undefined && { observedGeneration: generation }),
    conditions: reportConditions(object.status?.conditions, generation, now, [accepted, ready, latched]),
    grants,
  }
}

function acceptance(observed: { missing: readonly string[]; schemaFault?: string | undefined }): Finding {
  const { missing, schemaFault } = observed
  if (schemaFault !== undefined) return { type: 'Accepted', status: 'False', reason: 'Invalid', message: schemaFault }
  if (missing.length === 0) {
    return { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'Every rule names known services.' }
  }
  return {
    type: 'Accepted',
    status: 'False',
    reason: 'ServiceNotFound',
    message: `There is no GuardedService ${missing.join(', ')} in this namespace; the other rules count. Create it or correct the name.`,
  }
}

import type { Role, RoleStatus } from '../api/role.ts'
import { nameSome } from '../base/name-some.ts'
import { lastUse } from './last-use.ts'
import { isPaused, pausedFindings } from './paused.ts'
import { type ConditionFinding, type EnforcedView, latchEnforced, notReady, reportConditions } from './report.ts'

/** The status of a role. @param now RFC 3339, whole seconds */
export function planRole(
  observed: {
    readonly object: Role
    /** Names of services that its rules name and that do not exist. */
    readonly missing: readonly string[]
    /** What of its rules can match nothing, as sentences. */
    readonly idle: readonly string[]
    readonly grants: number
    readonly schemaFault?: string | undefined
    readonly enforced: EnforcedView
  },
  now: string,
): RoleStatus {
  const { object, grants, enforced } = observed
  const { generation } = object.metadata
  const accepted = acceptance(observed)
  const latched = latchEnforced(object.status?.conditions, generation, enforced)
  return {
    ...(generation !== undefined && { observedGeneration: generation }),
    conditions: reportConditions(
      object.status?.conditions,
      generation,
      now,
      pausedFindings(
        [accepted, readiness(accepted), latched],
        isPaused(object) ? { left: nothingLeft, withheld: false } : undefined,
      ),
    ),
    grants,
    ...lastUse(object.status),
  }
}

const nothingLeft = 'Nothing is held back: guards decide by the rules in spec.'

/** A rule that opens nothing harms nobody, so the role is ready; but whoever wrote it has to be told. */
function readiness(accepted: ConditionFinding): ConditionFinding {
  if (accepted.status === 'False') return notReady(accepted)
  if (accepted.reason === 'RuleMatchesNothing') return { ...accepted, type: 'Ready' }
  return { type: 'Ready', status: 'True', reason: 'Ready', message: 'The role is published.' }
}

function acceptance(observed: {
  missing: readonly string[]
  idle: readonly string[]
  schemaFault?: string | undefined
}): ConditionFinding {
  const { missing, idle, schemaFault } = observed
  if (schemaFault !== undefined) return { type: 'Accepted', status: 'False', reason: 'Invalid', message: schemaFault }
  if (missing.length === 0 && idle.length > 0) {
    return { type: 'Accepted', status: 'True', reason: 'RuleMatchesNothing', message: sentences(idle) }
  }
  if (missing.length === 0) {
    return { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'Every rule names known services.' }
  }
  return {
    type: 'Accepted',
    status: 'False',
    reason: 'ServiceNotFound',
    message: `There is no GuardedService ${nameSome(missing, 10)} in this namespace; the other rules count. Create it or correct the name.`,
  }
}

/** The first of them: the next come when these are mended. */
function sentences(idle: readonly string[]): string {
  const more = idle.length > 5 ? ` And ${idle.length - 5} more.` : ''
  return idle.slice(0, 5).join(' ') + more
}

import type { PublishedKey } from '../api/access-key.ts'
import type { ApiClient, ApiClientStatus } from '../api/api-client.ts'
import { secondsOfTime } from '../base/time.ts'
import { gaveUp, type ResolvedClient } from '../registry/resolve-clients.ts'
import { isPaused, pausedFindings } from './paused.ts'
import { type ConditionFinding, notReady, type PlannedEvent, reportConditions } from './report.ts'

/** The status of a client of this installation. @param now RFC 3339, whole seconds */
export function planApiClient(
  observed: {
    readonly object: ApiClient
    readonly client: ResolvedClient
    /** Keys that verify tokens now. */
    readonly usableKeys: number
    readonly schemaFault?: string | undefined
  },
  now: string,
): ApiClientStatus {
  const { object, client, usableKeys, schemaFault } = observed
  const { generation } = object.metadata
  const accepted = client.accepted && schemaFault === undefined
  const suspended = client.suspended
  return {
    ...(generation !== undefined && { observedGeneration: generation }),
    conditions: reportConditions(
      object.status?.conditions,
      generation,
      now,
      pausedFindings(
        [acceptance(client, schemaFault), readiness(acceptance(client, schemaFault), suspended)],
        isPaused(object) ? { left: nothingLeft, withheld: false } : undefined,
      ),
    ),
    clientId: client.clientId,
    // Those that never heard of identities keep the status that they have.
    ...(object.spec.identity !== undefined && { identity: object.spec.identity }),
    issuer: client.issuer,
    state: !accepted ? 'Refused' : suspended ? 'Suspended' : 'Active',
    keys: accepted && !suspended ? usableKeys : 0,
  }
}

/** Told once the status says so: everything that the client had under its id before is over. */
export function identityEvents(previous: ApiClientStatus | undefined, client: ResolvedClient): PlannedEvent[] {
  const before = gaveUp(client, previous?.clientId)
  if (before === undefined) return []
  const identity = client.client.spec.identity
  return [
    {
      type: 'Warning',
      reason: 'IdentityReplaced',
      action: 'Reconcile',
      note: `Identity ${identity} takes the place of ${before}: the client id is ${client.clientId}. Tokens of the one before are refused, keys are minted anew, and its grants give nothing until they are written again: latchkey replaced lists them.`,
    },
  ]
}

const nothingLeft = 'Nothing is held back: who a client is, and whether it is suspended, follows from its spec at once.'

function acceptance(client: ResolvedClient, schemaFault: string | undefined): ConditionFinding {
  if (schemaFault !== undefined) return { type: 'Accepted', status: 'False', reason: 'Invalid', message: schemaFault }
  const { accepted, reason, message } = client
  return { type: 'Accepted', status: accepted ? 'True' : 'False', reason, message }
}

function readiness(accepted: ConditionFinding, suspended: boolean): ConditionFinding {
  if (accepted.status === 'False') return notReady(accepted)
  if (suspended) return { type: 'Ready', status: 'True', reason: 'Suspended', message: 'The client is suspended.' }
  return { type: 'Ready', status: 'True', reason: 'Ready', message: 'The client is published.' }
}

/** Whether it can be used now: the next key of a rotation is in no client's hands yet. @param now seconds since epoch */
export function canBeUsed({ state, notAfter }: PublishedKey, now: number): boolean {
  const isUsed = state === 'Active' || state === 'Retiring'
  return isUsed && (notAfter === undefined || secondsOfTime(notAfter) > now)
}

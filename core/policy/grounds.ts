import { lookup } from '../base/shared-map.ts'
import type { RoleRow, ServiceRow } from '../rows/rows.ts'
import type { ClientEntry, ClientGrants, ClusterEntry, Snapshot } from '../snapshot/snapshot.ts'
import type { Decision } from './decision.ts'
import { callerOf } from './known-identity.ts'

/**
 * What a call was let through by. While all of it is the same and `endsAt` has not come, it would be let through again, so
 * an open call need not be decided again. Holds parts of a snapshot, never a whole one: those that nobody else holds go.
 */
export interface Grounds {
  readonly service: ServiceRow | undefined
  /** Whether the policy could be read. */
  readonly isReadable: boolean
  /** When key or grant end, seconds since epoch. */
  readonly endsAt: number
  /** Absent where it passes whoever calls: on a public path, or by audit mode. */
  readonly granted: Granted | undefined
}

interface Granted {
  readonly clientId: string
  readonly client: ClientEntry | undefined
  readonly grants: ClientGrants | undefined
  /** A role only adds: what another one says takes nothing away. */
  readonly roleName: string
  readonly role: RoleRow | undefined
  readonly cluster: ClusterEntry | undefined
}

/** @param decision that let the call through, from this snapshot */
export function groundsOf(decision: Decision, snapshot: Snapshot): Grounds {
  const { service, policy, cluster } = snapshot
  const open = { service, isReadable: policy !== undefined, endsAt: Number.POSITIVE_INFINITY, granted: undefined }
  if (decision.reason !== 'granted' || !decision.identity) return open
  const { clientId } = decision.identity
  const grants = lookup(snapshot.grantsByClient, clientId)
  const grant = grants?.grants.find(({ name }) => name === decision.grant)
  const roleName = grant?.role ?? ''
  return {
    ...open,
    endsAt: Math.min(
      callerOf(decision.identity, snapshot)?.endsAt ?? Number.NEGATIVE_INFINITY,
      grant?.expiresAt ?? Number.POSITIVE_INFINITY,
    ),
    granted: {
      clientId,
      client: lookup(snapshot.clients, clientId),
      grants,
      roleName,
      role: lookup(snapshot.roles, roleName),
      cluster,
    },
  }
}

/** Whether they are what this snapshot says too. @param now seconds since epoch */
export function stillHold({ service, isReadable, endsAt, granted }: Grounds, snapshot: Snapshot, now: number): boolean {
  if (now >= endsAt || snapshot.service !== service || (snapshot.policy !== undefined) !== isReadable) return false
  if (!granted) return true
  const { clientId, client, grants, roleName, role, cluster } = granted
  return (
    lookup(snapshot.clients, clientId) === client &&
    lookup(snapshot.grantsByClient, clientId) === grants &&
    lookup(snapshot.roles, roleName) === role &&
    snapshot.cluster === cluster
  )
}

import type { ClientRow } from '../snapshot/rows.ts'
import { lookup } from '../snapshot/shared-map.ts'
import type { ClientEntry, Snapshot } from '../snapshot/snapshot.ts'
import { checkStanding, isOlderThanKey } from '../token/standing.ts'
import type { DenyReason, Identity } from './decision.ts'

/**
 * Whether an identity that was proved once still counts under this snapshot: the whole standing of client, key,
 * service account and pod, and what the service takes. A cache of identities needs no flush because of it.
 * @param now seconds since epoch
 * @returns the client, or why not
 */
export function checkIdentity(identity: Identity, snapshot: Snapshot, now: number): ClientRow | DenyReason {
  const { clientId, proof } = identity
  const client = lookup(snapshot.clients, clientId)
  if ((!client || client.departed) && snapshot.unsupported.has(`client/${clientId}`)) return 'policy_unsupported'
  if (!client) return 'invalid_token'
  const fault =
    identity.credential === 'ClientToken'
      ? checkClientKey(identity, client, now)
      : checkServiceAccount(identity, client, now)
  if (fault) return fault
  if (now >= identity.expiresAt) return 'token_expired'
  if (proof.audience !== snapshot.service?.audience) return 'wrong_audience'
  if (!snapshot.service.accepts.includes(identity.credential)) return 'credential_unsupported'
  return client.departed ? 'not_granted' : client.row
}

function checkClientKey(identity: Identity, { row, keys }: ClientEntry, now: number): DenyReason | undefined {
  const key = keys.find(({ row: { kid } }) => kid === identity.key)?.row
  if (!key) return 'invalid_token'
  return (
    checkStanding(row, key, now) ?? (isOlderThanKey(identity.proof.issuedAt, row, key) ? 'invalid_token' : undefined)
  )
}

function checkServiceAccount(identity: Identity, { row }: ClientEntry, now: number): DenyReason | undefined {
  const { serviceAccountUid, podUid } = identity.proof
  const account = row.serviceAccounts?.find(({ uid }) => uid === serviceAccountUid)
  if (!account || podUid === undefined || !account.pods.includes(podUid)) return 'invalid_token'
  return checkStanding(row, undefined, now)
}

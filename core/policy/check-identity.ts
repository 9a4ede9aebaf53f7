import type { Identity } from '../base/identity.ts'
import type { DenyReason } from '../base/reasons.ts'
import { lookup } from '../base/shared-map.ts'
import { checkStanding, isOlderThanKey } from '../credential/standing.ts'
import type { ClientRow } from '../rows/rows.ts'
import type { ClientEntry, Snapshot } from '../snapshot/snapshot.ts'

/**
 * Whether an identity that was proved once still counts under this snapshot: the whole standing of client, key,
 * service account and pod, and what the service takes. A cache of identities needs no flush because of it. What is told
 * is what verifyToken would say of the same token: the order of the checks is the same.
 * @param now seconds since epoch
 * @returns the client, or why not
 */
export function checkIdentity(identity: Identity, snapshot: Snapshot, now: number): ClientRow | DenyReason {
  const { clientId, credential } = identity
  const client = lookup(snapshot.clients, clientId)
  if (!client) return snapshot.unsupported.has(`client/${clientId}`) ? 'policy_unsupported' : 'invalid_token'
  const fault =
    credential === 'ClientToken' ? checkKey(identity, client, now) : checkCluster(identity, client, snapshot)
  if (fault) return fault
  if (now >= identity.expiresAt) return 'token_expired'
  return checkUse(identity, client, snapshot) ?? client.row
}

function checkKey({ key, proof }: Identity, { row, keys }: ClientEntry, now: number): DenyReason | undefined {
  const found = keys.find(({ row: { kid } }) => kid === key)?.row
  return found && proof.issuer === row.issuer ? checkStanding(row, found, now) : 'invalid_token'
}

/** The cluster's key must still be one that signs: it may have been taken away because somebody else has it. */
function checkCluster({ proof }: Identity, { row }: ClientEntry, { cluster }: Snapshot): DenyReason | undefined {
  const signs = cluster?.issuer === proof.issuer && cluster.keys.some(({ row: { kid } }) => kid === proof.clusterKid)
  return signs ? checkStanding(row, undefined, 0) : 'invalid_token'
}

/** What a token that is genuine and has not ended may still be refused for. */
function checkUse(identity: Identity, { row, keys }: ClientEntry, { service }: Snapshot): DenyReason | undefined {
  const { credential, proof } = identity
  const key = keys.find(({ row: { kid } }) => kid === identity.key)?.row
  if (key && isOlderThanKey(proof.issuedAt, row, key)) return 'token_predates_key'
  if (proof.audience !== service?.audience) return 'wrong_audience'
  if (!service.accepts.includes(credential)) return 'credential_unsupported'
  if (credential === 'ClientToken') return undefined
  const account = row.serviceAccounts?.find(({ uid }) => uid === proof.serviceAccountUid)
  return account && proof.podUid !== undefined && account.pods.includes(proof.podUid) ? undefined : 'pod_unknown'
}

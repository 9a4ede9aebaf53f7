import type { Identity } from '../base/identity.ts'
import type { DenyReason } from '../base/reasons.ts'
import { lookup } from '../base/shared-map.ts'
import { credentialTable } from '../credential/table.ts'
import type { ClientRow } from '../rows/rows.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'

/**
 * Whether an identity that was proved once still counts under this snapshot: the whole standing of its client and of
 * what its credential stands on, and what the service takes. A cache of identities needs no flush because of it. What is
 * told is what would be said of the same credential if it were proved anew: the order of the checks is the same.
 * @param now seconds since epoch
 * @returns the client, or why not
 */
export function checkIdentity(identity: Identity, snapshot: Snapshot, now: number): ClientRow | DenyReason {
  const { clientId, credential } = identity
  const client = lookup(snapshot.clients, clientId)
  if (!client) return snapshot.unsupported.has(`client/${clientId}`) ? 'policy_unsupported' : 'invalid_token'
  const kind = credentialTable[credential]
  const fault = kind.checkStanding(identity, client, snapshot, now)
  if (fault) return fault
  if (now >= identity.expiresAt) return 'token_expired'
  return kind.checkUse(identity, client, snapshot.service) ?? client.row
}

import type { Identity } from '../base/identity.ts'
import type { DenyReason } from '../base/reasons.ts'
import { lookup } from '../base/shared-map.ts'
import type { KeyRow } from '../rows/rows.ts'
import { type ClientEntry, keyObjectOf } from '../snapshot/client-entry.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'
import { clientTokenChecks, firstFault } from './claim-checks.ts'
import { checkTimes, readAudience, timesOf } from './claims.ts'
import { toleranceSeconds } from './client-token.ts'
import type { CompactToken } from './compact.ts'
import { isSignedBy } from './signed.ts'
import { checkStanding, isOlderThanKey } from './standing.ts'

const noScopes: readonly string[] = []

/** A token that a client signed with one of its keys; see verifyToken for the order of the checks. */
export function verifyClientToken(
  token: CompactToken,
  iss: string,
  snapshot: Snapshot,
  now: number,
): Identity | DenyReason {
  const client = clientOf(lookup(snapshot.clientsByIssuer, iss), token.payload.sub)
  const key = client?.keys.find(({ row }) => row.kid === token.header.kid)
  if (!client || !key) return 'invalid_token'
  const { algorithm } = key.row
  if (!isSignedBy(token, algorithm, keyObjectOf(key, algorithm))) return 'invalid_token'
  return checkStanding(client.row, key.row, now) ?? identify(token, client, key.row, snapshot, now)
}

/** Whose key may have signed: an issuer is one client's, and says so also where `sub` is wrong. */
function clientOf(clients: readonly ClientEntry[] = [], sub: unknown): ClientEntry | undefined {
  return clients.find(({ row }) => row.clientId === sub) ?? (clients.length === 1 ? clients[0] : undefined)
}

/** Proved: from here on it is said what is wrong. All other claims are ignored, roles above all. */
function identify(
  token: CompactToken,
  { row }: ClientEntry,
  key: KeyRow,
  { service }: Snapshot,
  now: number,
): Identity | DenyReason {
  const claims = token.payload
  const times = timesOf(claims)
  const audience = readAudience(claims)
  const fault = firstFault(clientTokenChecks, token, row.clientId) ?? checkTimes(claims, times, now)
  if (fault) return fault
  if (isOlderThanKey(times.issuedAt, row, key)) return 'token_predates_key'
  if (audience === undefined || audience !== service?.audience) return 'wrong_audience'
  if (!service.accepts.includes('ClientToken')) return 'credential_unsupported'
  const endsAt = times.expiresAt + toleranceSeconds
  return {
    clientId: row.clientId,
    client: `${row.namespace}/${row.name}`,
    key: key.kid,
    credential: 'ClientToken',
    subject: row.clientId,
    scopes: noScopes,
    expiresAt: Math.min(endsAt, key.notAfter ?? Number.MAX_SAFE_INTEGER),
    ...(key.roles && { roles: key.roles }),
    proof: { issuedAt: times.issuedAt, endsAt, audience, issuer: row.issuer },
  }
}

import { algorithms } from '../keys/algorithms.ts'
import { verifySignature } from '../keys/signature.ts'
import type { DenyReason, Identity } from '../policy/decision.ts'
import { type ClientEntry, type KeyEntry, keyObjectOf } from '../snapshot/client-entry.ts'
import type { KeyRow } from '../snapshot/rows.ts'
import { lookup } from '../snapshot/shared-map.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'
import { checkTimes, readAudience, readTimes } from './claims.ts'
import { maxLifetimeSeconds, toleranceSeconds } from './client-token.ts'
import type { CompactToken } from './compact.ts'
import { checkStanding, isOlderThanKey } from './standing.ts'

const noScopes: readonly string[] = []
/** Longest `jti`, characters. */
const maxJtiLength = 128

/** A token that a client signed with one of its keys; see verifyToken for the order of the checks. */
export function verifyClientToken(
  token: CompactToken,
  iss: string,
  snapshot: Snapshot,
  now: number,
): Identity | DenyReason {
  if (!isClientTokenType(token.header.typ)) return 'invalid_token'
  const { sub } = token.payload
  const client = lookup(snapshot.clientsByIssuer, iss)?.find(({ row }) => row.clientId === sub)
  const key = client?.keys.find(({ row }) => row.kid === token.header.kid)
  if (!client || !key || !isSignedBy(token, key)) return 'invalid_token'
  return checkStanding(client.row, key.row, now) ?? identify(token.payload, client, key.row, snapshot, now)
}

/** RFC 9068 section 2.1; media types are compared without case (RFC 7515 section 4.1.9). */
function isClientTokenType(typ: unknown): boolean {
  if (typ === 'at+jwt') return true
  if (typeof typ !== 'string' || typ.length > 32) return false
  const type = typ.toLowerCase()
  return type === 'at+jwt' || type === 'application/at+jwt'
}

/** The algorithm is the key's: the token may only name it. */
function isSignedBy({ header, signingInput, signature }: CompactToken, key: KeyEntry<KeyRow>): boolean {
  const { algorithm } = key.row
  const { alg } = header
  if (typeof alg !== 'string' || !algorithms[algorithm].tokenAlgorithms.includes(alg)) return false
  const publicKey = keyObjectOf(key, algorithm)
  return publicKey !== undefined && verifySignature(algorithm, publicKey, signingInput, signature)
}

/** Proved: from here on it is said what is wrong. All other claims are ignored, roles above all. */
function identify(
  claims: CompactToken['payload'],
  { row }: ClientEntry,
  key: KeyRow,
  { service }: Snapshot,
  now: number,
): Identity | DenyReason {
  const times = readTimes(claims, maxLifetimeSeconds)
  const audience = readAudience(claims)
  if (!times || audience === undefined || claims.client_id !== row.clientId || !isJti(claims.jti))
    return 'invalid_token'
  const fault = checkTimes(claims, times, now)
  if (fault) return fault
  if (isOlderThanKey(times.issuedAt, row, key)) return 'invalid_token'
  if (audience !== service?.audience) return 'wrong_audience'
  if (!service.accepts.includes('ClientToken')) return 'credential_unsupported'
  return {
    clientId: row.clientId,
    client: `${row.namespace}/${row.name}`,
    key: key.kid,
    credential: 'ClientToken',
    subject: row.clientId,
    scopes: noScopes,
    expiresAt: Math.min(times.expiresAt + toleranceSeconds, key.notAfter ?? Number.MAX_SAFE_INTEGER),
    ...(key.roles && { roles: key.roles }),
    proof: { issuedAt: times.issuedAt, audience },
  }
}

function isJti(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && value.length <= maxJtiLength
}

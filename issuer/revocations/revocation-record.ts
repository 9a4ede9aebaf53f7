import { maxAccessTokenSeconds } from '../../core/credential/access-token-claims.ts'
import { isTime } from '../../core/credential/claims.ts'
import { toleranceSeconds } from '../../core/credential/client-token-claims.ts'
import { revocationId } from '../../core/credential/revocation.ts'
import type { NewRecord, RecordKey, StoredRecord, Tenant } from '../store/store.ts'
import type { OwnToken } from '../tokens/own-token.ts'

/** A token that was revoked, or all that a client was given until some time. Times in seconds since epoch. */
export type Revocation = OneRevoked | AllRevoked

export interface OneRevoked {
  readonly clientId: string
  readonly audience: string
  /** See core/credential/revocation.ts. */
  readonly id: string
  readonly issuedAt: number
  readonly endsAt: number
}

export interface AllRevoked {
  readonly clientId: string
  readonly upTo: number
  readonly endsAt: number
}

/** Under which a token's own revocation is kept. */
export function keyOfToken({ jti }: OwnToken, tenant: Tenant): RecordKey {
  return { type: 'Revocation', tenant, id: jti }
}

export function recordOfToken(token: OwnToken, issuer: string): NewRecord {
  const { clientId, audience, issuedAt, expiresAt } = token
  // Guards take it for the tolerance beyond its end.
  const endsAt = expiresAt + toleranceSeconds
  return { endsAt, value: { clientId, audience, id: revocationId(issuer, token.jti), issuedAt } }
}

/** Under which it is kept that all is revoked. No `jti` of ours begins so. */
export function keyOfClient(clientId: string): RecordKey {
  return { type: 'Revocation', tenant: 'installation', id: `client ${clientId}` }
}

/** Until the last token that it concerns has ended. */
export function recordOfClient(clientId: string, upTo: number): NewRecord {
  return { endsAt: upTo + maxAccessTokenSeconds + toleranceSeconds, value: { clientId, upTo } }
}

/** @throws Error for what is none: it must not be passed over */
export function readRevocation({ endsAt, value = {} }: StoredRecord): Revocation {
  const { clientId, audience, id, issuedAt, upTo } = value
  if (typeof clientId !== 'string') throw new Error('a revocation of the token store names no client')
  if (isTime(upTo)) return { clientId, upTo, endsAt }
  if (typeof audience !== 'string' || typeof id !== 'string' || !isTime(issuedAt))
    throw new Error('a revocation of the token store is none')
  return { clientId, audience, id, issuedAt, endsAt }
}

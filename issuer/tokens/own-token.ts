import { isRecord } from '../../core/base/is-record.ts'
import { keyClaim } from '../../core/credential/access-token-claims.ts'
import { isTime } from '../../core/credential/claims.ts'
import { clientTokenType } from '../../core/credential/client-token-claims.ts'
import { parseCompact } from '../../core/credential/compact.ts'
import { isSignedBy } from '../../core/credential/signed.ts'
import { importPublicKey } from '../../core/jose/jwk.ts'
import type { PublishableKey } from '../../core/jose/jwks.ts'
import type { Act } from './token-bounds.ts'

/** An access token that one of our servers gave and that has not ended. Times in seconds since epoch. */
export interface OwnToken {
  readonly clientId: string
  readonly subject: string
  readonly audience: string
  readonly jti: string
  readonly issuedAt: number
  readonly expiresAt: number
  readonly scope?: string
  readonly roles: readonly string[]
  /** What the client got it with. */
  readonly keyId: string
  readonly act?: Act
}

/**
 * Reads a token that this issuer signed. To the second: nobody else's clock is in it.
 * @param keys the issuer's own, also those that sign no more
 * @returns undefined for what is anything else, and for what has ended
 */
export function readOwnToken(
  text: string,
  issuer: string,
  keys: readonly PublishableKey[],
  now: number,
): OwnToken | undefined {
  const token = parseCompact(text)
  const key = token && keys.find(({ kid }) => kid === token.header.kid)
  if (!key || token.header.typ !== clientTokenType || token.payload.iss !== issuer) return undefined
  if (!isSignedBy(token, key.algorithm, importPublicKey(key.publicKey, key.algorithm))) return undefined
  const {
    client_id: clientId,
    sub: subject,
    aud: audience,
    jti,
    iat,
    exp,
    scope,
    roles,
    [keyClaim]: keyId,
  } = token.payload
  if (!isText(clientId) || !isText(subject) || !isText(audience) || !isText(jti) || !isText(keyId)) return undefined
  const act = readAct(token.payload.act)
  if (!isTime(iat) || !isTime(exp) || now >= exp) return undefined
  return {
    ...{ clientId, subject, audience, jti, issuedAt: iat, expiresAt: exp, keyId },
    ...(isText(scope) && { scope }),
    ...(act && { act }),
    roles: Array.isArray(roles) ? roles.filter(isText) : [],
  }
}

/** We wrote it: what has another form is none of ours. */
function readAct(value: unknown): Act | undefined {
  if (!isRecord(value) || !isText(value.sub)) return undefined
  const act = readAct(value.act)
  return { sub: value.sub, ...(act && { act }) }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

import { clientTokenType } from '../core/credential/client-token-claims.ts'
import { parseCompact } from '../core/credential/compact.ts'
import { algorithms } from '../core/jose/algorithms.ts'
import { verifySignature } from '../core/jose/signature.ts'
import { fail } from './access-error.ts'
import { type Caller, checkClaims, claimedIssuer, invalid } from './claims.ts'
import { createKeyCache, type KeyCacheOptions } from './key-cache.ts'

export type { Caller } from './claims.ts'

export interface VerifierOptions extends KeyCacheOptions {
  /** Issuer URL of the installation: the file `issuer` of any of its Secrets. */
  readonly issuer: string
  /** Audience of this service, exactly. */
  readonly audience: string
  /** Client ids that may call. Left out: every client of the installation, which says who it is and no more. */
  readonly clients?: readonly string[]
}

export interface Verifier {
  /** What callers put into `aud`. */
  readonly audience: string
  /**
   * Proves a client token against the keys its client publishes.
   * @throws AccessError invalid_token | token_expired | wrong_audience | client_not_listed | keys_unavailable
   */
  verify(token: string): Promise<Caller>
}

/**
 * For a service that has no guard in front of it. It proves who calls and knows nothing of roles and grants; a revoked
 * key is refused when its client's key set was read again, after `cacheSeconds` or, with the issuer away, after
 * `maxStaleSeconds`. A guard knows within a fraction of a second.
 * @throws AccessError option_invalid
 */
export function verifier(options: VerifierOptions): Verifier {
  const { audience, clients } = options
  const issuer = options.issuer.replace(/\/$/, '')
  if (!URL.canParse(issuer) || new URL(issuer).protocol !== 'https:') {
    fail('option_invalid', 'issuer must be an https URL')
  }
  if (audience === '') fail('option_invalid', 'audience must not be empty')
  const keyOf = createKeyCache(options)
  const listed = clients && new Set(clients)

  return {
    audience,
    async verify(token) {
      const parsed = parseCompact(token)
      if (!parsed) return invalid()
      const { typ, alg, kid } = parsed.header
      if (!isClientTokenType(typ) || typeof alg !== 'string' || typeof kid !== 'string') return invalid()
      const clientIssuer = claimedIssuer(parsed.payload, issuer)
      const clientId = String(parsed.payload.sub)
      // Before anything is fetched: names that are not on the list, made-up ones among them, cost the issuer nothing.
      if (listed && !listed.has(clientId)) fail('client_not_listed', 'This client may not call this service.')
      const key = await keyOf(clientIssuer, kid)
      if (!key || !algorithms[key.algorithm].tokenAlgorithms.includes(alg)) return invalid()
      if (!verifySignature(key.algorithm, key.key, parsed.signingInput, parsed.signature)) return invalid()
      const { expiresAt, tokenId } = checkClaims(parsed.payload, audience, Date.now() / 1_000)
      return { clientId, issuer: clientIssuer, subject: clientId, keyId: kid, audience, tokenId, expiresAt }
    },
  }
}

/** Media types compare without case, and `application/` may stand before: RFC 7515 section 4.1.9. */
function isClientTokenType(typ: unknown): boolean {
  return typeof typ === 'string' && typ.toLowerCase().replace(/^application\//, '') === clientTokenType
}

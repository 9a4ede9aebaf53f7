import { clientTokenType } from '../core/credential/client-token-claims.ts'
import { parseCompact } from '../core/credential/compact.ts'
import { algorithms } from '../core/jose/algorithms.ts'
import { verifySignature } from '../core/jose/signature.ts'
import { fail } from './access-error.ts'
import { type CheckOptions, type CheckRequest, type CheckResult, createChecker } from './check.ts'
import { type Caller, checkClaims, claimedIssuer, invalid } from './claims.ts'
import { createKeyCache, type KeyCacheOptions } from './key-cache.ts'

export type { CheckOptions, CheckRequest, CheckResult } from './check.ts'
export type { Caller } from './claims.ts'

export interface VerifierOptions extends KeyCacheOptions {
  /** Issuer URL of the installation: the file `issuer` of any of its Secrets. */
  readonly issuer: string
  /** Audience of this service, exactly. */
  readonly audience: string
  /** Client ids that may call. Left out: every client of the installation, which says who it is and no more. */
  readonly clients?: readonly string[]
  /** For `check`: whose policy decides, and who asks. */
  readonly check?: CheckOptions
}

export interface Verifier {
  /** What callers put into `aud`. */
  readonly audience: string
  /**
   * Proves a client token against the keys its client publishes.
   * @throws AccessError invalid_token | token_expired | wrong_audience | client_not_listed | keys_unavailable
   */
  verify(token: string): Promise<Caller>
  /**
   * Asks the issuer what the guard of the service would say: of a credential of any kind that the service takes, and of
   * roles and grants. For one request, or for several at once.
   * @throws AccessError option_invalid without the option `check`; check_refused | check_unavailable | key_missing
   */
  check(request: CheckRequest): Promise<CheckResult>
  check(requests: readonly CheckRequest[]): Promise<readonly CheckResult[]>
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
  const { ca, timeoutMs = 5_000 } = options
  const checker = options.check && createChecker(options.check, { issuer, ca, timeoutMs })

  async function check(request: CheckRequest): Promise<CheckResult>
  async function check(requests: readonly CheckRequest[]): Promise<readonly CheckResult[]>
  async function check(asked: CheckRequest | readonly CheckRequest[]) {
    if (!checker) return fail('option_invalid', 'The verifier needs the option check: { service }.')
    if (isList(asked)) return checker.check(asked)
    const [only] = await checker.check([asked])
    return only
  }

  return {
    audience,
    check,
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

function isList(asked: CheckRequest | readonly CheckRequest[]): asked is readonly CheckRequest[] {
  return Array.isArray(asked)
}

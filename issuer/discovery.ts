import { algorithms } from '../core/keys/algorithms.ts'
import type { PublishableKey } from '../core/keys/jwks.ts'

/** A discovery document: what a stock OIDC library needs to verify tokens, and nothing that does not exist. */
export interface DiscoveryDocument {
  readonly issuer: string
  readonly jwks_uri: string
  readonly response_types_supported: readonly string[]
  readonly subject_types_supported: readonly string[]
  readonly id_token_signing_alg_values_supported: readonly string[]
}

/**
 * The document of an issuer: the installation's own, or a client's, which signs its tokens itself and has no token
 * endpoint.
 * @see OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2
 */
export function discoveryOf(issuer: string, keys: readonly PublishableKey[]): DiscoveryDocument {
  const written = keys.map(key => algorithms[key.algorithm].writes)
  return {
    issuer,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    // Required members; this is what Kubernetes publishes for the same purpose.
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [...new Set(written)],
  }
}

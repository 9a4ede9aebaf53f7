import { algorithms } from '../../core/jose/algorithms.ts'

/** A discovery document: what a stock OIDC library needs to verify tokens, and nothing that does not exist. */
export interface DiscoveryDocument {
  readonly issuer: string
  readonly jwks_uri: string
  readonly response_types_supported: readonly string[]
  readonly subject_types_supported: readonly string[]
  readonly id_token_signing_alg_values_supported: readonly string[]
}

const written = [...new Set(Object.values(algorithms).map(({ writes }) => writes))]

/**
 * The document of an issuer: the installation's own, or a client's, which signs its tokens itself and has no token
 * endpoint.
 * @see OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2
 */
export function discoveryOf(issuer: string): DiscoveryDocument {
  return {
    issuer,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    // Required members; this is what Kubernetes publishes for the same purpose.
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    // Not those of today's keys: some libraries read this list once, and the next key may be of another kind.
    id_token_signing_alg_values_supported: written,
  }
}

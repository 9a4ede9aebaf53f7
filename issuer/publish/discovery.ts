import { algorithms } from '../../core/jose/algorithms.ts'
import type { Endpoint } from '../tokens/authorization-servers.ts'
import { grantTypes } from '../tokens/exchange.ts'

/** A discovery document: what a stock OIDC library needs to verify tokens, and nothing that does not exist. */
export interface DiscoveryDocument {
  readonly issuer: string
  readonly jwks_uri: string
  readonly response_types_supported: readonly string[]
  readonly subject_types_supported: readonly string[]
  readonly id_token_signing_alg_values_supported: readonly string[]
  readonly token_endpoint?: string
  readonly introspection_endpoint?: string
  readonly revocation_endpoint?: string
  readonly [name: `grant_types${string}` | `${string}_endpoint_auth_${string}`]: readonly string[]
}

const written = [...new Set(Object.values(algorithms).map(({ writes }) => writes))]

/** Of what the issuer signs: with the other name of EdDSA, tokens from before it was chosen are on their way. */
export function writtenByIssuer(ed25519Alg: string): readonly string[] {
  return [...new Set([ed25519Alg, ...written])]
}

/**
 * The document of an issuer.
 * @param own what an issuer with endpoints has; a client, which signs its tokens itself, has none
 * @see OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2
 */
export function discoveryOf(
  issuer: string,
  own?: { readonly urls: Readonly<Record<Endpoint, string>>; readonly algs: readonly string[] },
): DiscoveryDocument {
  return {
    issuer,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    // Required members; this is what Kubernetes publishes for the same purpose.
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    // Not those of today's keys: some libraries read this list once, and the next key may be of another kind.
    id_token_signing_alg_values_supported: own?.algs ?? written,
    ...(own && endpointsOf(own.urls)),
  }
}

const methods = ['private_key_jwt', 'client_secret_basic', 'client_secret_post']
const read = [...new Set(Object.values(algorithms).flatMap(({ tokenAlgorithms }) => tokenAlgorithms))]

function endpointsOf({ token, introspect, revoke }: Readonly<Record<Endpoint, string>>) {
  return {
    token_endpoint: token,
    introspection_endpoint: introspect,
    revocation_endpoint: revoke,
    grant_types_supported: ['client_credentials', ...Object.values(grantTypes)],
    // Who shows a token in exchange needs no proof beside it.
    token_endpoint_auth_methods_supported: [...methods, 'none'],
    token_endpoint_auth_signing_alg_values_supported: read,
    // RFC 8414 section 2: beside ways of clients, types of access tokens.
    introspection_endpoint_auth_methods_supported: [...methods, 'Bearer'],
    introspection_endpoint_auth_signing_alg_values_supported: read,
    revocation_endpoint_auth_methods_supported: methods,
    revocation_endpoint_auth_signing_alg_values_supported: read,
  }
}

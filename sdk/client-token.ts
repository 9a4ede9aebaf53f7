import { randomUUID, sign } from 'node:crypto'
import { clientTokenClaims, clientTokenType } from '../core/credential/client-token-claims.ts'
import { algorithms } from '../core/jose/algorithms.ts'
import type { ClientKey } from './private-key.ts'

/** What one client token is for. */
export interface TokenRequest {
  readonly audience: string
  /** Seconds since epoch. */
  readonly now: number
  readonly lifetimeSeconds: number
  /** How an Ed25519 signature is called: RFC 8037 says `EdDSA`, RFC 9864 `Ed25519`. */
  readonly algorithmName: 'EdDSA' | 'Ed25519'
}

/**
 * Signs a client token: an RFC 9068 access token that the client issues itself. It carries no roles.
 * @returns JWS in compact form
 * @see RFC 9068 section 2, RFC 7515 section 7.1
 */
export function signClientToken(key: ClientKey, request: TokenRequest): string {
  const { clientId, issuer } = key
  const { audience, now, lifetimeSeconds, algorithmName } = request
  const claims = clientTokenClaims({ clientId, issuer, audience, now, lifetimeSeconds, jti: randomUUID() })
  return signJwt(key, clientTokenType, claims, algorithmName)
}

/** @returns JWS in compact form */
export function signJwt(
  key: ClientKey,
  typ: string,
  claims: object,
  algorithmName: TokenRequest['algorithmName'] = 'EdDSA',
): string {
  const alg = key.algorithm === 'Ed25519' ? algorithmName : algorithms[key.algorithm].writes
  const input = `${encode({ alg, typ, kid: key.kid })}.${encode(claims)}`
  return `${input}.${signature(key, input)}`
}

function signature(key: ClientKey, input: string): string {
  // An EC signature in a JWS is r and s side by side, not DER: RFC 7518 section 3.4.
  const parameters = { key: key.privateKey, dsaEncoding: 'ieee-p1363' as const }
  return sign(algorithms[key.algorithm].hash, Buffer.from(input), parameters).toString('base64url')
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}

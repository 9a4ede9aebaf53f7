import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import type { PublicJwk } from '../../core/api/access-key.ts'
import { clientTokenClaims, clientTokenType, maxLifetimeSeconds } from '../../core/credential/client-token-claims.ts'
import { thumbprint } from '../../core/jose/jwk.ts'

export const issuer = 'https://latchkey-issuer.latchkey-system.svc/default'
export const service = 'shop/orders'
export const audience = 'https://orders.shop.svc'

/** A client with a real Ed25519 key, which its number decides. */
export interface BenchClient {
  readonly name: string
  readonly clientId: string
  readonly issuer: string
  readonly kid: string
  readonly publicKey: PublicJwk
  readonly privateKey: KeyObject
}

export const nowSeconds = (): number => Math.floor(Date.now() / 1_000)

/** RFC 8410 section 7: what stands before the 32 bytes of a private key. */
const privateKeyPrefix = Buffer.from('302e020100300506032b657004220420', 'hex')

export function benchClient(number: number): BenchClient {
  const name = numbered('caller', number)
  const clientId = `callers.${name}`
  const seed = createHash('sha256').update(name).digest()
  const der = Buffer.concat([privateKeyPrefix, seed])
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' })
  const publicKey: PublicJwk = { kty: 'OKP', crv: 'Ed25519', x }
  const kid = thumbprint(publicKey)
  return { name, clientId, issuer: `${issuer}/v1/clients/${clientId}`, kid, publicKey, privateKey }
}

/** Names sort as their numbers do. */
export function numbered(word: string, number: number): string {
  return `${word}-${String(number).padStart(6, '0')}`
}

/**
 * Signs a token of the longest life.
 * @param jti another one makes another token of the same client
 */
export function clientToken(client: BenchClient, jti: string, now: number): string {
  const claims = clientTokenClaims({ ...client, audience, now, lifetimeSeconds: maxLifetimeSeconds, jti })
  const header = { typ: clientTokenType, alg: 'EdDSA', kid: client.kid }
  const input = `${part(header)}.${part(claims)}`
  return `${input}.${sign(null, Buffer.from(input), client.privateKey).toString('base64url')}`
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

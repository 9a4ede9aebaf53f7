import { createPrivateKey, createPublicKey, type KeyObject, type webcrypto } from 'node:crypto'
import { algorithms } from '../core/jose/algorithms.ts'
import { thumbprint } from '../core/jose/jwk.ts'
import { fail } from './access-error.ts'

/** The private key of a client as its Secret holds it: a JWK with two members of ours. */
export interface ClientJwk {
  readonly kty?: string
  readonly crv?: string
  readonly x?: string
  readonly y?: string
  readonly d?: string
  readonly n?: string
  readonly e?: string
  readonly p?: string
  readonly q?: string
  readonly dp?: string
  readonly dq?: string
  readonly qi?: string
  readonly kid?: string
  readonly alg?: string
  /** Client id. */
  readonly client_id?: string
  /** Issuer URL of the client: `iss` of its tokens. */
  readonly issuer?: string
}

export type SignatureAlgorithm = 'Ed25519' | 'ES256' | 'RS256'

/** A key that can sign client tokens. */
export interface ClientKey {
  readonly kid: string
  readonly algorithm: SignatureAlgorithm
  readonly clientId: string
  readonly issuer: string
  readonly privateKey: KeyObject
}

/**
 * Makes a signing key of a client's JWK.
 * @throws AccessError key_invalid, saying which member is wrong; never a value of the key
 */
export function readClientKey(jwk: ClientJwk): ClientKey {
  const algorithm = algorithmOf(jwk)
  if (algorithm === undefined) return invalid('kty and crv must be OKP with Ed25519, EC with P-256, or RSA')
  if (jwk.alg !== undefined && !algorithms[algorithm].tokenAlgorithms.includes(jwk.alg)) {
    return invalid('alg does not fit kty and crv')
  }
  if (typeof jwk.d !== 'string') return invalid('d is missing: this is a public key')
  if (typeof jwk.client_id !== 'string' || jwk.client_id === '') return invalid('client_id is missing')
  if (typeof jwk.issuer !== 'string' || !URL.canParse(jwk.issuer)) return invalid('issuer must be a URL')
  const privateKey = importPrivateKey(jwk)
  const kid = thumbprint({ ...createPublicKey(privateKey).export({ format: 'jwk' }) })
  // A file read while it is being replaced can mix two keys: the public members must be this private key's.
  if (jwk.kid !== undefined && jwk.kid !== kid) return invalid('kid is not the thumbprint of this key')
  return { kid, algorithm, clientId: jwk.client_id, issuer: jwk.issuer, privateKey }
}

/** The algorithm a JWK's `kty` and `crv` stand for. */
export function algorithmOf(jwk: { kty?: unknown; crv?: unknown }): SignatureAlgorithm | undefined {
  const names = Object.keys(algorithms) as SignatureAlgorithm[]
  return names.find(name => algorithms[name].kty === jwk.kty && algorithms[name].crv === jwk.crv)
}

function importPrivateKey(jwk: ClientJwk): KeyObject {
  try {
    return createPrivateKey({ key: jwk as webcrypto.JsonWebKey, format: 'jwk' })
  } catch {
    // The cause is left out: it may quote the key.
    return invalid('the private key cannot be read')
  }
}

function invalid(what: string): never {
  return fail('key_invalid', `The private key cannot be used: ${what}. Mount the Secret of an AccessKey.`)
}

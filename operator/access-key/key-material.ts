import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, sign, verify } from 'node:crypto'
import { promisify } from 'node:util'
import type { Algorithm, PublicJwk } from '../../core/api/access-key.ts'
import { checkKeyForm, publicMembers, thumbprint } from '../../core/jose/jwk.ts'
import type { ProvedKey } from '../../core/keys/judge-secret.ts'
import { type PairMaterial, type SecretObject, secretFile } from '../../core/keys/secret-data.ts'

type JsonWebKey = Parameters<typeof createPublicKey>[0] extends infer Input
  ? Extract<Input, { format: 'jwk' }> extends { key: infer Key }
    ? Key
    : never
  : never

const generate = promisify(generateKeyPair)
const rsaBits = 2_048

/** Makes a key pair off the main thread: an RSA key takes long enough to hold up the queue. */
export async function generateKeyMaterial(algorithm: Algorithm): Promise<PairMaterial & { publicKey: PublicJwk }> {
  const { privateKey } = await pairOf(algorithm)
  const privateJwk = privateKey.export({ format: 'jwk' })
  const publicKey = publicMembers({ ...privateJwk })
  const privatePem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return { kid: thumbprint(publicKey), privateJwk: { ...privateJwk }, privatePem, publicKey }
}

function pairOf(algorithm: Algorithm): Promise<{ privateKey: KeyObject }> {
  switch (algorithm) {
    case 'Ed25519':
      return generate('ed25519')
    case 'ES256':
      return generate('ec', { namedCurve: 'P-256' })
    case 'RS256':
      return generate('rsa', { modulusLength: rsaBits, publicExponent: 65_537 })
  }
}

/**
 * The key in a Secret, if all its parts are one key: the public half is that of private.jwk (derived from it, or a signature
 * verifies), private.pem is the same key, and key-id and `kid` are its thumbprint. Anything else is no key.
 */
export function proveSecretKey(
  secret: SecretObject,
  algorithm: Algorithm,
  proof: typeof provesKey = provesKey,
): ProvedKey | undefined {
  try {
    const text = secretFile(secret, 'private.jwk')
    const privatePem = secretFile(secret, 'private.pem')
    if (text === undefined || privatePem === undefined || text.length > 16_384) return undefined
    const { kid, alg: _, client_id: clientId, issuer: __, ...privateJwk } = JSON.parse(text) as Record<string, unknown>
    const publicKey = publicMembers(privateJwk)
    const found = thumbprint(publicKey)
    if (found !== kid || found !== secretFile(secret, 'key-id')) return undefined
    if (!proof({ publicKey, privateJwk, privatePem, algorithm }, secret)) return undefined
    return { kid: found, privateJwk, privatePem, publicKey, ...(typeof clientId === 'string' && { clientId }) }
  } catch {
    // What cannot be read is no key; the reader's message could quote it.
    return undefined
  }
}

interface Claimed {
  readonly publicKey: PublicJwk
  readonly privateJwk: Record<string, unknown>
  readonly privatePem: string
  readonly algorithm: Algorithm
}

function provesKey({ publicKey, privateJwk, privatePem, algorithm }: Claimed, _secret: SecretObject): boolean {
  if (checkKeyForm(publicKey, algorithm) !== undefined) return false
  const fits = algorithm === 'Ed25519' ? derives : signsFor
  const privateKey = createPrivateKey({ key: privateJwk as JsonWebKey, format: 'jwk' })
  return fits(privateKey, publicKey) && fits(createPrivateKey(privatePem), publicKey)
}

/**
 * What a private half derives is on the curve and in the subgroup of prime order: looking for that in the public half
 * took a millisecond, most of a pass.
 */
function derives(privateKey: KeyObject, publicKey: PublicJwk): boolean {
  const { kty, crv, x } = createPublicKey(privateKey).export({ format: 'jwk' })
  return kty === publicKey.kty && crv === publicKey.crv && x === publicKey.x
}

/**
 * `proveSecretKey` that remembers which version of which Secret it has proved, at most `bound` of them: the proof costs
 * milliseconds, and each Secret is read again and again. No key is remembered.
 */
export function createKeyProver(bound = 20_000): (secret: SecretObject, algorithm: Algorithm) => ProvedKey | undefined {
  const proved = new Set<string>()
  const proof: typeof provesKey = (claimed, secret) => {
    const version = `${secret.metadata.uid}/${secret.metadata.resourceVersion}/${claimed.algorithm}`
    if (proved.has(version)) return true
    if (!provesKey(claimed, secret)) return false
    if (proved.size >= bound) proved.clear()
    proved.add(version)
    return true
  }
  return (secret, algorithm) => proveSecretKey(secret, algorithm, proof)
}

function signsFor(privateKey: KeyObject, publicKey: PublicJwk): boolean {
  const digest = privateKey.asymmetricKeyType === 'ed25519' ? undefined : 'sha256'
  const message = Buffer.from('latchkey')
  const verifier = createPublicKey({ key: { ...publicKey } as JsonWebKey, format: 'jwk' })
  return verify(digest, message, verifier, sign(digest, message, privateKey))
}

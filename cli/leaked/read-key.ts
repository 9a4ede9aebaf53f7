import { createPrivateKey, createPublicKey, type webcrypto } from 'node:crypto'
import type { Algorithm, PublishedKey } from '../../core/api/access-key.ts'
import { isRecord } from '../../core/base/is-record.ts'
import { type Signed, splitCompact } from '../../core/credential/compact.ts'
import { isSignedBy } from '../../core/credential/signed.ts'
import { importPublicKey, publicMembers, thumbprint } from '../../core/jose/jwk.ts'
import { readApiKey } from '../../core/secret/presented.ts'
import { hashOf, isSecret, keyIdOf, keyIdPattern, secretPattern } from '../../core/secret/secret.ts'
import { CommandError } from '../frame/exit-codes.ts'
import { bareToken } from '../token-text.ts'

/** An RFC 7638 thumbprint, in base64url. */
const kidPattern = /^[A-Za-z0-9_-]{43}$/
const secretKid = new RegExp(`^${keyIdPattern}$`)
/** Our secrets, wherever they stand in a text. An API key hides its secret in base64. */
const secrets = new RegExp(`(?<![A-Za-z0-9])(?:${secretPattern}|YWNjX[A-Za-z0-9]{107})(?![A-Za-z0-9])`, 'g')

/** The key that is meant. */
export interface GivenKey {
  readonly kid: string
  /** A token is as good as its signature: anybody can write one that names a key. */
  readonly token?: Signed
}

/**
 * The key that is meant: by its id, by a token that it signed, or by itself. Of a secret the line may be given in which it was
 * found. Its id is computed from it, so that only who has the secret can name its key.
 * @throws CommandError `usage`, which quotes nothing of what was given
 */
export function readKey(given: string): GivenKey {
  const text = bareToken(given)
  if (kidPattern.test(text) || secretKid.test(text)) return { kid: text }
  if (text.startsWith('{')) {
    const kid = kidOfPrivateKey(text)
    if (kid !== undefined) return { kid }
  } else {
    const token = splitCompact(text)
    const kid = token?.header.kid
    if (token && typeof kid === 'string' && kidPattern.test(kid)) return { kid, token }
  }
  const [ofSecret, another] = kidsOfSecrets(text)
  if (another !== undefined) throw new CommandError('usage', 'what was given holds more than one secret: give one')
  if (ofSecret !== undefined) return { kid: ofSecret }
  throw new CommandError(
    'usage',
    'what was given names no key: expected a key id (43 characters, or acc_ and 26), a token whose header has such a kid, an API key or a text with lks_… whose checksum is right, or the file private.jwk',
  )
}

/** Whether what was given proves the published key; an id need not, for whoever writes it means it. */
export function isOf({ token }: GivenKey, { publicKey }: PublishedKey, algorithm: Algorithm = 'Ed25519'): boolean {
  if (token === undefined) return true
  return publicKey !== undefined && isSignedBy(token, algorithm, importPublicKey(publicKey, algorithm))
}

/** Without those whose checksum says that they are none, or were written down wrongly. */
function kidsOfSecrets(text: string): string[] {
  const found = text.match(secrets)?.map(each => readApiKey(each)?.secret ?? each) ?? []
  return [...new Set(found.filter(isSecret).map(secret => keyIdOf(hashOf(secret))))]
}

/** Of the private half, not of a member that says so. */
function kidOfPrivateKey(text: string): string | undefined {
  try {
    const key: unknown = JSON.parse(text)
    if (!isRecord(key)) return undefined
    const publicKey = createPublicKey(createPrivateKey({ key: key as webcrypto.JsonWebKey, format: 'jwk' }))
    return thumbprint(publicMembers({ ...publicKey.export({ format: 'jwk' }) }))
  } catch {
    return undefined
  }
}

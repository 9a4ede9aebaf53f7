import { randomBytes } from 'node:crypto'
import type { SecretType } from '../../core/api/secret-types.ts'
import type { ProvedKey } from '../../core/keys/judge-secret.ts'
import type { PublicHalf } from '../../core/keys/public-half.ts'
import { type SecretMaterial, type SecretObject, secretFile } from '../../core/keys/secret-data.ts'
import { readApiKey, readStaticSecret } from '../../core/secret/presented.ts'
import { hashOf, isSecret, keyIdOf, secretBytes, writeSecret } from '../../core/secret/secret.ts'

/** Makes a secret. Nobody chooses one. */
export function generateSecret(): SecretMaterial & PublicHalf {
  const secret = writeSecret(randomBytes(secretBytes))
  const secretHash = hashOf(secret)
  return { kid: keyIdOf(secretHash), secret, secretHash }
}

interface Held {
  readonly secret: string
  readonly keyId?: string
  readonly clientId?: string
}

/** What the file `secret` says, in the form of its type. */
const readers: Readonly<Record<SecretType, (text: string) => Held | undefined>> = {
  StaticSecret: readStaticSecret,
  ApiKey: readApiKey,
  ClientSecret: text => (isSecret(text) ? { secret: text } : undefined),
}

/** The secret in a Secret, if it is one of this type, and all that stands beside it says the same. Anything else is none. */
export function proveSecret(object: SecretObject, type: SecretType): ProvedKey | undefined {
  const text = secretFile(object, 'secret')
  const held = text === undefined ? undefined : readers[type](text)
  if (!held) return undefined
  const secretHash = hashOf(held.secret)
  const kid = keyIdOf(secretHash)
  const clientId = secretFile(object, 'client-id')
  if (secretFile(object, 'key-id') !== kid || (held.keyId ?? kid) !== kid) return undefined
  if (clientId === undefined || (held.clientId ?? clientId) !== clientId) return undefined
  return { kid, secret: held.secret, secretHash, clientId }
}

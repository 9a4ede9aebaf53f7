import { isSecret, keyIdPattern, secretPattern } from './secret.ts'

/** What a static secret says as a bearer token. */
export interface StaticSecretText {
  readonly clientId: string
  readonly keyId: string
  readonly secret: string
}

/** What an API key says: the key id is what others call the consumer key. */
export type ApiKeyText = Omit<StaticSecretText, 'clientId'>

const longestClientId = 127
/** Read from the right: a client id may have dots of its own. */
const staticSecret = new RegExp(`^([A-Za-z0-9._-]{1,${longestClientId}})\\.(${keyIdPattern})\\.(${secretPattern})$`)
const apiKey = new RegExp(`^(${keyIdPattern}):(${secretPattern})$`)
/** Characters of `<key id>:<secret>` in base64: with these lengths and letters it has no `=`, `+` or `/`. */
const apiKeyLength = 112

/** As it stands behind `Bearer`. */
export function writeStaticSecret({ clientId, keyId, secret }: StaticSecretText): string {
  return `${clientId}.${keyId}.${secret}`
}

/** @returns undefined for any other text, and where the checksum says that it was written down wrongly */
export function readStaticSecret(text: string): StaticSecretText | undefined {
  const [, clientId, keyId, secret] = staticSecret.exec(text) ?? []
  if (clientId === undefined || keyId === undefined || secret === undefined || !isSecret(secret)) return undefined
  return { clientId, keyId, secret }
}

/**
 * As it stands in a header or a query, and behind `Basic`: RFC 7617 writes user and password in the same way. Letters and
 * digits only, so that no query needs an escape for it.
 */
export function writeApiKey({ keyId, secret }: ApiKeyText): string {
  return Buffer.from(`${keyId}:${secret}`).toString('base64')
}

/**
 * @param text base64 in its one spelling: RFC 4648 sections 3.5 and 4
 * @returns undefined for any other text, and where the checksum says that it was written down wrongly
 */
export function readApiKey(text: string): ApiKeyText | undefined {
  if (text.length !== apiKeyLength) return undefined
  const bytes = Buffer.from(text, 'base64')
  if (bytes.toString('base64') !== text) return undefined
  const [, keyId, secret] = apiKey.exec(bytes.toString('latin1')) ?? []
  if (keyId === undefined || secret === undefined || !isSecret(secret)) return undefined
  return { keyId, secret }
}

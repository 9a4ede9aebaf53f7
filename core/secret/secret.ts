import { createHash, timingSafeEqual } from 'node:crypto'
import { toBase32 } from '../base/base32.ts'
import { crc32 } from './crc32.ts'

/**
 * A secret of ours: `lks_`, 43 characters of base62 that hold 256 random bits, and 6 that hold the CRC-32 of all that stands
 * before them. The beginning is what scanners look for, the checksum tells a secret from what only looks like one, and a
 * typo before anything is looked up.
 */
export const secretPattern = 'lks_[0-9A-Za-z]{49}'

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const beginning = 'lks_'
const randomLength = 43
const checksumLength = 6
const form = new RegExp(`^${secretPattern}$`)

/** Bytes of randomness in a secret. */
export const secretBytes = 32

/**
 * @param random 32 bytes of a generator that nobody can foresee
 * @throws RangeError for another number of bytes: a secret of less could be guessed
 */
export function writeSecret(random: Uint8Array): string {
  if (random.length !== secretBytes) throw new RangeError(`a secret is made of ${secretBytes} random bytes`)
  const body = beginning + toBase62(BigInt(`0x${Buffer.from(random).toString('hex')}`), randomLength)
  return body + checksumOf(body)
}

/** Whether a text is written as a secret is, its checksum included. Says nothing of whether anybody has it. */
export function isSecret(text: string): boolean {
  if (!form.test(text)) return false
  const end = text.length - checksumLength
  return text.slice(end) === checksumOf(text.slice(0, end))
}

/** What is kept of a secret, by everybody but its owner: SHA-256, base64url. 256 random bits need no salt and no delay. */
export function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url')
}

const hashForm = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/

/** Whether a text is a hash of a secret, in its one spelling. */
export function isHash(text: string): boolean {
  return hashForm.test(text)
}

/**
 * The key id of a secret: `acc_` and the first 130 bits of its hash in base32. So it is computed by us, as the thumbprint of a
 * key pair is, and no secret has another one's.
 */
export function keyIdOf(hash: string): string {
  return `acc_${toBase32(Buffer.from(hash, 'base64url')).slice(0, keyIdLength)}`
}

const keyIdLength = 26
export const keyIdPattern = `acc_[a-z2-7]{${keyIdLength}}`

/** Whether a secret has this hash, in a time that does not tell how much of it is right. */
export function isSecretOf(secret: string, hash: string): boolean {
  const expected = Buffer.from(hash, 'base64url')
  const found = createHash('sha256').update(secret).digest()
  return expected.length === found.length && timingSafeEqual(expected, found)
}

function checksumOf(body: string): string {
  return toBase62(BigInt(crc32(body)), checksumLength)
}

function toBase62(value: bigint, length: number): string {
  let text = ''
  for (let rest = value; text.length < length; rest /= 62n) text = alphabet[Number(rest % 62n)] + text
  return text
}

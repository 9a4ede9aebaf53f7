import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { signClientToken } from '../../sdk/client-token.ts'
import type { ClientKey } from '../../sdk/private-key.ts'

/** Tokens that every verifier has to refuse, by what is wrong with them. Each is else as good as a token gets. */
export function tamperedTokens(key: ClientKey, audience: string): Record<string, string> {
  const now = Math.floor(Date.now() / 1000)
  const times = { now, lifetimeSeconds: 300, algorithmName: 'EdDSA' as const }
  const good = signClientToken(key, { ...times, audience })
  return {
    'a flipped bit in the signature': withFlippedBit(good),
    'a changed payload': withPayload(good, claims => ({ ...claims, jti: 'changed' })),
    'another audience': signClientToken(key, { ...times, audience: 'https://other.elsewhere.svc' }),
    'an end that has passed': signClientToken(key, { ...times, audience, now: now - 3_600 }),
    'another key under the same kid': signClientToken({ ...key, privateKey: freshKey(key) }, { ...times, audience }),
    'the issuer of another client': signClientToken({ ...key, issuer: `${key.issuer}x` }, { ...times, audience }),
    'no signature and alg none': unsigned(good),
    'an HMAC made with the public key': signedWithPublicKey(good, key),
  }
}

function withFlippedBit(token: string): string {
  const [header, payload, signature = ''] = token.split('.')
  const bytes = Buffer.from(signature, 'base64url')
  bytes[10] = (bytes[10] ?? 0) ^ 1
  return `${header}.${payload}.${bytes.toString('base64url')}`
}

function withPayload(token: string, change: (claims: object) => object): string {
  const [header, payload = '', signature] = token.split('.')
  return `${header}.${encode(change(decode(payload)))}.${signature}`
}

function unsigned(token: string): string {
  const [header = '', payload] = token.split('.')
  return `${encode({ ...decode(header), alg: 'none' })}.${payload}.`
}

/** J02: a verifier that lets the token choose takes the public key for a shared secret. */
function signedWithPublicKey(token: string, key: ClientKey): string {
  const [header = '', payload] = token.split('.')
  const input = `${encode({ ...decode(header), alg: 'HS256' })}.${payload}`
  const secret = createPublicKey(key.privateKey).export({ format: 'pem', type: 'spki' })
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}

function freshKey({ algorithm }: ClientKey) {
  if (algorithm === 'Ed25519') return generateKeyPairSync('ed25519').privateKey
  if (algorithm === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
}

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}

function decode(part: string): object {
  return JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
}

import { sign } from 'node:crypto'
import type { ClientKey } from '../../../sdk/private-key.ts'

/** A well-signed token with whatever header and claims; undefined takes a member away. For Ed25519 keys. */
export function signAnything(key: ClientKey, changes: { header?: object; claims?: object } = {}): string {
  const now = Math.floor(Date.now() / 1_000)
  const header = { alg: 'EdDSA', typ: 'at+jwt', kid: key.kid, ...changes.header }
  const who = { iss: key.issuer, sub: key.clientId, client_id: key.clientId }
  const claims = { ...who, aud: 'any', iat: now, exp: now + 300, jti: 'one', ...changes.claims }
  const input = [header, claims].map(part => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${input}.${sign(null, Buffer.from(input), key.privateKey).toString('base64url')}`
}

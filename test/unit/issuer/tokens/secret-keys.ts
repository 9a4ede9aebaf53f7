import { randomBytes } from 'node:crypto'
import { hashOf, keyIdOf, writeSecret } from '../../../../core/secret/secret.ts'
import { object } from '../installation.ts'

/** A client secret, and its entry in the status of an AccessKey. */
export function makeSecret(published: object = {}) {
  const secret = writeSecret(randomBytes(32))
  const secretHash = hashOf(secret)
  const key = { kid: keyIdOf(secretHash), secretHash, state: 'Active', notBefore: '2020-01-01T00:00:00Z', ...published }
  return { secret, key }
}
export type Made = ReturnType<typeof makeSecret>

/** An AccessKey of the client checkout with these secrets. */
export const secretKey = (made: readonly Made[], version = '1', spec: object = {}) =>
  object('partners', 'checkout-secret', version, {
    spec: { clientRef: { name: 'checkout' }, type: 'ClientSecret', ...spec },
    status: { clientId: 'partners.checkout', keys: made.map(({ key }) => key) },
  })

/** RFC 6749 section 2.3.1, as a library that does it right. */
export function basic(clientId: string, secret: string): { authorization: string } {
  const encoded = (text: string) => new URLSearchParams({ a: text }).toString().slice(2)
  return { authorization: `Basic ${Buffer.from(`${encoded(clientId)}:${encoded(secret)}`).toString('base64')}` }
}

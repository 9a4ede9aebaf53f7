import type { AccessTokensRow, ClientRow, ServiceRow } from '../../../core/rows/rows.ts'
import {
  audience,
  claims,
  clientId,
  clientRow,
  ed25519Key,
  es256Key,
  grantRow,
  headerOf,
  type KeyPair,
  keyRow,
  mainKey,
  roleRow,
  serviceRow,
  signToken,
} from './fixture.ts'

export const installationIssuer = 'https://issuer.example/default'
export const ordersIssuer = `${installationIssuer}/services/shop/orders`
export const issuerKey = ed25519Key('the issuer')
/** The second of its two algorithms. */
export const issuerEs256Key = es256Key

const published = ({ kid, algorithm, publicKey }: KeyPair) => ({ kid, algorithm, publicKey })

/** A service that takes access tokens. */
export function takingTokens(changes: Partial<ServiceRow> = {}, more: Partial<AccessTokensRow> = {}): ServiceRow {
  const accessTokens = { issuer: installationIssuer, keys: [issuerKey, issuerEs256Key].map(published), ...more }
  return serviceRow({ accepts: ['ClientToken', 'ServiceAccountToken', 'AccessToken'], accessTokens, ...changes })
}

/** A service, a client with two roles there, and what is changed of them. */
export function rowsWith(client: Partial<ClientRow> = {}, service = takingTokens()): unknown[] {
  return [
    service,
    roleRow('reader', { methods: ['GET'], paths: ['/orders/**'] }),
    roleRow('writer', { methods: ['POST'], paths: ['/orders/**'] }),
    roleRow('scoped', {
      methods: ['DELETE'],
      paths: ['/orders/**'],
      when: [{ scopeContains: { scope: 'orders.delete' } }],
    }),
    grantRow('reads', 'reader'),
    grantRow('writes', 'writer'),
    grantRow('deletes', 'scoped'),
    clientRow({ keys: [keyRow(mainKey)], ...client }),
  ]
}

/** A good access token of the main client, got with its key, with these claims changed. */
export function accessToken(
  changes: Record<string, unknown> = {},
  { key = issuerKey, header = {} }: { key?: KeyPair; header?: Record<string, unknown> } = {},
): string {
  const own = { iss: ordersIssuer, roles: ['reader'], key_id: mainKey.kid, aud: audience, client_id: clientId }
  return signToken({ ...headerOf(key), ...header }, claims({ ...own, ...changes }), key)
}

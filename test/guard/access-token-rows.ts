import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { thumbprint } from '../../core/jose/jwk.ts'
import type { AccessTokensRow, ClientTokensRow, Row } from '../../core/rows/rows.ts'
import { alice, audience, compact, issuer, nowSeconds, rowsOf, service } from './policy-rows.ts'

export const ordersIssuer = `${issuer}/services/${service}`

/** A key of the issuer. */
export function createIssuerKey() {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const { x } = publicKey.export({ format: 'jwk' }) as { x: string }
  const jwk = { kty: 'OKP' as const, crv: 'Ed25519' as const, x }
  return { privateKey, row: { kid: thumbprint(jwk), algorithm: 'Ed25519' as const, publicKey: jwk } }
}

export type IssuerKey = ReturnType<typeof createIssuerKey>

export const issuerKey = createIssuerKey()

/** The usual rows at a service that takes access tokens. */
export function tokenRows(
  client?: ClientTokensRow,
  { keys = [issuerKey], ...more }: Partial<Omit<AccessTokensRow, 'keys'>> & { keys?: readonly IssuerKey[] } = {},
): Row[] {
  const accessTokens = { issuer, keys: keys.map(({ row }) => row), ...more }
  return rowsOf({
    service: { accepts: ['ClientToken', 'AccessToken'], accessTokens },
    ...(client && { alice: { accessTokens: client } }),
  })
}

/** A token that Alice got with her key. */
export function accessToken(claims: Record<string, unknown> = {}, key = issuerKey): string {
  const now = nowSeconds()
  const body = {
    ...{ iss: ordersIssuer, sub: alice.clientId, client_id: alice.clientId, aud: audience },
    ...{ iat: now, exp: now + 300, jti: randomUUID(), roles: ['caller'], key_id: alice.key.kid },
    ...claims,
  }
  return compact({ typ: 'at+jwt', alg: 'EdDSA', kid: key.row.kid }, body, key.privateKey)
}

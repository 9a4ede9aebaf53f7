import { randomUUID } from 'node:crypto'
import { apiClient, type Listed, object, roleFor } from '../installation.ts'
import { nowSeconds, ordersIssuer, type Pair, signed, startTokens } from './rig.ts'

export const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const bearerGrant = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
export const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'
export const jwtType = 'urn:ietf:params:oauth:token-type:jwt'

/** The request of an exchange, or what the test makes of it. */
export const exchangeOf = (subject_token: string, more: Readonly<Record<string, string | undefined>> = {}) => ({
  ...{ grant_type: exchangeGrant, subject_token, subject_token_type: jwtType },
  ...more,
})

/** A client token of the client checkout for the authorization server of orders. */
export function clientToken(pair: Pair, claims: object = {}, header: object = {}): string {
  const now = nowSeconds()
  const clientId = 'partners.checkout'
  return signed(
    { alg: 'EdDSA', typ: 'at+jwt', kid: pair.kid, ...header },
    {
      ...{ iss: `https://i.test/v1/clients/${clientId}`, sub: clientId, client_id: clientId, aud: ordersIssuer },
      ...{ iat: now, exp: now + 60, jti: randomUUID(), ...claims },
    },
    pair,
  )
}

/** Rules of both services that look for scopes. */
const scoped = ['orders', 'billing'].map(service => ({
  ...roleFor(service),
  spec: {
    rules: ['read', 'write'].map(scope => ({
      ...{ services: [service], methods: ['GET'], paths: ['/a'], when: [{ scopeContains: { scope } }] },
    })),
  },
}))

/**
 * The client checkout holds the service account cart, and the client partner holds orders, as which the service orders runs; both
 * have a pod.
 */
export const startExchange = (change: (listed: Listed) => Listed = listed => listed) =>
  startTokens(listed => {
    const accounts = ['cart', 'orders']
    const rest = { ...listed, roles: scoped }
    return change({
      ...rest,
      apiclients: [holding('checkout', 'cart'), holding('partner', 'orders')],
      serviceaccounts: accounts.map(name => object('partners', name, '1')),
      pods: accounts.map(name => pod(name)),
    })
  })

export const holding = (client: string, account: string, version = '1', spec: object = {}) =>
  apiClient(client, version, { serviceAccounts: [{ name: account }], ...spec })

export const pod = (account: string, version = '1', phase = 'Running') =>
  object('partners', `${account}-0`, version, { spec: { serviceAccountName: account }, status: { phase } })

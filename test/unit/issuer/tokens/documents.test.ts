import { expect, it } from 'vitest'
import type { ResolvedService } from '../../../../core/registry/resolve-services.ts'
import { writtenByIssuer } from '../../../../issuer/publish/discovery.ts'
import { createRoutes } from '../../../../issuer/publish/routes.ts'
import { createAuthorizationServers } from '../../../../issuer/tokens/authorization-servers.ts'
import { makePair } from './rig.ts'

const issuerUrl = 'https://i.test/default'
const tokenUrl = 'https://t.test:8445/tokens'
const service = (more: object = {}, uid: string | undefined = 'u') =>
  ({ key: 'shop/orders', published: true, service: { metadata: { uid } }, ...more }) as unknown as ResolvedService

let services = new Map([['shop/orders', service()]])
const servers = createAuthorizationServers(issuerUrl, tokenUrl, () => services)
const { kid, jwk } = makePair()
const keys = [{ kid, algorithm: 'Ed25519', publicKey: jwk }] as never
const find = createRoutes({
  ...{ issuerUrl, tokenUrl, checkUrl: `${tokenUrl}/v1/check`, algs: writtenByIssuer('EdDSA') },
  ...{ server: servers.get, signingKeys: () => keys },
  ...{ client: () => undefined, clientKeys: () => [], now: () => 0 },
})

const orders = '/default/services/shop/orders'
const algorithms = ['EdDSA', 'Ed25519', 'ES256', 'RS256']
const methods = ['private_key_jwt', 'client_secret_basic', 'client_secret_post']
const about = (issuer: string, base: string) => ({
  issuer,
  jwks_uri: `${issuer}/.well-known/jwks.json`,
  response_types_supported: ['id_token'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['EdDSA', 'ES256', 'RS256'],
  token_endpoint: `${base}/oauth/token`,
  introspection_endpoint: `${base}/oauth/introspect`,
  revocation_endpoint: `${base}/oauth/revoke`,
  grant_types_supported: [
    'client_credentials',
    'urn:ietf:params:oauth:grant-type:token-exchange',
    'urn:ietf:params:oauth:grant-type:jwt-bearer',
  ],
  token_endpoint_auth_methods_supported: [...methods, 'none'],
  token_endpoint_auth_signing_alg_values_supported: algorithms,
  introspection_endpoint_auth_methods_supported: [...methods, 'Bearer'],
  introspection_endpoint_auth_signing_alg_values_supported: algorithms,
  revocation_endpoint_auth_methods_supported: methods,
  revocation_endpoint_auth_signing_alg_values_supported: algorithms,
})

it('publishes of each server where its endpoints are, at the paths of both specifications', () => {
  const ofService = about(`${issuerUrl}/services/shop/orders`, `${tokenUrl}/services/shop/orders`)
  expect(find(`${orders}/.well-known/openid-configuration`)).toEqual(ofService)
  expect(find(`${orders}/.well-known/oauth-authorization-server`)).toEqual(ofService)
  expect(find(`/.well-known/oauth-authorization-server${orders}`)).toEqual(ofService)
  const ours = { ...about(issuerUrl, tokenUrl), latchkey_check_endpoint: `${tokenUrl}/v1/check` }
  expect(find('/default/.well-known/openid-configuration')).toEqual(ours)
  expect(find('/.well-known/oauth-authorization-server/default')).toEqual(ours)
})

it('names first what tokens call the signature of an Ed25519 key, and the other name for those that are under way', () => {
  expect(writtenByIssuer('EdDSA')).toEqual(['EdDSA', 'ES256', 'RS256'])
  expect(writtenByIssuer('Ed25519')).toEqual(['Ed25519', 'EdDSA', 'ES256', 'RS256'])
})

it('publishes the keys of the installation for every server', () => {
  const set = { keys: [{ crv: 'Ed25519', kty: 'OKP', x: jwk.x, kid, use: 'sig' }] }
  expect(find(`${orders}/.well-known/jwks.json`)).toEqual(set)
  expect(find('/default/.well-known/jwks.json')).toEqual(set)
})

it('publishes nothing of a service that is not published, or that is not there', () => {
  const paths = ['openid-configuration', 'oauth-authorization-server', 'jwks.json'].map(name => `/.well-known/${name}`)
  for (const path of paths) expect(find(`/default/services/shop/none${path}`)).toBe('not_found')
  for (const name of ['shop%2forders', 'shop', 'shop/orders/x', 'Shop/orders']) {
    expect(find(`/default/services/${name}/.well-known/jwks.json`)).toBeUndefined()
  }
  services = new Map([['shop/orders', service({ published: false })]])
  expect(find(`${orders}/.well-known/jwks.json`)).toBe('not_found')
})

it('keeps the state of a service that was made anew apart from the one before', () => {
  services = new Map([['shop/orders', service({}, 'first')]])
  const first = servers.get('shop/orders')
  services = new Map([['shop/orders', service({}, 'second')]])
  const second = servers.get('shop/orders')
  expect([first?.issuer === second?.issuer, first?.tenant, second?.tenant]).toEqual([
    true,
    { uid: 'first' },
    { uid: 'second' },
  ])
})

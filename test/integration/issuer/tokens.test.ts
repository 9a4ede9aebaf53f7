import { createPublicKey, generateKeyPairSync, randomUUID, verify } from 'node:crypto'
import { request } from 'node:https'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { thumbprint } from '../../../core/jose/jwk.ts'
import { writeIssuerKeys } from '../../../core/keys/issuer-keys.ts'
import type { Issuer } from '../../../issuer/issuer.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import * as resources from '../../../platform/kube/resources.ts'
import { compact } from '../../guard/policy-rows.ts'
import { makeSecret } from '../../unit/issuer/tokens/secret-keys.ts'
import { addClient, addGrant, addPod, addRole, addService, tokenOf } from './objects.ts'
import { type RunningRedis, startRedis } from './store/redis-server.ts'
import { get } from './web.ts'
import { issuerUrl, releaseNamespace, startWorld, type World } from './world.ts'

const ordersIssuer = `${issuerUrl}/services/shop/orders`
const base = '/default/services/shop/orders'

const clientSecret = makeSecret()
let world: World
let replicas: Issuer[]
let checkout: Awaited<ReturnType<typeof addClient>>

beforeAll(async () => {
  world = await startWorld()
  await Promise.all(['shop', 'partners'].map(name => world.namespace(name)))
  checkout = await addClient(world, 'partners', 'checkout', { serviceAccounts: [{ name: 'cart' }] })
  await addClientSecret()
  await addService(world, 'shop', 'orders')
  await addRole(world, 'shop', 'reader', ['orders'])
  await addGrant(world, 'shop', 'one', 'reader', [checkout])
  await addSigningKey()
  replicas = [await world.startReplica(), await world.startReplica()]
})
afterAll(() => world?.close())

async function addClientSecret(): Promise<void> {
  const { namespace, name, clientId } = checkout
  const spec = { clientRef: { name }, type: 'ClientSecret' }
  await world.create(resources.accessKeys, { metadata: { namespace, name: 'secret' }, spec } as KubeObject)
  const keys = [{ ...clientSecret.key, notBefore: new Date().toISOString() }]
  await world.setStatus(resources.accessKeys, namespace, 'secret', { clientId, keyId: clientSecret.key.kid, keys })
}

async function addSigningKey(): Promise<void> {
  const jwk = { ...generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }) }
  const kid = thumbprint(jwk)
  const entry = { kid, algorithm: 'Ed25519', state: 'Signing', createdAt: Math.floor(Date.now() / 1_000) } as const
  const files = { [`${kid}.jwk`]: JSON.stringify(jwk), 'keys.json': writeIssuerKeys([entry]) }
  const data = Object.fromEntries(
    Object.entries(files).map(([name, content]) => [name, Buffer.from(content).toString('base64')]),
  )
  const metadata = { namespace: releaseNamespace, name: 'latchkey-issuer-keys' }
  await world.create(resources.secrets, { metadata, data } as KubeObject)
}

function assertion(): string {
  const now = Math.floor(Date.now() / 1_000)
  const { clientId, pair } = checkout
  const header = { alg: 'EdDSA', typ: 'client-authentication+jwt', kid: pair.kid }
  const claims = { iss: clientId, sub: clientId, aud: ordersIssuer, jti: randomUUID(), iat: now, exp: now + 60 }
  return compact(header, claims, pair.privateKey)
}

function post(
  replica: Issuer | undefined,
  endpoint: string,
  parameters: Readonly<Record<string, string>>,
  more: Readonly<Record<string, string>> = {},
) {
  const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
  const body = new URLSearchParams({ client_assertion_type: assertionType, ...parameters }).toString()
  const headers = { ...more, 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length }
  const to = { host: '127.0.0.1', servername: 'issuer.test', port: replica?.ports.tokens, ca: world.ca, agent: false }
  return new Promise<{ status: number | undefined; body: Record<string, unknown> }>((resolve, reject) => {
    const call = request({ ...to, method: 'POST', path: `${base}/oauth/${endpoint}`, headers } as never, response => {
      const { statusCode: status } = response
      text(response).then(read => resolve({ status, body: read === '' ? {} : JSON.parse(read) }), reject)
    })
    call.on('error', reject)
    call.end(body)
  })
}

const grant_type = 'client_credentials'
const askToken = (text: string, replica = replicas[0]) => post(replica, 'token', { grant_type, client_assertion: text })

describe.each(['Kubernetes', 'Redis'])('two replicas, with %s as store', kind => {
  let pair: readonly [Issuer, Issuer]
  let redis: RunningRedis | undefined
  beforeAll(async () => {
    if (kind === 'Redis') {
      redis = await startRedis()
      world.environment.LATCHKEY_TOKEN_STORE = 'Redis'
      world.environment.LATCHKEY_REDIS_URL = redis.url
      world.environment.LATCHKEY_REDIS_CREDENTIALS = redis.credentials
    }
    pair = [await world.startReplica(), await world.startReplica()]
  })
  afterAll(async () => {
    await Promise.all(pair.map(replica => replica.close(0)))
    await redis?.close()
    for (const name of ['TOKEN_STORE', 'REDIS_URL', 'REDIS_CREDENTIALS']) delete world.environment[`LATCHKEY_${name}`]
  })

  it('O01 take an assertion once, of 50 uses at once, and never again after a restart', async () => {
    const text = assertion()
    const all = await Promise.all(Array.from({ length: 50 }, (_, index) => askToken(text, pair[index % 2])))
    const count = (status: number) => all.filter(one => one.status === status).length
    expect([count(200), count(401)]).toEqual([1, 49])
    expect((await askToken(text, await world.startReplica())).status).toBe(401)
  })

  it('O25 call a token inactive that was revoked at the other one', async () => {
    const token = String((await askToken(assertion(), pair[0])).body.access_token)
    const ask = (endpoint: string, replica: number) =>
      post(pair[replica], endpoint, { client_assertion: assertion(), token })
    expect((await ask('introspect', 1)).body.active).toBe(true)
    expect((await ask('revoke', 0)).status).toBe(200)
    expect((await ask('introspect', 1)).body).toEqual({ active: false })
  })
})

it('O25 while Redis is away nobody is told yes, and no revocation is lost', async () => {
  const redis = await startRedis({ config: { appendonly: 'yes', appendfsync: 'always' } })
  const { url, credentials } = redis
  const own = { LATCHKEY_TOKEN_STORE: 'Redis', LATCHKEY_REDIS_URL: url, LATCHKEY_REDIS_CREDENTIALS: credentials }
  Object.assign(world.environment, own)
  const replica = await world.startReplica()
  for (const name of Object.keys(own)) delete world.environment[name]
  const secret = { grant_type, client_id: checkout.clientId, client_secret: clientSecret.secret }
  const given = async () => String((await post(replica, 'token', secret)).body.access_token)
  const [revoked, other] = [await given(), await given()]
  const ask = (endpoint: string, token: string) => post(replica, endpoint, { ...secret, token })
  expect((await ask('revoke', revoked)).status).toBe(200)
  await redis.kill()
  const away = [await askToken(assertion(), replica), await ask('introspect', other), await ask('revoke', other)]
  expect(away.map(({ status, body }) => [status, body.error])).toEqual(away.map(() => [503, 'temporarily_unavailable']))
  await redis.start()
  await expect.poll(async () => (await ask('introspect', revoked)).body, { timeout: 10_000 }).toEqual({ active: false })
  expect((await ask('introspect', other)).body.active).toBe(true)
  expect((await ask('revoke', other)).status).toBe(200)
  await replica.close(0)
  await redis.close()
})

describe('with tokens that the API server made', () => {
  const exchange = (subject_token: string) =>
    post(replicas[0], 'token', {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      ...{ subject_token, subject_token_type: 'urn:ietf:params:oauth:token-type:jwt' },
    })

  it('a pod exchanges the token that is projected for this server, and no other', async () => {
    const pod = await addPod(world, { namespace: 'partners', name: 'cart', labels: {}, serviceAccount: 'cart' })
    await expect.poll(async () => (await exchange(await tokenOf(world, pod, ordersIssuer))).status).toBe(200)
    const { body } = await exchange(await tokenOf(world, pod, ordersIssuer))
    const claims = JSON.parse(Buffer.from(String(body.access_token).split('.')[1] ?? '', 'base64url').toString())
    expect(claims).toMatchObject({ client_id: checkout.clientId, aud: 'https://orders.shop.svc', roles: ['reader'] })
    for (const audience of [issuerUrl, 'https://orders.shop.svc']) {
      const { status, body } = await exchange(await tokenOf(world, pod, audience))
      expect([status, body.error]).toEqual([400, 'invalid_request'])
    }
  })

  it('a service account asks about tokens for the service at which it may enforce, and only then', async () => {
    const pod = await addPod(world, { namespace: 'shop', name: 'orders-0', labels: {}, serviceAccount: 'orders' })
    const authorization = `Bearer ${await tokenOf(world, pod, issuerUrl)}`
    const token = String((await askToken(assertion())).body.access_token)
    const ask = (endpoint: string, replica = 0) => post(replicas[replica], endpoint, { token }, { authorization })
    expect((await ask('introspect')).body).toEqual({ active: false })
    expect((await ask('revoke')).status).toBe(200)
    await mayEnforce('orders')
    await expect
      .poll(async () => (await ask('introspect', 1)).body.active, { timeout: 15_000, interval: 200 })
      .toBe(true)
    expect((await ask('revoke', 1)).status).toBe(200)
    expect((await ask('introspect', 1)).body).toEqual({ active: false })
    const foreign = `Bearer ${await tokenOf(world, pod, ordersIssuer)}`
    expect((await post(replicas[0], 'introspect', { token }, { authorization: foreign })).status).toBe(401)
  })
})

async function mayEnforce(account: string): Promise<void> {
  const rbac = { group: 'rbac.authorization.k8s.io', version: 'v1', namespaced: true }
  const metadata = { namespace: 'shop', name: 'enforce-orders' }
  await world.create({ ...rbac, plural: 'roles', kind: 'Role' }, {
    metadata,
    rules: [
      { apiGroups: ['latchkey.dev'], resources: ['guardedservices'], resourceNames: ['orders'], verbs: ['enforce'] },
    ],
  } as KubeObject)
  await world.create({ ...rbac, plural: 'rolebindings', kind: 'RoleBinding' }, {
    metadata,
    roleRef: { apiGroup: rbac.group, kind: 'Role', name: metadata.name },
    subjects: [{ kind: 'ServiceAccount', namespace: 'shop', name: account }],
  } as KubeObject)
}

describe('two replicas', () => {
  it('give tokens that whoever reads discovery and JWKS of the service can verify', async () => {
    const read = async (path: string) => {
      const port = replicas[1]?.ports.public ?? 0
      return JSON.parse((await get({ port, ca: world.ca, path })).body.toString())
    }
    const { body } = await askToken(assertion())
    const [header = '', claims = '', signature = ''] = String(body.access_token).split('.')
    const discovery = await read(`${base}/.well-known/openid-configuration`)
    expect(discovery).toMatchObject({ issuer: ordersIssuer, token_endpoint: `${ordersIssuer}/oauth/token` })
    const { keys } = await read(new URL(discovery.jwks_uri).pathname)
    const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString())
    const key = createPublicKey({ key: keys.find((one: { kid: string }) => one.kid === kid), format: 'jwk' })
    expect(verify(null, Buffer.from(`${header}.${claims}`), key, Buffer.from(signature, 'base64url'))).toBe(true)
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
      ...{ iss: ordersIssuer, aud: 'https://orders.shop.svc', client_id: checkout.clientId, roles: ['reader'] },
    })
  })
})

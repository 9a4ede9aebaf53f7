import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeIssuerKeys } from '../../../core/keys/issuer-keys.ts'
import { writeStaticSecret } from '../../../core/secret/presented.ts'
import type { Issuer } from '../../../issuer/issuer.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import * as resources from '../../../platform/kube/resources.ts'
import { sessionProvider } from '../../../sdk/session-provider.ts'
import { tokenProvider } from '../../../sdk/token-provider.ts'
import { verifier } from '../../../sdk/verifier.ts'
import { freePort } from '../../free-port.ts'
import { makeKey } from '../../strangers/local-issuer.ts'
import { knownSecrets } from '../../unit/core/secret/secrets.ts'
import { addClient, addGrant, addPendingPod, addRole, addService, publishedKey, tokenOf } from './objects.ts'
import { get } from './web.ts'
import { releaseNamespace, startWorld, type World } from './world.ts'

const audience = 'https://orders.shop.svc'
/** The first token loads the library, which takes its time where much else runs. */
const patient = { timeoutMs: 30_000 }
const call = { method: 'GET', path: '/orders/7' }
const [secret] = knownSecrets
const rbac = { group: 'rbac.authorization.k8s.io', version: 'v1', namespaced: true }
let world: World
let issuer: Issuer
let issuerUrl: string
let checkout: Awaited<ReturnType<typeof addClient>>
let lonely: Awaited<ReturnType<typeof addClient>>
let mayEnforce: string
let mayNot: string

beforeAll(async () => {
  world = await startWorld()
  const [port, tokenPort] = [await freePort(), await freePort()]
  issuerUrl = `https://127.0.0.1:${port}/default`
  Object.assign(world.environment, {
    LATCHKEY_ISSUER_URL: issuerUrl,
    LATCHKEY_PORT: String(port),
    LATCHKEY_TOKEN_PORT: String(tokenPort),
    LATCHKEY_TOKEN_URL: `https://127.0.0.1:${tokenPort}/default`,
  })
  await Promise.all(['shop', 'partners'].map(name => world.namespace(name)))
  checkout = await addClient(world, 'partners', 'checkout')
  lonely = await addClient(world, 'partners', 'lonely')
  await addService(world, 'shop', 'orders')
  await world.admin.patch(resources.guardedServices, 'shop', 'orders', {
    spec: { accepts: ['ClientToken', 'StaticSecret'] },
  })
  await addRole(world, 'shop', 'reader', ['orders'])
  await addGrant(world, 'shop', 'one', 'reader', [checkout])
  await addStaticSecret()
  await addSigningKey()
  await letEnforce('orders-api')
  mayEnforce = await tokenFor('orders-api')
  mayNot = await tokenFor('stranger')
  issuer = await world.startReplica()
})
afterAll(() => world?.close())

async function addStaticSecret(): Promise<void> {
  const name = 'checkout-secret'
  await world.create(resources.accessKeys, {
    metadata: { namespace: 'partners', name },
    spec: { clientRef: { name: 'checkout' }, type: 'StaticSecret', services: [{ namespace: 'shop', name: 'orders' }] },
  } as KubeObject)
  const { keyId: kid, hash: secretHash } = secret
  const key = { kid, state: 'Active', secretHash, notBefore: new Date().toISOString() }
  await world.setStatus(resources.accessKeys, 'partners', name, {
    clientId: checkout.clientId,
    keyId: kid,
    keys: [key],
  })
}

async function addSigningKey(): Promise<void> {
  const { secret: jwk } = makeKey('Ed25519')
  const kid = jwk.kid ?? ''
  const { alg: _, ...members } = jwk
  const entry = { kid, algorithm: 'Ed25519', state: 'Signing', createdAt: Math.floor(Date.now() / 1_000) } as const
  const files = { [`${kid}.jwk`]: JSON.stringify(members), 'keys.json': writeIssuerKeys([entry]) }
  const data = Object.fromEntries(
    Object.entries(files).map(([name, content]) => [name, Buffer.from(content).toString('base64')]),
  )
  const metadata = { namespace: releaseNamespace, name: 'latchkey-issuer-keys' }
  await world.create(resources.secrets, { metadata, data } as KubeObject)
}

/** The verb enforce on the GuardedService, as docs/check.md says it. */
async function letEnforce(name: string): Promise<void> {
  const rules = [
    { apiGroups: ['latchkey.dev'], resources: ['guardedservices'], resourceNames: ['orders'], verbs: ['enforce'] },
  ]
  const metadata = { namespace: 'shop', name }
  await world.create({ ...rbac, kind: 'Role', plural: 'roles' }, { metadata, rules } as KubeObject)
  await world.create({ ...rbac, kind: 'RoleBinding', plural: 'rolebindings' }, {
    metadata,
    roleRef: { apiGroup: rbac.group, kind: 'Role', name },
    subjects: [{ kind: 'ServiceAccount', namespace: 'shop', name }],
  } as KubeObject)
}

async function tokenFor(serviceAccount: string, of = issuerUrl): Promise<string> {
  const pod = { namespace: 'shop', name: serviceAccount, labels: {}, serviceAccount }
  const known = await world.admin.get<KubeObject>(resources.pods, 'shop', serviceAccount)
  return tokenOf(world, known ?? (await addPendingPod(world, pod)), of)
}

const keyOf = ({ clientId, pair }: typeof checkout) => ({
  ...pair.privateKey.export({ format: 'jwk' }),
  ...{ client_id: clientId, issuer: `${issuerUrl}/v1/clients/${clientId}` },
})
const checkerOf = (token: string, service = 'shop/orders') =>
  verifier({ issuer: issuerUrl, audience, ca: world.ca, check: { service, token: () => token } })
const errorOf = (promise: Promise<unknown>) => promise.then(() => undefined).catch(error => error)

describe('a service without a guard', () => {
  it('is told what a guard would say: of tokens, of secrets, and of nobody', async () => {
    const bearer = async (key: object) => `Bearer ${await tokenProvider({ key }).token(audience)}`
    const results = await checkerOf(mayEnforce).check([
      { ...call, authorization: await bearer(keyOf(checkout)) },
      { ...call, authorization: `Bearer ${writeStaticSecret({ clientId: checkout.clientId, ...secret })}` },
      { ...call, method: 'POST', authorization: await bearer(keyOf(checkout)) },
      { ...call, authorization: await bearer(keyOf(lonely)) },
      call,
    ])
    expect(results.map(({ status, reason, client }) => [status, reason, client?.credential])).toEqual([
      [200, 'granted', 'ClientToken'],
      [200, 'granted', 'StaticSecret'],
      [403, 'not_granted', 'ClientToken'],
      [401, 'invalid_token', undefined],
      [401, 'credential_missing', undefined],
    ])
  })

  it('is told of nothing without the verb enforce, nor with a token for anybody else', async () => {
    expect(await errorOf(checkerOf(mayNot).check(call))).toMatchObject({
      code: 'check_refused',
      message: expect.stringContaining('403 forbidden'),
    })
    const others = await tokenFor('orders-api', `${issuerUrl}/v1/snapshots`)
    expect((await errorOf(checkerOf(others).check(call))).message).toContain('401 invalid_token')
    expect((await errorOf(checkerOf(mayEnforce, 'shop/billing').check(call))).message).toContain('403 forbidden')
  })

  it('is told of a revocation as soon as the issuer knows it', async () => {
    const authorization = `Bearer ${writeStaticSecret({ clientId: checkout.clientId, ...secret })}`
    const { check } = checkerOf(mayEnforce)
    expect((await check({ ...call, authorization })).pass).toBe(true)
    const patch = { spec: { revoked: { reason: 'leaked' } } }
    await world.admin.patch(resources.accessKeys, 'partners', 'checkout-secret', patch)
    await expect.poll(async () => (await check({ ...call, authorization })).reason).toBe('key_revoked')
  })
})

describe('the SDK at the token endpoint', () => {
  it('gets a session token for a service, at either server', async () => {
    for (const service of [undefined, 'shop/orders']) {
      const provider = sessionProvider({
        key: keyOf(checkout),
        ca: world.ca,
        ...patient,
        ...(service !== undefined && { service }),
      })
      const [, claims = ''] = (await provider.token(audience)).split('.')
      expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
        iss: service === undefined ? issuerUrl : `${issuerUrl}/services/${service}`,
        ...{ aud: audience, client_id: checkout.clientId, roles: ['reader'] },
      })
    }
  })

  it('is told that its client is not subscribed, and that its key is not known', async () => {
    const asks = (key: object) => errorOf(sessionProvider({ key, ca: world.ca, ...patient }).token(audience))
    expect((await asks(keyOf(lonely))).code).toBe('not_subscribed')
    const foreign = { ...keyOf(checkout), ...makeKey('Ed25519').secret }
    expect((await asks(foreign)).code).toBe('client_refused')
  })

  it('follows a rotation: the key before is refused, the next one is taken', async () => {
    const next = makeKey('Ed25519').secret
    const pair = { kid: next.kid ?? '', publicKey: { kty: 'OKP', crv: 'Ed25519', x: next.x ?? '' } } as never
    await world.setStatus(resources.accessKeys, 'partners', 'checkout-key', {
      ...{ clientId: checkout.clientId, keyId: next.kid, keys: [publishedKey(pair)] },
    })
    const { client_id, issuer: own } = keyOf(checkout)
    const asks = (key: object) =>
      sessionProvider({ key, ca: world.ca, ...patient })
        .token(audience)
        .then(
          () => 'given',
          error => error.code,
        )
    await expect.poll(() => asks(keyOf(checkout))).toBe('client_refused')
    expect(await asks({ ...next, client_id, issuer: own })).toBe('given')
  })
})

it('publishes what it answers to', async () => {
  const answer = await get({ port: issuer.ports.public, ca: world.ca, path: '/default/openapi.json' })
  const { openapi, paths } = JSON.parse(answer.body.toString())
  expect(openapi).toBe('3.1.0')
  expect(paths['/v1/check'].servers).toEqual([{ url: world.environment.LATCHKEY_TOKEN_URL }])
  for (const path of ['/.well-known/jwks.json', '/oauth/token']) expect(paths).toHaveProperty([path])
})

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
import { addClient, addGrant, addRole, addService } from './objects.ts'
import { get } from './web.ts'
import { issuerUrl, releaseNamespace, startWorld, type World } from './world.ts'

const ordersIssuer = `${issuerUrl}/services/shop/orders`
const base = '/default/services/shop/orders'

let world: World
let replicas: Issuer[]
let checkout: Awaited<ReturnType<typeof addClient>>

beforeAll(async () => {
  world = await startWorld()
  await Promise.all(['shop', 'partners'].map(name => world.namespace(name)))
  checkout = await addClient(world, 'partners', 'checkout')
  await addService(world, 'shop', 'orders')
  await addRole(world, 'shop', 'reader', ['orders'])
  await addGrant(world, 'shop', 'one', 'reader', [checkout])
  await addSigningKey()
  replicas = [await world.startReplica(), await world.startReplica()]
})
afterAll(() => world?.close())

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

function post(replica: Issuer | undefined, endpoint: string, parameters: Readonly<Record<string, string>>) {
  const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
  const body = new URLSearchParams({ client_assertion_type: assertionType, ...parameters }).toString()
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length }
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

const askToken = (text: string, replica = replicas[0]) =>
  post(replica, 'token', { grant_type: 'client_credentials', client_assertion: text })

describe('two replicas, with the Kubernetes API as store', () => {
  it('O01 take an assertion once, of 50 uses at once, and never again after a restart', async () => {
    const text = assertion()
    const all = await Promise.all(Array.from({ length: 50 }, (_, index) => askToken(text, replicas[index % 2])))
    const count = (status: number) => all.filter(one => one.status === status).length
    expect([count(200), count(401)]).toEqual([1, 49])
    expect((await askToken(text, await world.startReplica())).status).toBe(401)
  })

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

  it('O25 call a token inactive that was revoked at the other one', async () => {
    const token = String((await askToken(assertion())).body.access_token)
    const ask = (endpoint: string, replica: number) =>
      post(replicas[replica], endpoint, { client_assertion: assertion(), token })
    expect((await ask('introspect', 1)).body.active).toBe(true)
    expect((await ask('revoke', 0)).status).toBe(200)
    expect((await ask('introspect', 1)).body).toEqual({ active: false })
  })
})

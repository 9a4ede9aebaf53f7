import { generateKeyPairSync } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { createRemoteJWKSet, customFetch, jwtVerify, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { thumbprint } from '../../../core/jose/jwk.ts'
import { readIssuerConfig } from '../../../issuer/config.ts'
import { type Issuer, startIssuer } from '../../../issuer/issuer.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import * as resources from '../../../platform/kube/resources.ts'
import { createQuietLog } from '../../unit/platform/quiet-log.ts'
import { addClient, addKey, makeKeyPair, publishedKey } from './objects.ts'
import { get, type WebAnswer } from './web.ts'
import { issuerUrl, releaseNamespace, startWorld, type World } from './world.ts'

let world: World
let issuer: Issuer
let checkout: Awaited<ReturnType<typeof addClient>>

const ask = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<WebAnswer> =>
  get({ port: issuer.ports.public, ca: world.ca, path, headers, method })
const json = async (path: string) => JSON.parse((await ask(path)).body.toString())
const clientPath = (clientId: string) => `/default/v1/clients/${clientId}`
const jwksPath = (clientId: string) => `${clientPath(clientId)}/.well-known/jwks.json`

beforeAll(async () => {
  world = await startWorld()
  await world.namespace('partners')
  checkout = await addClient(world, 'partners', 'checkout')
  issuer = await world.startReplica()
})
afterAll(() => world?.close())

describe('the documents of a client', () => {
  it('let a stock library verify its token, knowing nothing of us', async () => {
    const iss = `${issuerUrl}/v1/clients/${checkout.clientId}`
    const discovery = await json(`${clientPath(checkout.clientId)}/.well-known/openid-configuration`)
    expect(discovery).toEqual({
      issuer: iss,
      jwks_uri: `${iss}/.well-known/jwks.json`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['EdDSA', 'ES256', 'RS256'],
    })
    const token = await new SignJWT({ client_id: checkout.clientId })
      .setProtectedHeader({ alg: 'EdDSA', kid: checkout.pair.kid, typ: 'at+jwt' })
      .setIssuer(iss)
      .setAudience('https://orders.shop.svc')
      .setExpirationTime('5m')
      .sign(checkout.pair.privateKey)
    const fetchHere = async (url: string) => {
      const { status, body } = await ask(new URL(url).pathname)
      return new Response(new Uint8Array(body), { status, headers: { 'content-type': 'application/json' } })
    }
    const keys = createRemoteJWKSet(new URL(discovery.jwks_uri), { [customFetch]: fetchHere })
    const { payload } = await jwtVerify(token, keys, {
      issuer: iss,
      audience: 'https://orders.shop.svc',
      typ: 'at+jwt',
    })
    expect(payload.client_id).toBe(checkout.clientId)
  })

  it('are the same at the path of RFC 8414', async () => {
    const openid = await json(`${clientPath(checkout.clientId)}/.well-known/openid-configuration`)
    expect(await json(`/.well-known/oauth-authorization-server${clientPath(checkout.clientId)}`)).toEqual(openid)
    expect(await json(`/.well-known/oauth-authorization-server${clientPath(checkout.clientId)}?x=1`)).toEqual(openid)
  })

  it('hold public members only, and no alg beside Ed25519 (O27)', async () => {
    const { keys } = await json(jwksPath(checkout.clientId))
    expect(keys).toEqual([{ ...checkout.pair.publicKey, kid: checkout.pair.kid, use: 'sig' }])
  })

  it('drop a revoked key at once, and one that has ended', async () => {
    const client = await addClient(world, 'partners', 'leaky')
    await expect.poll(async () => (await ask(jwksPath(client.clientId))).status).toBe(200)
    await expect.poll(async () => (await json(jwksPath(client.clientId))).keys.length).toBe(1)
    const ended = makeKeyPair()
    await addKey(world, {
      namespace: 'partners',
      name: 'ended',
      client: 'leaky',
      clientId: client.clientId,
      pair: ended,
    })
    await world.setStatus(resources.accessKeys, 'partners', 'ended', {
      keys: [{ ...publishedKey(ended), notAfter: new Date(Date.now() + 1_500).toISOString() }],
    })
    await expect.poll(async () => (await json(jwksPath(client.clientId))).keys.length).toBe(2)
    await expect.poll(async () => (await json(jwksPath(client.clientId))).keys.length, { timeout: 4_000 }).toBe(1)
    await world.admin.patch(resources.accessKeys, 'partners', 'leaky-key', { spec: { revoked: {} } })
    await expect.poll(async () => (await json(jwksPath(client.clientId))).keys).toEqual([])
  })

  it('have no keys while the client is suspended, and are gone with it', async () => {
    const client = await addClient(world, 'partners', 'pausing')
    await expect.poll(async () => (await ask(jwksPath(client.clientId))).status).toBe(200)
    await world.admin.patch(resources.apiClients, 'partners', 'pausing', { spec: { suspended: true } })
    await expect.poll(() => json(jwksPath(client.clientId))).toEqual({ keys: [] })
    await world.admin.delete(resources.apiClients, 'partners', 'pausing')
    await expect.poll(async () => (await ask(jwksPath(client.clientId))).status).toBe(404)
  })

  it('do not tell an unknown client from a refused one', async () => {
    const refused = await addClient(world, 'partners', 'taker', { clientId: 'others.taker' })
    const answers = await Promise.all(
      [refused.clientId, 'sc_aaaaaaaaaaaaaaaaaaaaaaaaaa', 'no%2fclient', '<script>'].map(id =>
        ask(jwksPath(encodeURI(id))),
      ),
    )
    expect(new Set(answers.map(({ status, body }) => `${status} ${body}`)).size).toBe(1)
    expect(answers[0]?.status).toBe(404)
    expect(String(answers[3]?.body)).not.toContain('script')
  })
})

describe('the issuer', () => {
  it('publishes its own keys once the Secret is there, never the private half (O27)', async () => {
    expect((await ask('/default/.well-known/jwks.json')).status).toBe(503)
    const ed = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })
    const entry = (jwk: object, alg: string) => {
      const kid = thumbprint(jwk as Record<string, unknown>)
      return [`${kid}.jwk`, Buffer.from(JSON.stringify({ ...jwk, kid, alg })).toString('base64')]
    }
    await world.create(resources.secrets, {
      metadata: { namespace: releaseNamespace, name: 'latchkey-issuer-keys' },
      data: Object.fromEntries([entry(ed, 'EdDSA'), entry(ec, 'ES256')]),
    } as KubeObject)
    await expect.poll(async () => (await ask('/default/.well-known/jwks.json')).status, { timeout: 5_000 }).toBe(200)
    const { keys } = await json('/default/.well-known/jwks.json')
    expect(keys.map((key: { kty: string }) => key.kty).sort()).toEqual(['EC', 'OKP'])
    expect(JSON.stringify(keys)).not.toContain(ed.d)
    expect(JSON.stringify(keys)).not.toContain('"d"')
    for (const path of [
      '/default/.well-known/openid-configuration',
      '/default/.well-known/oauth-authorization-server',
      '/.well-known/oauth-authorization-server/default',
    ]) {
      expect(await json(path)).toMatchObject({ issuer: issuerUrl, jwks_uri: `${issuerUrl}/.well-known/jwks.json` })
    }
  })
})

describe('HTTP', () => {
  it('saves bytes: ETag with 304, gzip with a tag of its own, HEAD', async () => {
    const path = jwksPath(checkout.clientId)
    const plain = await ask(path)
    expect(plain.headers).toMatchObject({ 'cache-control': 'public, max-age=60', vary: 'Accept-Encoding' })
    expect(plain.headers['access-control-allow-origin']).toBeUndefined()
    const tag = plain.headers.etag ?? ''
    expect(tag).toMatch(/^"/)
    expect(await ask(path, { 'if-none-match': `"x", W/${tag}` })).toMatchObject({ status: 304, body: Buffer.alloc(0) })
    expect((await ask(path, { 'if-none-match': '"x"' })).status).toBe(200)
    const zipped = await ask(path, { 'accept-encoding': 'br;q=1, gzip;q=0.5' })
    expect(zipped.headers['content-encoding']).toBe('gzip')
    expect(zipped.headers.etag).not.toBe(tag)
    expect(gunzipSync(zipped.body)).toEqual(plain.body)
    expect((await ask(path, { 'accept-encoding': 'gzip;q=0' })).headers['content-encoding']).toBeUndefined()
    const head = await ask(path, {}, 'HEAD')
    expect([head.status, head.body.length, head.headers['content-length']]).toEqual([200, 0, String(plain.body.length)])
  })

  it('refuses other methods with Allow, and unknown paths with a problem that repeats nothing', async () => {
    const refused = await ask(jwksPath(checkout.clientId), {}, 'POST')
    expect([refused.status, refused.headers.allow]).toEqual([405, 'GET, HEAD'])
    for (const path of [
      '/',
      '/default',
      '/default/v1/clients/',
      '/etc/passwd?secret=1',
      '//default/.well-known/jwks.json',
    ]) {
      const answer = await ask(path)
      expect([answer.status, answer.headers['content-type']]).toEqual([404, 'application/problem+json'])
      expect(String(answer.body)).not.toMatch(/passwd|secret/)
    }
  })

  it('answers 503 and never a part of the keys until everything is loaded (O27)', async () => {
    const list = (_: unknown, { signal }: { signal?: AbortSignal } = {}) =>
      new Promise<never>((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
    const { log } = createQuietLog()
    const config = readIssuerConfig(world.environment)
    const loading = await startIssuer(config, { client: { ...world.admin, list }, log, host: '127.0.0.1' })
    await expect
      .poll(async () => {
        const port = loading.ports.public
        return (await get({ port, ca: world.ca, path: jwksPath(checkout.clientId) }).catch(() => ({ status: 0 })))
          .status
      })
      .toBe(503)
    expect(loading.notReady()).toBe('not everything is loaded')
    await loading.close(0)
  })
})

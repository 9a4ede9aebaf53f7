import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { thumbprint } from '../../../core/jose/jwk.ts'
import { type IssuerKey, writeIssuerKeys } from '../../../core/keys/issuer-keys.ts'
import { configTable } from '../../../guard/config.ts'
import type { RunningGuard } from '../../../guard/guard.ts'
import { startSidecar } from '../../../guard/sidecar.ts'
import type { Issuer } from '../../../issuer/issuer.ts'
import { systemClock } from '../../../platform/clock.ts'
import { readConfig } from '../../../platform/config.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import * as resources from '../../../platform/kube/resources.ts'
import { sidecarSettings } from '../../builders/sidecar-settings.ts'
import { compact } from '../../guard/policy-rows.ts'
import { sendRaw } from '../../guard/raw-socket.ts'
import { type App, startApp } from '../../guard/rig.ts'
import { createQuietLog } from '../../unit/platform/quiet-log.ts'
import { addClient, addGrant, addPod, addRole, addService, tokenOf } from './objects.ts'
import { type RunningRedis, startRedis } from './store/redis-server.ts'
import { issuerUrl, releaseNamespace, startWorld, type World } from './world.ts'

type Client = Awaited<ReturnType<typeof addClient>>

const ordersIssuer = `${issuerUrl}/services/shop/orders`
const granted = 'allow; reason=granted; by=guard'
const denied = (reason: string) => `deny; reason=${reason}; by=guard`

/** An issuer's key as its Secret has it: made anew for each test, in the state it is in. */
function makeIssuerKey() {
  const jwk = { ...generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }) }
  const kid = thumbprint(jwk)
  const entry = (state: IssuerKey['state']): IssuerKey => ({ kid, algorithm: 'Ed25519', state, createdAt: 0 })
  return { kid, jwk, entry }
}

describe.each(['Kubernetes', 'Redis'] as const)('access tokens at a guard, with %s as token store', kind => {
  const [first, next] = [makeIssuerKey(), makeIssuerKey()]
  let world: World
  let redis: RunningRedis | undefined
  let replicas: Issuer[]
  let app: App
  let pod: KubeObject
  const guards: RunningGuard[] = []
  const clients = {} as Record<'checkout' | 'suspended' | 'revoked' | 'ungranted', Client>

  beforeAll(async () => {
    world = await startWorld()
    if (kind === 'Redis') {
      redis = await startRedis()
      Object.assign(world.environment, {
        LATCHKEY_TOKEN_STORE: 'Redis',
        LATCHKEY_REDIS_URL: redis.url,
        LATCHKEY_REDIS_CREDENTIALS: redis.credentials,
      })
    }
    await Promise.all(['shop', 'partners'].map(name => world.namespace(name)))
    await addService(world, 'shop', 'orders')
    await world.admin.patch(resources.guardedServices, 'shop', 'orders', {
      spec: { accepts: ['ClientToken', 'AccessToken'] },
    })
    await addRole(world, 'shop', 'reader', ['orders'])
    for (const name of ['checkout', 'suspended', 'revoked', 'ungranted'] as const) {
      clients[name] = await addClient(world, 'partners', name)
      await addGrant(world, 'shop', `${name}-reads`, 'reader', [clients[name]])
    }
    await writeKeys('create', first.entry('Signing'), next.entry('Next'))
    pod = await addPod(world, { namespace: 'shop', name: 'orders-1', labels: { app: 'orders' } })
    replicas = [await world.startReplica(), await world.startReplica()]
    app = await startApp()
    guards.push(await startGuard(1))
  })
  afterAll(async () => {
    for (const guard of guards) await guard.stop()
    await app?.close()
    await world?.close()
    await redis?.close()
  })

  async function writeKeys(how: 'create' | 'patch', ...entries: IssuerKey[]): Promise<void> {
    const files = {
      ...Object.fromEntries([first, next].map(({ kid, jwk }) => [`${kid}.jwk`, JSON.stringify(jwk)])),
      'keys.json': writeIssuerKeys(entries),
    }
    const data = Object.fromEntries(
      Object.entries(files).map(([name, content]) => [name, Buffer.from(content).toString('base64')]),
    )
    const name = 'latchkey-issuer-keys'
    if (how === 'patch') await world.admin.patch(resources.secrets, releaseNamespace, name, { data })
    else await world.create(resources.secrets, { metadata: { namespace: releaseNamespace, name }, data } as KubeObject)
  }

  async function startGuard(replica: number): Promise<RunningGuard> {
    const folder = await mkdtemp(join(tmpdir(), 'guard-tokens-'))
    await writeFile(join(folder, 'ca.crt'), world.ca)
    await writeFile(join(folder, 'token'), await tokenOf(world, pod))
    const url = `https://127.0.0.1:${replicas[replica]?.ports.snapshots}`
    const settings = sidecarSettings(folder, { service: 'shop/orders', appPort: app.port, issuer: { url } })
    const { log } = createQuietLog()
    return startSidecar(readConfig(configTable, settings), {
      ...{ clock: systemClock, log, version: 'test', procNet: folder },
    })
  }

  function assertion({ clientId, pair }: Client): string {
    const now = Math.floor(Date.now() / 1_000)
    const header = { alg: 'EdDSA', typ: 'client-authentication+jwt', kid: pair.kid }
    const claims = { iss: clientId, sub: clientId, aud: ordersIssuer, jti: randomUUID(), iat: now, exp: now + 60 }
    return compact(header, claims, pair.privateKey)
  }

  function post(replica: number, endpoint: string, client: Client, parameters: Readonly<Record<string, string>>) {
    const body = new URLSearchParams({
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion(client),
      ...parameters,
    }).toString()
    const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length }
    const path = `/default/services/shop/orders/oauth/${endpoint}`
    const to = { host: '127.0.0.1', servername: 'issuer.test', port: replicas[replica]?.ports.tokens, ca: world.ca }
    return new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
      const call = request({ ...to, agent: false, method: 'POST', path, headers } as never, response => {
        text(response).then(read => resolve({ status: response.statusCode, body: read }), reject)
      })
      call.on('error', reject)
      call.end(body)
    })
  }

  async function newToken(client: Client, replica = 0): Promise<string> {
    const { status, body } = await post(replica, 'token', client, { grant_type: 'client_credentials' })
    expect(status).toBe(200)
    return JSON.parse(body).access_token
  }

  const kidOf = (token: string) => JSON.parse(Buffer.from(token.split('.', 1)[0] ?? '', 'base64url').toString()).kid

  async function ask(token: string, guard = guards[0]): Promise<string> {
    const port = guard?.port ?? 0
    const answer = await sendRaw(port, `GET /x HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${token}\r\n\r\n`)
    return answer.headers['latchkey-decision']?.[0] ?? ''
  }
  const becomes = (token: string, decision: string, guard = guards[0]) =>
    expect.poll(() => ask(token, guard), { interval: 10, timeout: 10_000 }).toBe(decision)

  it('let their client in that got them with private_key_jwt', async () => {
    await becomes(await newToken(clients.checkout), granted)
    expect(app.seen.at(-1)?.header('Latchkey-Client')).toBe(clients.checkout.clientId)
    expect(app.seen.at(-1)?.header('Latchkey-Roles')).toBe('reader')
  })

  it('J25 are refused by a guard of one replica within a fraction of a second when they are revoked at another', async () => {
    const [token, another] = [await newToken(clients.checkout), await newToken(clients.checkout)]
    await becomes(token, granted)
    expect((await post(0, 'revoke', clients.checkout, { token })).status).toBe(200)
    const from = performance.now()
    await becomes(token, denied('token_revoked'))
    // A busy machine takes longer than this does.
    expect(performance.now() - from).toBeLessThan(2_000)
    expect(await ask(another)).toBe(granted)
    // By a replica that was started after it, too.
    replicas.push(await world.startReplica())
    const guard = await startGuard(replicas.length - 1)
    guards.push(guard)
    await becomes(another, granted, guard)
    expect(await ask(token, guard)).toBe(denied('token_revoked'))
  })

  it('O25 of another client are not revoked', async () => {
    const token = await newToken(clients.checkout)
    expect((await post(0, 'revoke', clients.suspended, { token })).status).toBe(200)
    const own = await newToken(clients.suspended)
    expect((await post(0, 'revoke', clients.suspended, { token: own })).status).toBe(200)
    await becomes(own, denied('token_revoked'))
    expect(await ask(token)).toBe(granted)
  })

  it.each([
    [
      'their client is suspended',
      'suspended',
      'client_suspended',
      () => world.admin.patch(resources.apiClients, 'partners', 'suspended', { spec: { suspended: true } }),
    ],
    [
      'the key that they were got with is revoked',
      'revoked',
      'key_revoked',
      () =>
        world.admin.patch(resources.accessKeys, 'partners', 'revoked-key', { spec: { revoked: { reason: 'leak' } } }),
    ],
    [
      'their grant is gone',
      'ungranted',
      'not_subscribed',
      () => world.admin.delete(resources.accessGrants, 'shop', 'ungranted-reads'),
    ],
  ] as const)('are refused at once when %s', async (_, name, reason, change) => {
    const token = await newToken(clients[name])
    await becomes(token, granted)
    await change()
    await becomes(token, denied(reason))
  })

  it('pass while the issuer changes the key that signs: guards know the next one before', async () => {
    const before = await newToken(clients.checkout)
    await writeKeys(
      'patch',
      { ...first.entry('Retiring'), until: Math.floor(Date.now() / 1_000) + 4_860 },
      next.entry('Signing'),
    )
    replicas.push(await world.startReplica())
    const after = await newToken(clients.checkout, replicas.length - 1)
    expect([kidOf(before), kidOf(after)]).toEqual([first.kid, next.kid])
    // Connected to a replica that has not read its Secret again.
    expect([await ask(before), await ask(after)]).toEqual([granted, granted])
  })
})

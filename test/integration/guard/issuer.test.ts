import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { configTable } from '../../../guard/config.ts'
import type { RunningGuard } from '../../../guard/guard.ts'
import { startSidecar } from '../../../guard/sidecar.ts'
import type { Issuer } from '../../../issuer/issuer.ts'
import { systemClock } from '../../../platform/clock.ts'
import { readConfig } from '../../../platform/config.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import * as resources from '../../../platform/kube/resources.ts'
import { sidecarSettings } from '../../builders/sidecar-settings.ts'
import { sendRaw } from '../../guard/raw-socket.ts'
import { type App, startApp } from '../../guard/rig.ts'
import { createQuietLog } from '../../unit/platform/quiet-log.ts'
import {
  addClient,
  addGrant,
  addKey,
  addPod,
  addRole,
  addService,
  clientIdNow,
  clientTokenOf,
  makeKeyPair,
  publishedKey,
  tokenOf,
} from '../issuer/objects.ts'
import { get } from '../issuer/web.ts'
import { startWorld, type World } from '../issuer/world.ts'

const audience = 'https://orders.shop.svc'
let world: World
let issuer: Issuer
let app: App
let folder: string
let guard: RunningGuard
let checkout: Client
let worker: KubeObject
/** Each loses its access in its own way. */
const leaving = ['ungranted', 'revoked', 'keyless', 'deleted', 'suspended', 'compromised'] as const
type Client = Awaited<ReturnType<typeof addClient>>
const clients = {} as Record<(typeof leaving)[number], Client>

beforeAll(async () => {
  world = await startWorld()
  await world.namespace('shop')
  await world.namespace('partners')
  await addService(world, 'shop', 'orders')
  checkout = await addClient(world, 'partners', 'checkout', { serviceAccounts: [{ name: 'worker' }] })
  await addRole(world, 'shop', 'reader', ['orders'])
  await addGrant(world, 'shop', 'checkout-reads', 'reader', [checkout])
  for (const name of leaving) {
    clients[name] = await addClient(world, 'partners', name)
    await addGrant(world, 'shop', `${name}-reads`, 'reader', [clients[name]])
  }
  worker = await addPod(world, { namespace: 'partners', name: 'worker-1', labels: {}, serviceAccount: 'worker' })
  const pod = await addPod(world, { namespace: 'shop', name: 'orders-1', labels: { app: 'orders' } })
  issuer = await world.startReplica()
  app = await startApp()
  folder = await mkdtemp(join(tmpdir(), 'guard-issuer-'))
  await writeFile(join(folder, 'ca.crt'), world.ca)
  await writeFile(join(folder, 'token'), await tokenOf(world, pod))
  guard = await start()
})
afterAll(async () => {
  await guard?.stop()
  await app?.close()
  await world?.close()
})

function start(): Promise<RunningGuard> {
  const config = readConfig(
    configTable,
    sidecarSettings(folder, {
      service: 'shop/orders',
      appPort: app.port,
      issuer: { url: `https://127.0.0.1:${issuer.ports.snapshots}` },
    }),
  )
  return startSidecar(config, { clock: systemClock, log: createQuietLog().log, version: 'test', procNet: folder })
}

const clientToken = (client: Client = checkout): string => clientTokenOf(client, audience)
const ask = async (token: string): Promise<string> => {
  const answer = await sendRaw(guard.port, `GET /x HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${token}\r\n\r\n`)
  return answer.headers['latchkey-decision']?.[0] ?? ''
}
const granted = 'allow; reason=granted; by=guard'

describe('a guard of a real issuer', () => {
  it('lets in who is granted, by a token the client signed', async () => {
    await expect.poll(() => ask(clientToken()), { timeout: 10_000 }).toBe(granted)
    expect(app.seen.at(-1)?.header('Latchkey-Client')).toBe(checkout.clientId)
  })
  it('lets in the same client by its service account, while its pod lives', async () => {
    const token = await tokenOf(world, worker, audience)
    await expect.poll(() => ask(token), { timeout: 5_000 }).toBe(granted)
    await world.admin.delete(resources.pods, 'partners', 'worker-1')
    await expect.poll(() => ask(token), { timeout: 5_000 }).toBe('deny; reason=pod_unknown; by=guard')
  })
  it('K07 decides by role and grant as they stand now, whatever was looked at before, and an edit that no webhook saw opens nothing', async () => {
    const { patch } = world.admin
    const late = await addClient(world, 'partners', 'late')
    await addRole(world, 'shop', 'edited', ['orders'])
    await addGrant(world, 'shop', 'late-reads', 'edited', [late])
    const rules = (path: string) => ({ spec: { rules: [{ services: ['orders'], methods: ['GET'], paths: [path] }] } })
    const decision = () => ask(clientToken(late))
    await expect.poll(decision, { timeout: 10_000 }).toBe(granted)
    for (const path of ['/y', '/%78']) {
      await patch(resources.roles, 'shop', 'edited', rules('/x'))
      await expect.poll(decision, { timeout: 10_000 }).toBe(granted)
      await patch(resources.roles, 'shop', 'edited', rules(path))
      await expect.poll(decision, { timeout: 10_000 }).toMatch(/^deny; /)
    }
  })
  it('S11 names nobody who lost access to an app, on a public path and in audit mode, by fresh tokens too', async () => {
    const { patch } = world.admin
    const spec = (value: object) => ({ spec: value })
    await patch(resources.guardedServices, 'shop', 'orders', spec({ public: [{ path: '/open/**' }] }))
    const named = async (path: string, token: string): Promise<string | undefined> => {
      const answer = await sendRaw(
        guard.port,
        `GET ${path} HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${token}\r\n\r\n`,
      )
      expect(answer.status).toBe(200)
      return app.seen.at(-1)?.header('Latchkey-Client')
    }
    const tokens = new Map(leaving.map(name => [name, clientToken(clients[name])]))
    const opened = async (name: (typeof leaving)[number]) => (await ask(tokens.get(name) ?? '')) === granted
    for (const name of leaving) await expect.poll(() => opened(name), { timeout: 10_000 }).toBe(true)
    await expect
      .poll(async () => (await sendRaw(guard.port, 'GET /open/x HTTP/1.1\r\nHost: orders\r\n\r\n')).status, {
        timeout: 5_000,
      })
      .toBe(200)
    for (const name of leaving) expect(await named('/open/x', tokens.get(name) ?? '')).toBe(clients[name].clientId)

    await world.admin.delete(resources.accessGrants, 'shop', 'ungranted-reads')
    await patch(resources.accessKeys, 'partners', 'revoked-key', spec({ revoked: { reason: 'leaked' } }))
    await world.admin.delete(resources.accessKeys, 'partners', 'keyless-key')
    await world.admin.delete(resources.apiClients, 'partners', 'deleted')
    await patch(resources.apiClients, 'partners', 'suspended', spec({ suspended: true }))
    await patch(resources.apiClients, 'partners', 'compromised', spec({ identity: 2 }))
    for (const mode of ['Enforce', 'Audit']) {
      await patch(resources.guardedServices, 'shop', 'orders', spec({ mode }))
      for (const name of leaving) {
        for (const path of mode === 'Audit' ? ['/open/x', '/x'] : ['/open/x']) {
          const tried = async () => [
            await named(path, tokens.get(name) ?? ''),
            await named(path, clientToken(clients[name])),
          ]
          if (mode === 'Audit') {
            const passes = async () => (await ask(clientToken(clients[name]))).startsWith('allow')
            await expect.poll(passes, { timeout: 5_000 }).toBe(true)
          }
          await expect.poll(tried, { timeout: 5_000 }).toEqual([undefined, undefined])
        }
      }
    }
    // Whoever counts is still named.
    expect(await named('/open/x', clientToken())).toBe(checkout.clientId)
    await patch(resources.guardedServices, 'shop', 'orders', spec({ mode: 'Enforce' }))
    const verdicts = new Map<string, string>()
    for (const name of leaving) {
      await expect.poll(() => ask(clientToken(clients[name])), { timeout: 5_000 }).toMatch(/^deny/)
      verdicts.set(name, await ask(clientToken(clients[name])))
    }
    const refused = (reason: string) => `deny; reason=${reason}; by=guard`
    expect(Object.fromEntries(verdicts)).toEqual({
      ungranted: refused('invalid_token'),
      revoked: refused('key_revoked'),
      keyless: refused('invalid_token'),
      deleted: refused('invalid_token'),
      suspended: refused('client_suspended'),
      compromised: refused('invalid_token'),
    })
  })
  it('takes nothing of a client that has another identity, and its new keys once the grant is written again', async () => {
    const before = clients.compromised
    const pair = makeKeyPair()
    const clientId = await clientIdNow(world, 'partners', 'compromised')
    const next: Client = { ...before, clientId, pair }
    // As the operator leaves it: the key of before is gone, the next one is of the next id.
    await world.setStatus(resources.accessKeys, 'partners', 'compromised-key', { clientId, keys: [publishedKey(pair)] })
    const jwks = async (id: string) =>
      (await get({ port: issuer.ports.public, ca: world.ca, path: `/default/v1/clients/${id}/.well-known/jwks.json` }))
        .status
    await expect.poll(() => jwks(clientId)).toBe(200)
    expect(await jwks(before.clientId)).toBe(404)
    const refused = 'deny; reason=invalid_token; by=guard'
    // The key of one under the id of the other is nobody's either.
    const mixed: Client[] = [before, next, { ...before, pair }, { ...next, pair: before.pair }]
    for (const one of mixed) expect(await ask(clientToken(one))).toBe(refused)
    await world.setStatus(resources.accessGrants, 'shop', 'compromised-reads', {
      clients: [{ namespace: 'partners', name: 'compromised', clientId, state: 'Granted' }],
    })
    await expect.poll(() => ask(clientToken(next))).toBe(granted)
    expect(await ask(clientToken(before))).toBe(refused)
    expect(await ask(clientToken({ ...next, pair: before.pair }))).toBe(refused)
  })
  it('takes both keys of an exchange, without a gap before the operator has seen it, and one at once when the spec says so', async () => {
    const { admin } = world
    const [first, second] = [makeKeyPair(), makeKeyPair()]
    const own = { namespace: 'partners', name: 'own' }
    const spec = { clientRef: { name: 'checkout' }, publicKey: first.publicKey }
    await admin.create(resources.accessKeys, { metadata: own, spec } as KubeObject)
    const { clientId } = checkout
    const publishes = (observedGeneration: number, ...keys: object[]) =>
      world.setStatus(resources.accessKeys, 'partners', 'own', { clientId, observedGeneration, keys })
    const change = (spec: object) => admin.patch(resources.accessKeys, 'partners', 'own', { spec })
    const [before, after] = [clientToken({ ...checkout, pair: first }), clientToken({ ...checkout, pair: second })]
    await publishes(1, publishedKey(first))
    await expect.poll(() => ask(before)).toBe(granted)
    await change({ publicKey: second.publicKey })
    // What comes later in the same stream proves that the issuer has it.
    const witness = makeKeyPair()
    await addKey(world, { ...own, name: 'witness', client: 'checkout', clientId, pair: witness })
    await expect.poll(() => ask(clientToken({ ...checkout, pair: witness }))).toBe(granted)
    expect(await ask(before)).toBe(granted)
    expect(await ask(after)).toBe('deny; reason=invalid_token; by=guard')
    const notAfter = new Date(Date.now() + 86_400_000).toISOString()
    await publishes(2, publishedKey(second), { ...publishedKey(first, 'Retiring'), notAfter })
    await expect.poll(() => ask(after)).toBe(granted)
    expect(await ask(before)).toBe(granted)
    // The spec alone, whatever the status says.
    await change({ keysNotBefore: new Date(Date.now() + 1_000).toISOString() })
    await expect.poll(() => ask(before)).toBe('deny; reason=key_revoked; by=guard')
    await expect.poll(() => ask(after)).toBe('deny; reason=key_revoked; by=guard')
  })
  it('J25 refuses a revoked key within a second of the write, also with a token it let in before', async () => {
    const token = clientToken()
    expect(await ask(token)).toBe(granted)
    const revoked = { clientId: checkout.clientId, keys: [publishedKey(checkout.pair, 'Revoked')] }
    await world.setStatus(resources.accessKeys, 'partners', 'checkout-key', revoked)
    await expect.poll(() => ask(token), { timeout: 1_000, interval: 10 }).toBe('deny; reason=key_revoked; by=guard')
  })
  it('F01 F13 goes on deciding, and starts again, while the issuer is away', async () => {
    await issuer.close(0)
    expect(await ask(clientToken())).toBe('deny; reason=key_revoked; by=guard')
    await guard.stop()
    guard = await start()
    expect(await ask(clientToken())).toBe('deny; reason=key_revoked; by=guard')
    const ready = await sendRaw(guard.adminPort ?? 0, 'GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n')
    expect(ready.status).toBe(200)
  })
})

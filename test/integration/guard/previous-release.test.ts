import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Feature, features } from '../../../core/rows/features.ts'
import { configTable } from '../../../guard/config.ts'
import { startSidecar } from '../../../guard/sidecar.ts'
import type { Issuer } from '../../../issuer/issuer.ts'
import { systemClock } from '../../../platform/clock.ts'
import { readConfig } from '../../../platform/config.ts'
import * as resources from '../../../platform/kube/resources.ts'
import { sidecarSettings } from '../../builders/sidecar-settings.ts'
import { repositoryRoot } from '../../cluster/binaries.ts'
import { sendRaw } from '../../guard/raw-socket.ts'
import { type App, startApp } from '../../guard/rig.ts'
import { fullCommit, previousBundle, previousRelease } from '../../previous-bundle.ts'
import { createQuietLog } from '../../unit/platform/quiet-log.ts'
import {
  addClient,
  addGrant,
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
import { releaseNamespace, startWorld, type World } from '../issuer/world.ts'

/** One that no release has: a route of this name must not be decided on without it. */
const later: Feature = { name: 'later', since: '9.8.7', route: route => (route.name === 'later' ? 'Deny' : route) }
const services = ['plain', 'tagged', 'limited'] as const
type Service = (typeof services)[number]

interface Guard {
  readonly port: number
  stop(): Promise<void>
}

let world: World
let issuer: Issuer
let app: App
let folder: string
let operator: string
let dist: string
let client: Awaited<ReturnType<typeof addClient>>
let leaver: Awaited<ReturnType<typeof addClient>>
let riser: Awaited<ReturnType<typeof addClient>>
const old = {} as Record<Service, Guard>
let current: Guard

const route = (name: string, path: string, more: object = {}) => ({ name, path, methods: ['GET'], ...more })
const routes = (...list: object[]) => ({ spec: { routes: list } })
const patch = (name: Service, change: object) => world.admin.patch(resources.guardedServices, 'shop', name, change)

beforeAll(async () => {
  dist = await previousBundle(previousRelease.commit)
  world = await startWorld()
  await world.namespace('shop')
  await world.namespace('partners')
  client = await addClient(world, 'partners', 'checkout')
  leaver = await addClient(world, 'partners', 'leaver')
  riser = await addClient(world, 'partners', 'riser')
  for (const name of services) await addService(world, 'shop', name)
  await addRole(world, 'shop', 'reader', [...services])
  await addGrant(world, 'shop', 'reads', 'reader', [client, leaver])
  await addGrant(world, 'shop', 'riser-reads', 'reader', [riser])
  await patch('plain', { spec: { public: [{ path: '/open/**' }] } })
  await patch('tagged', routes(route('order', '/orders/{tenant}', { tags: { kind: 'orders', tenant: '{tenant}' } })))
  await patch('limited', routes(route('order', '/orders/{tenant}'), route('later', '/later')))
  issuer = await world.startReplica({ features: [...features, later] })
  app = await startApp()
  folder = await mkdtemp(join(tmpdir(), 'previous-release-'))
  await writeFile(join(folder, 'ca.crt'), world.ca)
  const account = { namespace: releaseNamespace, name: 'operator-1', labels: {}, serviceAccount: 'latchkey-operator' }
  operator = await tokenOf(world, await addPod(world, account))
  for (const name of services) old[name] = await startOld(name)
  current = await startCurrent('limited')
})
afterAll(async () => {
  for (const guard of [...Object.values(old), current]) await guard?.stop()
  await app?.close()
  await world?.close()
})

async function settings(name: Service, pod: string): Promise<Record<string, string>> {
  const added = await addPod(world, { namespace: 'shop', name: pod, labels: { app: name } })
  const own = join(folder, pod)
  await mkdir(own)
  await writeFile(join(own, 'token'), await tokenOf(world, added))
  const from = { url: `https://127.0.0.1:${issuer.ports.snapshots}`, caFile: join(folder, 'ca.crt') }
  return sidecarSettings(own, { service: `shop/${name}`, appPort: app.port, issuer: from })
}

/** A guard of the release before, as its pod runs it. */
async function startOld(name: Service): Promise<Guard> {
  const env = await settings(name, `${name}-old`)
  const args = [join(dist, 'latchkey.mjs'), 'guard']
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = once(child, 'exit')
  const port = await new Promise<number>((resolve, reject) => {
    let said = ''
    for (const output of [child.stdout, child.stderr]) {
      output.on('data', text => {
        said += text
        const [, found] = /"port":(\d+)[^\n]*"guarding"/.exec(said) ?? []
        if (found) resolve(Number(found))
      })
    }
    child.once('exit', () => reject(new Error(`the guard ended: ${said}`)))
  })
  return {
    port,
    async stop() {
      child.kill('SIGKILL')
      await exited
    },
  }
}

async function startCurrent(name: Service): Promise<Guard> {
  const config = readConfig(configTable, await settings(name, `${name}-current`))
  const context = { clock: systemClock, log: createQuietLog().log, version: 'test', procNet: folder }
  return await startSidecar(config, context)
}

const tokenFor = (name: Service, who: typeof client): string => clientTokenOf(who, `https://${name}.shop.svc`)

async function ask(guard: Guard, name: Service, line: string, who?: typeof client) {
  const credential = who ? `Authorization: Bearer ${tokenFor(name, who)}\r\n` : ''
  const { status, headers, body } = await sendRaw(guard.port, `${line} HTTP/1.1\r\nHost: a\r\n${credential}\r\n`)
  const [, reason = ''] = /reason=(\w+)/.exec(headers['latchkey-decision']?.[0] ?? '') ?? []
  return { answer: `${status} ${reason}`, detail: status === 200 ? undefined : JSON.parse(body).detail }
}
const answerOf = async (name: Service, line: string, who?: typeof client) =>
  (await ask(old[name], name, line, who)).answer

async function reportOf(name: Service): Promise<Record<string, { current: boolean; needs?: string; hash: string }>> {
  const headers = { authorization: `Bearer ${operator}` }
  const { body } = await get({ port: issuer.ports.snapshots, ca: world.ca, path: '/v1/enforcement', headers })
  const { guards } = JSON.parse(body.toString()).slices[`shop/${name}`]
  return Object.fromEntries(guards.map((guard: { pod: string }) => [guard.pod, guard]))
}

describe('F16 F17 a guard of the release before, with the issuer of this one', () => {
  it('decides as ever about a service that says nothing new', async () => {
    await expect.poll(() => answerOf('plain', 'GET /x', client)).toBe('200 granted')
    expect(await answerOf('plain', 'POST /x', client)).toBe('403 not_granted')
    expect(await answerOf('plain', 'GET /x')).toBe('401 credential_missing')
    expect(await answerOf('plain', 'GET /open/x')).toBe('200 public')
    expect(await answerOf('plain', 'GET /a%2f..', client)).toBe('400 path_malformed')
  })

  it('is told of changes of such a service, and is current', async () => {
    await expect.poll(() => answerOf('plain', 'GET /x', leaver)).toBe('200 granted')
    const revoked = { clientId: leaver.clientId, keys: [publishedKey(leaver.pair, 'Revoked')] }
    await world.setStatus(resources.accessKeys, 'partners', 'leaver-key', revoked)
    await expect.poll(() => answerOf('plain', 'GET /x', leaver)).toBe('401 key_revoked')
    await patch('plain', { spec: { public: [{ path: '/free/**' }] } })
    await expect.poll(() => answerOf('plain', 'GET /free/x')).toBe('200 public')
    expect(await answerOf('plain', 'GET /open/x')).toBe('401 credential_missing')
    await expect.poll(() => reportOf('plain')).toMatchObject({ 'plain-old': { current: true } })
    expect((await reportOf('plain'))['plain-old']).not.toHaveProperty('needs')
  })

  it('takes a client under its next identity, and no more under the one before', async () => {
    await expect.poll(() => answerOf('plain', 'GET /x', riser)).toBe('200 granted')
    await world.admin.patch(resources.apiClients, 'partners', 'riser', { spec: { identity: 2 } })
    // A guard of 0.1.0 remembers whom it knew.
    await expect.poll(() => answerOf('plain', 'GET /x', riser)).toBe('403 not_granted')
    const clientId = await clientIdNow(world, 'partners', 'riser')
    const next = { ...riser, clientId, pair: makeKeyPair() }
    await world.setStatus(resources.accessKeys, 'partners', 'riser-key', { clientId, keys: [publishedKey(next.pair)] })
    const pin = { namespace: 'partners', name: 'riser', clientId, state: 'Granted' }
    await world.setStatus(resources.accessGrants, 'shop', 'riser-reads', { clients: [pin] })
    await expect.poll(() => answerOf('plain', 'GET /x', next)).toBe('200 granted')
    expect(await answerOf('plain', 'GET /x', riser)).toBe('403 not_granted')
    expect(await answerOf('plain', 'GET /x', { ...next, pair: riser.pair })).toBe('401 invalid_token')
    await expect.poll(() => reportOf('plain')).toMatchObject({ 'plain-old': { current: true } })
    expect((await reportOf('plain'))['plain-old']).not.toHaveProperty('needs')
  })

  it('decides as ever about routes with tags, and is current whatever they become', async () => {
    await expect.poll(() => answerOf('tagged', 'GET /orders/acme', client)).toBe('200 granted')
    expect(await answerOf('tagged', 'GET /other', client)).toBe('403 route_unknown')
    await expect.poll(() => reportOf('tagged')).toMatchObject({ 'tagged-old': { current: true } })
    const before = (await reportOf('tagged'))['tagged-old']?.hash
    await patch('tagged', routes(route('order', '/orders/{tenant}', { tags: { kind: 'refunds' } })))
    await patch('tagged', routes(route('order', '/v2/{tenant}', { tags: ['pci'] })))
    await expect.poll(() => answerOf('tagged', 'GET /v2/acme', client)).toBe('200 granted')
    await expect.poll(() => reportOf('tagged')).toMatchObject({ 'tagged-old': { current: true } })
    const after = (await reportOf('tagged'))['tagged-old']
    expect(after?.hash).not.toBe(before)
    expect(after).not.toHaveProperty('needs')
  })

  it('denies a service that says what it must not pass over, and the report names the release that it needs', async () => {
    await expect.poll(() => answerOf('limited', 'GET /orders/acme', client)).toBe('403 policy_unsupported')
    await expect.poll(() => reportOf('limited')).toMatchObject({ 'limited-old': { current: true, needs: '9.8.7' } })
    await patch('limited', routes(route('order', '/orders/{tenant}')))
    await expect.poll(() => answerOf('limited', 'GET /orders/acme', client)).toBe('200 granted')
    await expect.poll(async () => (await reportOf('limited'))['limited-old']?.needs).toBeUndefined()
    await patch('limited', routes(route('order', '/orders/{tenant}'), route('later', '/later')))
  })
})

it('a guard of this release denies that route alone, and says which release it needs', async () => {
  const asked = (line: string) => ask(current, 'limited', line, client)
  await expect.poll(async () => (await asked('GET /later')).answer).toBe('403 policy_unsupported')
  expect((await asked('GET /later')).detail).toBe(
    'The policy says what guards know from release 9.8.7 on. Upgrade the guard.',
  )
  expect((await asked('GET /orders/acme')).answer).toBe('200 granted')
  await expect.poll(() => reportOf('limited')).toMatchObject({ 'limited-current': { current: true, needs: '9.8.7' } })
})

describe('the release before', () => {
  it('is a commit that this one stands on', () => {
    expect(previousRelease.commit).toMatch(/^[0-9a-f]{40}$/)
    const ancestor = ['merge-base', '--is-ancestor', previousRelease.commit, 'HEAD']
    expect(() => execFileSync('git', ancestor, { cwd: repositoryRoot, stdio: 'ignore' })).not.toThrow()
  })

  it('of which the history is not here names the command that fetches it', () => {
    expect(() => fullCommit('0'.repeat(40))).toThrow('run git fetch --unshallow')
  })
})

import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { configTable } from '../../../guard/config.ts'
import type { RunningGuard } from '../../../guard/guard.ts'
import { startSidecar } from '../../../guard/sidecar.ts'
import { systemClock } from '../../../platform/clock.ts'
import { readConfig } from '../../../platform/config.ts'
import * as resources from '../../../platform/kube/resources.ts'
import { sidecarSettings } from '../../builders/sidecar-settings.ts'
import { serviceAccountKeyIn } from '../../cluster/api-server.ts'
import { startControlPlane } from '../../cluster/control-plane.ts'
import { sendRaw } from '../../guard/raw-socket.ts'
import { type App, startApp } from '../../guard/rig.ts'
import { createQuietLog } from '../../unit/platform/quiet-log.ts'
import { installCrds } from '../install-crds.ts'
import { addClient, addGrant, addPod, addRole, addService, clientIdNow, tokenOf } from '../issuer/objects.ts'
import { startWorld, type World } from '../issuer/world.ts'

const audience = 'https://orders.shop.svc'
const granted = 'allow; reason=granted; by=guard'
const refused = (reason: string) => `deny; reason=${reason}; by=guard`
let world: World
let app: App
let guard: RunningGuard

beforeAll(async () => {
  // Its API server is given other keys.
  const plane = await startControlPlane({ name: 'service-accounts' })
  world = await startWorld(plane)
  await installCrds(world.admin)
  await world.namespace('shop')
  await world.namespace('partners')
  await addService(world, 'shop', 'orders')
  await addRole(world, 'shop', 'reader', ['orders'])
  const pod = await addPod(world, { namespace: 'shop', name: 'orders-1', labels: { app: 'orders' } })
  const issuer = await world.startReplica({ clusterKeysMs: 200 })
  app = await startApp()
  const folder = await mkdtemp(join(tmpdir(), 'service-accounts-'))
  await writeFile(join(folder, 'ca.crt'), world.ca)
  await writeFile(join(folder, 'token'), await tokenOf(world, pod))
  const from = { url: `https://127.0.0.1:${issuer.ports.snapshots}` }
  const settings = sidecarSettings(folder, { service: 'shop/orders', appPort: app.port, issuer: from })
  const context = { clock: systemClock, log: createQuietLog().log, version: 'test', procNet: folder }
  guard = await startSidecar(readConfig(configTable, settings), context)
})
afterAll(async () => {
  await guard?.stop()
  await app?.close()
  await world?.close()
})

async function ask(token: string): Promise<string> {
  const request = `GET /x HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${token}\r\n\r\n`
  return (await sendRaw(guard.port, request)).headers['latchkey-decision']?.[0] ?? 'none'
}

/** A client that is nothing but a service account, with a pod that runs as it and a token of that. */
async function caller(name: string) {
  const client = await addClient(world, 'partners', name, { serviceAccounts: [{ name }] })
  await addGrant(world, 'shop', `${name}-reads`, 'reader', [client])
  const pod = await podOf(name, `${name}-1`)
  return { client, pod, token: await tokenOf(world, pod, audience) }
}
const podOf = (serviceAccount: string, name: string) =>
  addPod(world, { namespace: 'partners', name, labels: {}, serviceAccount })

describe('a service account token', () => {
  it('passes while its pod is there, and no longer; one of the next pod does', async () => {
    const { pod, token } = await caller('worker')
    await expect.poll(() => ask(token)).toBe(granted)
    await world.admin.delete(resources.pods, 'partners', pod.metadata.name)
    await expect.poll(() => ask(token)).toBe(refused('pod_unknown'))
    // The same name, and another pod.
    const next = await podOf('worker', pod.metadata.name)
    const fresh = await tokenOf(world, next, audience)
    await expect.poll(() => ask(fresh)).toBe(granted)
    expect(await ask(token)).toBe(refused('pod_unknown'))
  })

  it('of a pod that has finished is refused, though the pod is there', async () => {
    const { pod, token } = await caller('job')
    await expect.poll(() => ask(token)).toBe(granted)
    await world.setStatus(resources.pods, 'partners', pod.metadata.name, { phase: 'Succeeded' })
    await expect.poll(() => ask(token)).toBe(refused('pod_unknown'))
  })

  it('ends with its service account, and one that has its name is another', async () => {
    const { token } = await caller('temporary')
    await expect.poll(() => ask(token)).toBe(granted)
    await world.admin.delete(resources.serviceAccounts, 'partners', 'temporary')
    await expect.poll(() => ask(token)).toBe(refused('invalid_token'))
    const next = await podOf('temporary', 'temporary-2')
    const fresh = await tokenOf(world, next, audience)
    await expect.poll(() => ask(fresh)).toBe(granted)
    expect(await ask(token)).toBe(refused('pod_unknown'))
  })

  it('of two clients that list the account is the older one’s, and the younger one’s when that is gone', async () => {
    const { client, token } = await caller('shared')
    await expect.poll(() => ask(token)).toBe(granted)
    // Creation is counted in seconds.
    await new Promise(resolve => setTimeout(resolve, 1_100))
    const younger = await addClient(world, 'partners', 'younger', { serviceAccounts: [{ name: 'shared' }] })
    await addGrant(world, 'shop', 'younger-reads', 'reader', [younger])
    const witness = await caller('witness')
    await expect.poll(() => ask(witness.token)).toBe(granted)
    expect(await ask(token)).toBe(granted)
    expect(app.seen.at(-1)?.header('Latchkey-Client')).toBe(client.clientId)
    await world.admin.delete(resources.apiClients, 'partners', 'shared')
    await expect
      .poll(async () => [await ask(token), app.seen.at(-1)?.header('Latchkey-Client')])
      .toEqual([granted, younger.clientId])
  })

  it('of another identity of its client passes again once the grant is written again', async () => {
    const { client, token } = await caller('compromised')
    await expect.poll(() => ask(token)).toBe(granted)
    await world.admin.patch(resources.apiClients, 'partners', 'compromised', { spec: { identity: 2 } })
    await expect.poll(() => ask(token)).toBe(refused('invalid_token'))
    const clientId = await clientIdNow(world, 'partners', 'compromised')
    expect(clientId).not.toBe(client.clientId)
    const pin = { namespace: 'partners', name: 'compromised', clientId, state: 'Granted' }
    await world.setStatus(resources.accessGrants, 'shop', 'compromised-reads', { clients: [pin] })
    await expect.poll(() => ask(token)).toBe(granted)
    expect(app.seen.at(-1)?.header('Latchkey-Client')).toBe(clientId)
  })

  it('is good while the cluster has its key, whichever signs; guards learn of keys while they run', async () => {
    const file = serviceAccountKeyIn(world.plane.directory)
    const kid = (token: string) => JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid
    const { pod, token: old } = await caller('steady')
    await expect.poll(() => ask(old)).toBe(granted)
    const before = await readFile(file, 'utf8')
    const retired = createPublicKey(before).export({ type: 'spki', format: 'pem' })
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    })

    await writeFile(file, `${privateKey}${retired}`)
    await world.plane.restartApiServer()
    const fresh = await tokenOf(world, pod, audience)
    expect(kid(fresh)).not.toBe(kid(old))
    await expect.poll(() => ask(fresh)).toBe(granted)
    expect(await ask(old)).toBe(granted)

    await writeFile(file, privateKey)
    await world.plane.restartApiServer()
    await expect.poll(() => ask(old)).toBe(refused('invalid_token'))
    expect(await ask(fresh)).toBe(granted)
    // Pods are followed on, too.
    await world.admin.delete(resources.pods, 'partners', pod.metadata.name)
    await expect.poll(() => ask(fresh)).toBe(refused('pod_unknown'))
  })
})

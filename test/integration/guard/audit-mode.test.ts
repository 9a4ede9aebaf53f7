import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type EnforcementReport, reportService, type ServiceReport } from '../../../core/status/judge-enforcement.ts'
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
import { runCommand } from '../../unit/cli/command-line.ts'
import { createQuietLog } from '../../unit/platform/quiet-log.ts'
import { addClient, addGrant, addPod, addRole, addService, clientTokenOf, tokenOf } from '../issuer/objects.ts'
import { get } from '../issuer/web.ts'
import { releaseNamespace, startWorld, type World } from '../issuer/world.ts'

let world: World
let app: App
let folder: string
let checkout: Awaited<ReturnType<typeof addClient>>
const guards: { pod: KubeObject; issuer: Issuer; guard: RunningGuard }[] = []

beforeAll(async () => {
  world = await startWorld()
  await world.namespace('shop')
  await world.namespace('partners')
  await addService(world, 'shop', 'orders')
  await world.admin.patch(resources.guardedServices, 'shop', 'orders', {
    spec: {
      routes: [
        { name: 'kept', path: '/kept', methods: ['GET', 'DELETE'] },
        { name: 'learning', path: '/learning', methods: ['DELETE'], mode: 'Audit' },
      ],
    },
  })
  checkout = await addClient(world, 'partners', 'checkout')
  await addRole(world, 'shop', 'reader', ['orders'])
  await addGrant(world, 'shop', 'checkout-reads', 'reader', [checkout])
  app = await startApp()
  folder = await mkdtemp(join(tmpdir(), 'audit-mode-'))
  // One replica each: the operator adds up what the replicas say of their own guards.
  for (const name of ['orders-1', 'orders-2']) {
    const pod = await addPod(world, { namespace: 'shop', name, labels: { app: 'orders' } })
    const issuer = await world.startReplica()
    guards.push({ pod, issuer, guard: await start(pod, issuer) })
  }
})
afterAll(async () => {
  for (const { guard } of guards) await guard.stop()
  await app?.close()
  await world?.close()
  await rm(folder, { recursive: true, force: true })
})

async function start(pod: KubeObject, issuer: Issuer): Promise<RunningGuard> {
  const own = join(folder, pod.metadata.name)
  await mkdir(own, { recursive: true })
  await writeFile(join(own, 'ca.crt'), world.ca)
  await writeFile(join(own, 'token'), await tokenOf(world, pod))
  const config = readConfig(
    configTable,
    sidecarSettings(own, {
      service: 'shop/orders',
      appPort: app.port,
      issuer: { url: `https://127.0.0.1:${issuer.ports.snapshots}` },
    }),
  )
  return startSidecar(config, { clock: systemClock, log: createQuietLog().log, version: 'test', procNet: folder })
}

const token = (): string => clientTokenOf(checkout, 'https://orders.shop.svc')

async function remove(guard: RunningGuard, path: string): Promise<number> {
  const head = `DELETE ${path} HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${token()}\r\n\r\n`
  return (await sendRaw(guard.port, head)).status
}

/** What the operator makes of the replicas' reports. */
async function counted(): Promise<ServiceReport> {
  const pod = {
    namespace: releaseNamespace,
    name: `operator-${crypto.randomUUID()}`,
    labels: {},
    serviceAccount: 'latchkey-operator',
  }
  const bearer = await tokenOf(world, await addPod(world, pod))
  const reports = await Promise.all(
    guards.map(async ({ issuer }) => {
      const headers = { authorization: `Bearer ${bearer}` }
      const { body } = await get({ port: issuer.ports.snapshots, ca: world.ca, path: '/v1/enforcement', headers })
      return JSON.parse(body.toString()) as EnforcementReport
    }),
  )
  const pods = guards.map(each => ({ name: each.pod.metadata.name, uid: each.pod.metadata.uid ?? '' }))
  return reportService({ key: 'shop/orders', pods }, reports)
}

it('one route is let through while the rest is enforced, and all guards count together, over restarts', async () => {
  for (const { guard } of guards) {
    await expect.poll(() => remove(guard, '/learning'), { timeout: 10_000 }).toBe(200)
    expect(await remove(guard, '/kept')).toBe(403)
  }
  await expect
    .poll(async () => (await counted()).wouldDeny, { timeout: 20_000, interval: 500 })
    .toBeGreaterThanOrEqual(2)
  const before = (await counted()).wouldDeny
  const [first] = guards
  if (!first) throw new Error('no guard')
  await first.guard.stop()
  first.guard = await start(first.pod, first.issuer)
  expect(await remove(first.guard, '/learning')).toBe(200)
  await expect.poll(async () => (await counted()).wouldDeny, { timeout: 20_000, interval: 500 }).toBe(before + 1)
})

it('latchkey why explains both from the snapshot that the guard has stored', async () => {
  const snapshot = join(folder, 'orders-2', 'snapshot.json')
  const ask = async (path: string): Promise<[number, string]> => {
    const env = { LATCHKEY_SERVICE: 'shop/orders', LATCHKEY_SNAPSHOT_FILE: snapshot }
    const { code, text } = await runCommand(['why', '--client', 'partners/checkout', 'DELETE', path], { env })
    return [code, text.split('\n', 1)[0] ?? '']
  }
  expect(await ask('/learning')).toEqual([0, 'LET THROUGH by audit mode; Enforce would deny: 403 not_granted'])
  expect(await ask('/kept')).toEqual([1, 'DENIED 403 not_granted'])
})

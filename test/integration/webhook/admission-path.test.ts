import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createAdmissionPath } from '../../../operator/certificates/admission-path.ts'
import { createCertificates } from '../../../operator/certificates/certificates.ts'
import { type SecretOf, textsOf } from '../../../operator/owned-objects.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import { mutatingWebhooks, secrets, validatingWebhooks } from '../../../platform/kube/resources.ts'
import { helmPath } from '../../cluster/binaries.ts'
import { run } from '../../cluster/command.ts'
import { chart, kubectl } from '../chart/render-chart.ts'
import { configOf, testLog } from '../operator/cluster.ts'
import { type Cluster, startCluster } from '../policies/setup.ts'

let cluster: Cluster
let before: string
/** Whether the replicas take the path that the Secret has. */
let taken = false
let now = Date.now()

type Configuration = KubeObject & {
  webhooks: { clientConfig: { caBundle?: string; service: { path?: string } } }[]
  metadata: { managedFields?: { manager: string }[] }
}

beforeAll(async () => {
  cluster = await startCluster('admission-path', { 'latchkey-system': {} })
  // The chart below brings them.
  await kubectl(cluster.plane.kubeconfig, ['delete', 'crds', '--all'])
  before = chartOfBefore()
})
afterAll(() => cluster?.stop())

/** The chart as it was when it named the paths itself. */
function chartOfBefore(): string {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-chart-'))
  cpSync(chart, folder, { recursive: true })
  const file = join(folder, 'templates/webhook/configurations.yaml')
  const text = readFileSync(file, 'utf8')
    .replaceAll(
      / {8}\{\{- with include "latchkey\.pathInForce" \(dict "kind" "(\w+?)atingWeb[^\n]*\n[^\n]*\n[^\n]*\n/g,
      (_, kind) => (kind === 'Valid' ? '        path: /validate\n' : '        path: /mutate\n'),
    )
    .replaceAll(/ {2}annotations:\n {4}latchkey\.dev\/admission-path: Random\n/g, '')
  writeFileSync(file, text)
  return folder
}

const helm = async (...args: string[]) =>
  await run(await helmPath(), ['--kubeconfig', cluster.plane.kubeconfig, '--namespace', 'latchkey-system', ...args])

/** What the operator does about it, once. */
async function pass(): Promise<void> {
  const { client } = cluster
  const config = configOf()
  const log = testLog()
  const clock = { wallMs: () => now }
  const certificates = createCertificates({
    ...{ client, config, log, clock },
    onBundle: () => {},
    hasReached: async () => true,
    request: () => undefined,
  })
  for (let rest = 0; rest === 0; ) rest = (await certificates.reconcileSecrets())?.requeueAfterMs ?? 1
  await certificates.reconcileWebhooks()
  const { namespace, fullname } = config
  const replicas = () => [{ host: '10.0.0.1', port: 9443 }]
  await createAdmissionPath({ client, namespace, fullname, replicas, takes: async () => taken, log }).reconcile()
}

async function configurations(): Promise<Configuration[]> {
  const found = await Promise.all(
    [validatingWebhooks, mutatingWebhooks].map(one => cluster.client.get<Configuration>(one, undefined, 'latchkey')),
  )
  return found.map(one => one as Configuration)
}

/** The paths that the API server is told, each once, of the two configurations. */
async function paths(): Promise<(string | undefined)[]> {
  return (await configurations()).map(({ webhooks }) => {
    const [first, ...others] = new Set(webhooks.map(({ clientConfig }) => clientConfig.service.path))
    expect(others).toEqual([])
    return first
  })
}

async function secretPaths(): Promise<string[]> {
  const secret = await cluster.client.get<SecretOf>(secrets, 'latchkey-system', 'latchkey-webhook-tls')
  return [`/validate/${textsOf(secret).path}`, `/mutate/${textsOf(secret).path}`]
}

const fixed = ['/validate', '/mutate']

it('upgrade, rotation, rollback and upgrade again: the API server is told a path only when every replica takes it', async () => {
  // The release of before: its operator knows of no path, and ours leaves what its chart says.
  await helm('install', 'latchkey', before)
  taken = true
  await pass()
  expect(await paths()).toEqual(fixed)

  // Upgraded: replicas of before still serve, and take nothing but their own path.
  taken = false
  await helm('upgrade', 'latchkey', chart)
  expect(await paths()).toEqual(fixed)
  await pass()
  expect(await paths()).toEqual(fixed)
  taken = true
  await pass()
  const first = await secretPaths()
  expect(first[0]).toMatch(/^\/validate\/[0-9a-f]{32}$/)
  expect(await paths()).toEqual(first)
  for (const { webhooks, metadata } of await configurations()) {
    expect(webhooks.map(({ clientConfig }) => typeof clientConfig.caBundle)).toEqual(webhooks.map(() => 'string'))
    expect(metadata.managedFields?.map(({ manager }) => manager)).not.toContain('latchkey-admission-path')
  }

  // Rotated with the certificate; an upgrade meanwhile keeps what the API server is told.
  now += 61 * 86_400_000
  taken = false
  await pass()
  expect(await paths()).toEqual(first)
  const second = await secretPaths()
  expect(second).not.toEqual(first)
  await helm('upgrade', 'latchkey', chart, '--set', 'logLevel=debug')
  expect(await paths()).toEqual(first)
  taken = true
  await pass()
  expect(await paths()).toEqual(second)

  // Rolled back: nothing of ours stands in the way of the path that the chart names again, and nobody overrules it.
  await helm('rollback', 'latchkey', '1')
  expect(await paths()).toEqual(fixed)
  await pass()
  expect(await paths()).toEqual(fixed)

  await helm('upgrade', 'latchkey', chart)
  await pass()
  expect(await paths()).toEqual(second)
})

it('a rollback to a release that left the path to the operator has the current one again', async () => {
  const current = await secretPaths()
  await helm('rollback', 'latchkey', '3')
  await pass()
  expect(await paths()).toEqual(current)
})

it('a fresh installation names no path, and gets one', async () => {
  await helm('uninstall', 'latchkey', '--wait')
  await kubectl(cluster.plane.kubeconfig, ['delete', 'crds', '--all'])
  await helm('install', 'latchkey', chart)
  expect(await paths()).toEqual([undefined, undefined])
  await pass()
  expect(await paths()).toEqual(await secretPaths())
}, 180_000)

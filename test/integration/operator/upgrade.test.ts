import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { issuerKeysFile } from '../../../core/keys/issuer-keys.ts'
import { type SecretOf, textsOf } from '../../../operator/owned-objects.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import { accessKeys, apiClients, secrets } from '../../../platform/kube/resources.ts'
import { previousBundle, previousRelease } from '../../previous-bundle.ts'
import { condition, startTestCluster, type TestCluster, until } from './cluster.ts'
import { holderOf, type OperatorProcess, startOperatorProcess } from './start-main.ts'

let cluster: TestCluster
let dist: string
let running: OperatorProcess | undefined
beforeAll(async () => {
  dist = await previousBundle(previousRelease.commit)
  cluster = await startTestCluster()
}, 300_000)
afterAll(async () => {
  running?.child.kill('SIGKILL')
  await cluster?.stop()
})

/** Replaces the operator, as a rollout does. */
async function roll(podName: string, program?: readonly string[]): Promise<void> {
  running?.child.kill('SIGTERM')
  await running?.exited
  const { kubeconfig } = cluster.plane
  running = await startOperatorProcess({ kubeconfig, podName, ...(program && { program }) })
  await until(async () => (await holderOf(cluster.client))?.startsWith(`${podName}_`), `${podName} leads`, 30_000)
}

/** Everything that was minted, by Secret and file; what else stands there may be brought up to date. */
async function minted(namespace: string): Promise<Record<string, string>> {
  const places = [
    ...['one', 'two'].map(name => [namespace, name] as const),
    ...['ca', 'issuer-tls', 'webhook-tls', 'issuer-keys'].map(name => ['latchkey-system', `latchkey-${name}`] as const),
  ]
  const found = await Promise.all(
    places.map(async ([at, name]) => {
      const files = textsOf(await cluster.client.get<SecretOf>(secrets, at, name))
      return Object.entries(files).flatMap(([file, text]) =>
        /\.(crt|key|jwk|pem)$|^key-id$/.test(file) ? [[`${name}/${file}`, text] as const] : [],
      )
    }),
  )
  return Object.fromEntries(found.flat())
}

test('an upgrade from the release before, and the way back, mint nothing: no key, no certificate (F16)', async () => {
  const { client } = cluster
  const namespace = await cluster.namespace()
  const old = [join(dist, 'latchkey.mjs'), 'operator']
  await roll('old-0', old)
  await client.create(apiClients, { metadata: { name: 'web', namespace }, spec: {} } as KubeObject)
  for (const name of ['one', 'two']) {
    const key = { metadata: { name, namespace }, spec: { clientRef: { name: 'web' } } }
    await client.create(accessKeys, key as KubeObject)
    await condition(client, accessKeys, key, { type: 'Ready', reason: 'Ready' })
  }
  await until(async () => Object.keys(await minted(namespace)).length >= 15, 'all that is minted')
  const before = await minted(namespace)

  await roll('new-0')
  // The keys of the issuer are looked after by this release when they are in its record.
  await until(async () => {
    const keys = textsOf(await client.get<SecretOf>(secrets, 'latchkey-system', 'latchkey-issuer-keys'))
    return keys[issuerKeysFile] !== undefined
  }, 'the record of the keys of the issuer')
  await new Promise(resolve => setTimeout(resolve, 2_000))
  expect(await minted(namespace)).toEqual(before)

  await roll('old-1', old)
  await new Promise(resolve => setTimeout(resolve, 2_000))
  expect(await minted(namespace)).toEqual(before)
}, 180_000)

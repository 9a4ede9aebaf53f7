import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AccessKeyStatus } from '../../../core/api/access-key.ts'
import type { SecretObject } from '../../../core/keys/secret-data.ts'
import { proveSecretKey } from '../../../operator/access-key/key-material.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import { accessKeys, apiClients, secrets } from '../../../platform/kube/resources.ts'
import { startTestCluster, type TestCluster, until } from './cluster.ts'

const count = 200
/** No client has more than 64 keys that count. */
const clients = ['web', 'shop', 'stock', 'mail']
const fireMs = 20_000
let cluster: TestCluster
const alive = new Set<ChildProcess>()
beforeAll(async () => {
  cluster = await startTestCluster()
})
afterAll(async () => {
  for (const child of alive) child.kill('SIGKILL')
  await cluster?.stop()
})

type Key = KubeObject & { status?: AccessKeyStatus }

function startLeader(): ChildProcess {
  const script = fileURLToPath(new URL('operator-process.ts', import.meta.url))
  const child = fork(script, [cluster.plane.kubeconfig], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  alive.add(child)
  child.once('exit', () => alive.delete(child))
  return child
}

test('two leaders at once, killed at any moment, mint one key for each of 200 AccessKeys (F03, F07)', async () => {
  const namespace = await cluster.namespace()
  for (const name of clients) await cluster.client.create(apiClients, { metadata: { name, namespace } } as KubeObject)
  let done = false
  let kills = 0
  const leaders = [1, 2].map(() =>
    keepLeading({
      isOver: () => done,
      killed() {
        kills++
      },
    }),
  )
  const names = Array.from({ length: count }, (_, index) => `key-${index}`)
  for (const [at, name] of names.entries()) {
    const spec = { clientRef: { name: clients[at % clients.length] } }
    await cluster.client.create(accessKeys, { metadata: { name, namespace }, spec } as KubeObject)
  }
  await new Promise(resolve => setTimeout(resolve, fireMs))
  await until(async () => kills > 4, 'leaders killed', 120_000)
  done = true
  await Promise.all(leaders)
  // Two more, that are let live, finish whatever the killed ones left.
  startLeader()
  startLeader()
  const last = await until(
    async () => {
      const keys = await list(namespace)
      return keys.every(isReady) && keys
    },
    'all ready',
    60_000,
  )
  expect(last).toHaveLength(count)
  const kids = new Set<string>()
  for (const key of last) {
    const secret = await cluster.client.get<SecretObject & KubeObject>(secrets, namespace, key.metadata.name)
    const held = secret && proveSecretKey(secret, 'Ed25519')
    expect(held, `${key.metadata.name} has no key in its Secret`).toBeDefined()
    // One key ever: a lost race would show as a retiring key beside the active one.
    expect(key.status?.keys).toMatchObject([{ kid: held?.kid, state: 'Active', publicKey: held?.publicKey }])
    kids.add(held?.kid ?? '')
  }
  expect(kids.size).toBe(count)
}, 240_000)

/** Starts a leader, kills it at some moment of its work, starts another. */
async function keepLeading({ isOver, killed }: { isOver(): boolean; killed(): void }): Promise<void> {
  while (!isOver()) {
    const child = startLeader()
    const ended = new Promise(resolve => child.once('exit', resolve))
    await new Promise(resolve => child.once('message', resolve))
    await new Promise(resolve => setTimeout(resolve, Math.random() * 2_000))
    child.kill('SIGKILL')
    killed()
    await ended
  }
}

async function list(namespace: string): Promise<Key[]> {
  const { items } = await cluster.client.list<Key>(accessKeys, { namespace })
  return items.length === count ? items : [{ metadata: { name: 'not all there' } }]
}

function isReady(key: Key): boolean {
  return key.status?.conditions?.some(one => one.type === 'Ready' && one.status === 'True') ?? false
}

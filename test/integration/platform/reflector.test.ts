import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  createKubeClient,
  type KubeClient,
  KubeError,
  type KubeObject,
  type Resource,
} from '../../../platform/kube/client.ts'
import { loadKubeConnection } from '../../../platform/kube/connection.ts'
import { createReflector, type Reflector } from '../../../platform/kube/reflector.ts'
import { createLog } from '../../../platform/log.ts'
import type { ControlPlane } from '../../cluster/control-plane.ts'
import { workerControlPlane } from '../worker-control-plane.ts'
import { faults, startFaultProxy } from './fault-proxy.ts'

const configMaps: Resource = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true }
const namespaces: Resource = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false }
type ConfigMap = KubeObject & { data?: Record<string, string> }

let cluster: ControlPlane
let client: KubeClient
const log = createLog({ process: 'test', level: 'fatal' })

beforeAll(async () => {
  cluster = await workerControlPlane()
  client = createKubeClient(loadKubeConnection({ kubeconfig: cluster.kubeconfig }))
})

afterAll(async () => {
  await client?.close()
  await cluster?.stop()
})

/** Creates, updates and deletes at random for a while. */
async function churn(namespace: string, operations: number): Promise<void> {
  for (let done = 0; done < operations; done++) {
    const name = `c${Math.floor(Math.random() * 25)}`
    const object: ConfigMap = { metadata: { name, namespace }, data: { value: String(Math.random()) } }
    const chance = Math.random()
    try {
      if (chance < 0.35) await client.delete(configMaps, namespace, name)
      else if (chance < 0.7) await client.create(configMaps, object)
      else await client.update(configMaps, object)
    } catch (error) {
      if (!(error instanceof KubeError && (error.status === 404 || error.status === 409))) throw error
    }
    await new Promise(resolve => setTimeout(resolve, Math.random() * 25))
  }
}

/** What the handlers were told, added up; a change that does not fit the one before it is an error. */
function mirror(reflector: Reflector<ConfigMap>): Map<string, string> {
  const told = new Map<string, string>()
  reflector.onChange(({ type, key, object }) => {
    if (told.has(key) === (type === 'added')) throw new Error(`${type} of ${key} does not follow`)
    if (type === 'deleted') told.delete(key)
    else told.set(key, object.metadata.resourceVersion ?? '')
  })
  return told
}

async function listed(namespace: string): Promise<Record<string, string>> {
  const { items } = await client.list<ConfigMap>(configMaps, { namespace })
  return Object.fromEntries(
    items.map(({ metadata }) => [`${namespace}/${metadata.name}`, metadata.resourceVersion ?? '']).sort(),
  )
}

const versions = (store: ReadonlyMap<string, ConfigMap>) =>
  Object.fromEntries([...store].map(([key, { metadata }]) => [key, metadata.resourceVersion ?? '']).sort())

function busiestSecond(requests: { at: number }[]): number {
  return Math.max(0, ...requests.map(({ at }) => requests.filter(one => one.at >= at && one.at < at + 1_000).length))
}

async function newNamespace(name: string): Promise<string> {
  await client.create(namespaces, { metadata: { name } })
  return name
}

const timings = {
  pageSize: 7,
  watchMinSeconds: 2,
  watchMaxSeconds: 3,
  watchGraceMs: 500,
  backoffMinMs: 200,
  backoffMaxMs: 1_000,
}

describe('a reflector on a real API server', () => {
  for (const fault of faults) {
    test.concurrent(`misses nothing and does not storm through: ${fault} (F04, F06)`, async ({ expect }) => {
      const through = await startFaultProxy(loadKubeConnection({ kubeconfig: cluster.kubeconfig }))
      const namespace = await newNamespace(`fault-${fault.replaceAll(' ', '-')}`)
      const faulty = createKubeClient(through.connection, { requestTimeoutMs: 2_000 })
      const failures: unknown[] = []
      const watcher = {
        ...log,
        child: () => watcher,
        error: (line: unknown) => failures.push(line),
      } as unknown as typeof log
      watcher.info = watcher.warn = () => undefined
      const reflector = createReflector<ConfigMap>(faulty, configMaps, { namespace, timings, log: watcher })
      const told = mirror(reflector)
      await churn(namespace, 30)
      reflector.start()
      await reflector.whenSynced()
      through.suffer(fault, 0.7)
      await churn(namespace, 150)
      while (through.suffered() < 4) await churn(namespace, 50)
      through.calm()
      await churn(namespace, 20)
      const expected = await listed(namespace)
      await expect.poll(() => versions(reflector.store), { timeout: 15_000, interval: 50 }).toEqual(expected)
      expect(Object.fromEntries([...told].sort())).toEqual(expected)
      expect(failures).toEqual([])
      // A list of at most 25 objects is four pages; the rest is two tries a second.
      expect(busiestSecond(through.requests)).toBeLessThanOrEqual(20)
      await reflector.stop()
      await faulty.close()
      await through.close()
    })
  }

  test('bookmarks move what was seen on, and an orderly end of the watch asks for no list', async () => {
    const namespace = await newNamespace('quiet')
    const calls: string[] = []
    const counting: KubeClient = {
      ...client,
      list: (...parameters) => {
        calls.push('list')
        return client.list(...parameters)
      },
    }
    const reflectors = [5, 6, 7, 8, 9, 10].map(seconds =>
      createReflector<ConfigMap>(counting, configMaps, {
        namespace,
        timings: { ...timings, watchMinSeconds: seconds, watchMaxSeconds: seconds },
        log,
      }),
    )
    for (const reflector of reflectors) reflector.start()
    await Promise.all(reflectors.map(reflector => reflector.whenSynced()))
    await newNamespace('elsewhere')
    const other = await client.create<ConfigMap>(configMaps, { metadata: { name: 'c', namespace: 'elsewhere' } })
    const version = Number(other.metadata.resourceVersion)
    // Of an event that it left out by the selection as the very last one the server sends no bookmark, and how far the store
    // is it learns when somebody asks for a list.
    await newNamespace('at-last')
    await client.list(configMaps, { limit: 1 })
    const oldest = () => Math.min(...reflectors.map(reflector => Number(reflector.seen())))
    await expect.poll(oldest, { timeout: 30_000 }).toBeGreaterThanOrEqual(version)
    await new Promise(resolve => setTimeout(resolve, 6_000))
    expect(calls).toHaveLength(reflectors.length)
    expect(reflectors.map(reflector => reflector.store.size)).toEqual([0, 0, 0, 0, 0, 0])
    await Promise.all(reflectors.map(reflector => reflector.stop()))
  })

  test('what nobody changes is known to be up to date within seconds, when it is asked for', async () => {
    const namespace = await newNamespace('asked')
    const reflector = createReflector<ConfigMap>(client, configMaps, { namespace, log })
    const told = mirror(reflector)
    reflector.start()
    await reflector.whenSynced()
    const other = await client.create<ConfigMap>(configMaps, { metadata: { name: 'later', namespace: 'asked' } })
    await expect.poll(() => told.size).toBe(1)
    await newNamespace('asked-elsewhere')
    const last = await client.create<ConfigMap>(configMaps, { metadata: { name: 'c', namespace: 'asked-elsewhere' } })
    // Of an event that it left out by the selection as the very last one the server sends no bookmark.
    await newNamespace('asked-at-last')
    expect(reflector.seen()).toBe(other.metadata.resourceVersion)
    reflector.askProgress()
    await expect.poll(() => Number(reflector.seen())).toBeGreaterThanOrEqual(Number(last.metadata.resourceVersion))
    // It is followed as ever afterwards.
    await client.delete(configMaps, 'asked', 'later')
    await expect.poll(() => told.size).toBe(0)
    await reflector.stop()
  })
})

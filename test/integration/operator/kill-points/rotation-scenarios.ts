import { expect } from 'vitest'
import { secretFile } from '../../../../core/keys/secret-data.ts'
import { apiClients, secrets } from '../../../../platform/kube/resources.ts'
import { until } from '../cluster.ts'
import {
  createAndWait,
  expectWhole,
  isReady,
  type Key,
  look,
  mounted,
  patch,
  type Scenario,
  type Scene,
} from './scene.ts'

/** Keys are told apart by seconds. */
const nextSecond = () => new Promise(resolve => setTimeout(resolve, 1_100))
const states = (key: Key | undefined) => (key?.status?.keys ?? []).map(({ state }) => state)
const overlapMs = 25 * 3_600_000

async function request(scene: Scene): Promise<void> {
  await nextSecond()
  await patch(scene, { spec: { rotation: { requestedAt: new Date().toISOString() } } })
}

async function isRotated(scene: Scene): Promise<boolean> {
  const key = await look(scene)
  if (!isReady(key) || states(key).join() !== 'Active,Retiring') return false
  return (await scene.client.get(secrets, scene.namespace, 'web-next')) === undefined
}

/** What a rotation, and whoever was stopped in it, may publish: one next key. */
const publishedKids = (versions: readonly { readonly object: Key }[]) =>
  new Set(versions.flatMap(({ object }) => (object.status?.keys ?? []).map(({ kid }) => kid)))

/** From the minting of the next key to the end of the one before, and another identity. */
export const rotationScenarios: readonly Scenario[] = [
  {
    name: 'a key is rotated',
    // The next key is in the Secret, and no status says so.
    tells: 3,
    prepare: createAndWait,
    act: request,
    isDone: isRotated,
    async check(scene, history) {
      await expectWhole(scene)
      expect(publishedKids(history.versions).size).toBe(2)
    },
  },
  {
    name: 'the key before it is retired',
    tells: 1,
    async prepare(scene) {
      await createAndWait(scene)
      await request(scene)
      await until(() => isRotated(scene), 'the key is rotated')
    },
    async act(scene) {
      scene.clock.aheadMs = overlapMs
      await patch(scene, { metadata: { annotations: { look: 'now' } } })
    },
    isDone: async scene => states(await look(scene)).join() === 'Active',
    async check(scene, history) {
      await expectWhole(scene)
      expect(publishedKids(history.versions).size).toBe(2)
    },
  },
  {
    name: 'a client gets another identity',
    skipsWaiting: true,
    prepare: createAndWait,
    act: async ({ client, namespace }) => {
      await nextSecond()
      await client.patch(apiClients, namespace, 'web', { spec: { identity: 2 } })
    },
    async isDone(scene) {
      const [key, secret] = await Promise.all([look(scene), mounted(scene)])
      const id = key?.status?.clientId
      const client = await scene.client.get<Key>(apiClients, scene.namespace, 'web')
      if (client?.status?.clientId === undefined || id !== client.status.clientId || !isReady(key)) return false
      return secret !== undefined && secretFile(secret, 'client-id') === id && states(key).join() === 'Active'
    },
    async check(scene, history) {
      await expectWhole(scene)
      expect(history.minted()).toHaveLength(2)
      const [given] = history.minted()
      const ids = history.versions.flatMap(({ object }) => object.status?.clientId ?? [])
      const after = history.versions.filter(({ object }) => object.status?.clientId === ids.at(-1))
      expect(new Set(ids).size).toBe(2)
      expect(publishedKids(after), 'a key of the identity that was given up').not.toContain(given)
    },
  },
]

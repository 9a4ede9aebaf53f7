import { expect } from 'vitest'
import type { AccessKeyStatus } from '../../../../core/api/access-key.ts'
import type { SecretObject } from '../../../../core/keys/secret-data.ts'
import { proveSecretKey } from '../../../../operator/access-key/key-material.ts'
import type { KubeClient, KubeObject } from '../../../../platform/kube/client.ts'
import { accessKeys, apiClients, secrets } from '../../../../platform/kube/resources.ts'
import { until } from '../cluster.ts'
import type { History } from './history.ts'

/** Where a scenario plays. */
export interface Scene {
  readonly client: KubeClient
  readonly namespace: string
  /** The time of day of every leader. */
  readonly clock: { aheadMs: number }
}

/** A part of a life, with every write of a leader a place where it may be stopped. */
export interface Scenario {
  readonly name: string
  /** What is there before, and at rest. */
  prepare?(scene: Scene): Promise<void>
  /** What somebody does then. */
  act(scene: Scene): Promise<void>
  /** Whether all that follows from it has come about. */
  isDone(scene: Scene): Promise<boolean>
  /** What holds in the end, whoever was stopped where. */
  check(scene: Scene, history: History): Promise<void>
  /** The leader that is stopped begins with it already done; by default it leads when that happens. */
  readonly begins?: 'before it leads'
  /** What was in use is refused from now on: the next key does not wait. */
  readonly skipsWaiting?: boolean
  /** The write that tells most when only one is a stop; by default the second, or the first of a leader that begins. */
  readonly tells?: number
}

export type Key = KubeObject & { status?: AccessKeyStatus }

export const web = (spec: object) => (namespace: string) =>
  ({ metadata: { name: 'web', namespace }, spec }) as KubeObject
export const look = ({ client, namespace }: Scene) => client.get<Key>(accessKeys, namespace, 'web')
export const mounted = ({ client, namespace }: Scene) =>
  client.get<SecretObject & KubeObject>(secrets, namespace, 'web')
export const patch = ({ client, namespace }: Scene, body: object) => client.patch(accessKeys, namespace, 'web', body)
export const isReady = (key: Key | undefined, reason = 'Ready') =>
  key?.status?.conditions?.some(
    one => one.type === 'Ready' && one.reason === reason && one.observedGeneration === key.metadata.generation,
  ) ?? false

export async function createWeb({ client, namespace }: Scene): Promise<void> {
  await client.create(apiClients, web({})(namespace))
  await client.create(accessKeys, web({ clientRef: { name: 'web' } })(namespace))
}

export async function createAndWait(scene: Scene): Promise<void> {
  await createWeb(scene)
  await until(async () => isReady(await look(scene)), 'the key is ready')
}

/** One key in use: the one in the Secret. */
export async function expectWhole(scene: Scene): Promise<void> {
  const secret = await mounted(scene)
  const held = secret && proveSecretKey(secret, 'Ed25519')
  expect(held, 'there is no key in the Secret').toBeDefined()
  const status = (await look(scene))?.status
  const active = status?.keys?.filter(({ state }) => state === 'Active')
  expect(active).toMatchObject([{ kid: held?.kid, publicKey: held?.publicKey }])
  expect(status?.keyId).toBe(held?.kid)
}

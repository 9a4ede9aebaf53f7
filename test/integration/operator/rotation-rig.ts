import { expect } from 'vitest'
import type { AccessKey, AccessKeyStatus } from '../../../core/api/access-key.ts'
import type { SecretObject } from '../../../core/keys/secret-data.ts'
import { proveSecretKey } from '../../../operator/access-key/key-material.ts'
import { type RunningOperator, runOperator } from '../../../operator/run-operator.ts'
import { systemClock } from '../../../platform/clock.ts'
import type { KubeClient, KubeObject } from '../../../platform/kube/client.ts'
import { accessKeys, apiClients, secrets } from '../../../platform/kube/resources.ts'
import { condition, configOf, type TestCluster, testLog, until } from './cluster.ts'

export type Key = KubeObject & { spec: Partial<AccessKey['spec']>; status?: AccessKeyStatus }
export type Secret = SecretObject & KubeObject

/** Keys of a cluster whose operators publish two seconds ahead. */
export function rotationRig(cluster: () => TestCluster) {
  /** How far the operator's time of day is ahead of the machine's. */
  let aheadMs = 0

  const look = async ({ metadata: { namespace } }: Key): Promise<Key> => {
    const key = await cluster().client.get<Key>(accessKeys, namespace, 'web')
    if (!key) throw new Error('no AccessKey')
    return key
  }
  const patch = ({ metadata: { namespace } }: Key, body: object) =>
    cluster().client.patch<Key>(accessKeys, namespace, 'web', body)
  const secretOf = ({ metadata: { namespace } }: Key, name = 'web') =>
    cluster().client.get<Secret>(secrets, namespace, name)

  return {
    look,
    patch,
    secretOf,
    setAhead(ms: number): void {
      aheadMs = ms
    },
    lead: (client: KubeClient): Promise<RunningOperator> =>
      runOperator({
        client,
        config: configOf({ publishAheadMs: 2_000 }),
        log: testLog(),
        clock: { ...systemClock, wallMs: () => Date.now() + aheadMs },
      }),
    async createKey(spec: Partial<AccessKey['spec']> = {}): Promise<Key> {
      const { client } = cluster()
      const namespace = await cluster().namespace()
      await client.create(apiClients, { metadata: { name: 'web', namespace }, spec: {} } as KubeObject)
      const key = { metadata: { name: 'web', namespace }, spec: { clientRef: { name: 'web' }, ...spec } }
      await client.create<Key>(accessKeys, key)
      return (await condition(client, accessKeys, key, { type: 'Ready', reason: 'Ready' })) as unknown as Key
    },
    request: (key: Key, requestedAt = new Date(Date.now() + aheadMs)) =>
      patch(key, { spec: { rotation: { requestedAt: requestedAt.toISOString() } } }),
    touch: (key: Key) => patch(key, { metadata: { annotations: { look: String(Math.random()) } } }),
    /** Until the key that was in use retires, and nothing is left of the rotation. */
    rotated(key: Key): Promise<Key> {
      const kid = key.status?.keyId
      return until(async () => {
        const now = await look(key)
        const old = now.status?.keys?.find(one => one.kid === kid)
        if (now.status?.keyId === kid || old?.state !== 'Retiring' || rotating(now)) return undefined
        return (await secretOf(key, 'web-next')) ? undefined : now
      }, 'a rotation from begin to end')
    },
    /** What holds at the end of every rotation: one key is in use, it is the one in the Secret, and it is published. */
    async expectWhole(key: Key): Promise<void> {
      const active = (key.status?.keys ?? []).filter(({ state }) => state === 'Active')
      const held = proveSecretKey((await secretOf(key)) as Secret, 'Ed25519')
      expect(active.map(({ kid }) => kid)).toEqual([held?.kid])
      expect(key.status?.keyId).toBe(held?.kid)
    },
  }
}

export const states = (key: Key) => (key.status?.keys ?? []).map(({ state }) => state)
export const rotating = (key: Key) => key.status?.conditions?.find(({ type }) => type === 'Rotating')?.reason

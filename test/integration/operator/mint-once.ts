import { expect } from 'vitest'
import type { AccessKeyStatus } from '../../../core/api/access-key.ts'
import { type SecretObject, secretFile } from '../../../core/keys/secret-data.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import { accessKeys, apiClients, secrets } from '../../../platform/kube/resources.ts'
import { type TestCluster, until } from './cluster.ts'
import { type History, startHistory } from './kill-points/history.ts'

type Key = KubeObject & { status?: AccessKeyStatus }

/** Keys of one client, until all are published: each with the one key that its Secret ever had. */
export async function mintOnce(cluster: TestCluster, count: number, timeoutMs?: number): Promise<void> {
  const namespace = await cluster.namespace()
  const history = await startHistory(cluster.client, namespace)
  try {
    await mintAll(cluster, namespace, history, { count, ...(timeoutMs !== undefined && { timeoutMs }) })
  } finally {
    history.stop()
  }
}

async function mintAll(
  cluster: TestCluster,
  namespace: string,
  history: History,
  { count, timeoutMs }: { count: number; timeoutMs?: number },
): Promise<void> {
  const { client } = cluster
  await client.create(apiClients, { metadata: { name: 'web', namespace }, spec: {} } as KubeObject)
  const names = Array.from({ length: count }, (_, at) => `key-${at}`)
  for (const name of names) {
    const spec = { clientRef: { name: 'web' } }
    await client.create(accessKeys, { metadata: { name, namespace }, spec } as KubeObject)
  }
  const keys = await until(
    async () => {
      const { items } = await client.list<Key>(accessKeys, { namespace })
      const ready = items.every(({ status }) =>
        status?.conditions?.some(one => one.type === 'Ready' && one.status === 'True'),
      )
      return ready && items
    },
    'every key is published',
    timeoutMs,
  )
  const held = await Promise.all(names.map(name => client.get<SecretObject & KubeObject>(secrets, namespace, name)))
  const kids = held.map(secret => secret && secretFile(secret, 'key-id'))
  expect(keys.map(({ status }) => status?.keyId).sort()).toEqual(kids.sort())
  expect(history.minted().sort()).toEqual(kids)
}

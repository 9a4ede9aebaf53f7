import {
  createKubernetesStore,
  type KubernetesStoreParts,
} from '../../../../issuer/store/kubernetes/kubernetes-store.ts'
import type { TokenStore } from '../../../../issuer/store/store.ts'
import { systemClock } from '../../../../platform/clock.ts'
import { createKubeClient, type KubeClient } from '../../../../platform/kube/client.ts'
import { loadKubeConnection } from '../../../../platform/kube/connection.ts'
import { namespaces, tokenRecords } from '../../../../platform/kube/resources.ts'
import { createQuietLog } from '../../../unit/platform/quiet-log.ts'
import { startFaultProxy } from '../../platform/fault-proxy.ts'
import { workerControlPlane } from '../../worker-control-plane.ts'
import type { Storage } from './contract.ts'

export const namespace = 'latchkey-system'

/** A real API server, and before it what can go wrong on the way. */
export interface KubernetesStorage extends Storage {
  /** Beside what may be away. */
  readonly admin: KubeClient
  /** A replica that gets to the API server by a client of this one's choosing. */
  openWith(parts: Partial<KubernetesStoreParts>): TokenStore
}

export async function startKubernetesStorage(): Promise<KubernetesStorage> {
  const plane = await workerControlPlane()
  const connection = loadKubeConnection({ kubeconfig: plane.kubeconfig })
  const admin = createKubeClient(connection)
  await admin.create(namespaces, { metadata: { name: namespace } })
  const proxy = await startFaultProxy(connection)
  const stores: TokenStore[] = []
  const clients: KubeClient[] = []

  function openWith(parts: Partial<KubernetesStoreParts>): TokenStore {
    const client = createKubeClient(proxy.connection)
    clients.push(client)
    const { log } = createQuietLog()
    const about = { client, namespace, clock: systemClock, log, sweepMs: 300, deadlineMs: 20_000 }
    const store = createKubernetesStore({ ...about, ...parts })
    stores.push(store)
    store.start()
    return store
  }

  return {
    admin,
    openWith,
    open: openWith,
    goAway: async () => proxy.suffer('refused', 1),
    goSilent: async () => proxy.suffer('mute', 1),
    comeBack: async () => proxy.calm(),
    written: async () => JSON.stringify((await admin.list(tokenRecords, { namespace })).items),
    async close() {
      await Promise.all(stores.map(store => store.stop()))
      await Promise.all(clients.map(client => client.close()))
      await proxy.close()
      await admin.close()
    },
  }
}

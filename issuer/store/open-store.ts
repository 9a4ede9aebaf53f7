import type { Clock } from '../../platform/clock.ts'
import type { KubeClient } from '../../platform/kube/client.ts'
import type { Logger } from '../../platform/log.ts'
import type { IssuerConfig } from '../config.ts'
import { createKubernetesStore } from './kubernetes/kubernetes-store.ts'
import type { TokenStore } from './store.ts'

/** The store that the installation has chosen. */
export async function openStore(
  config: Pick<IssuerConfig, 'redis' | 'namespace' | 'installation'>,
  parts: { client: KubeClient; clock: Clock; log: Logger },
): Promise<TokenStore> {
  const { namespace, installation, redis } = config
  const { client, clock, log } = parts
  if (redis === undefined) return createKubernetesStore({ client, namespace, clock, log })
  // Its client takes 8 MB of heap, which nobody else is to pay.
  const { createRedisStore } = await import('./redis/redis-store.ts')
  return createRedisStore({ address: redis, installation, clock, log })
}

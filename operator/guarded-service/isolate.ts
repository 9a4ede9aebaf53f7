import { openPortsAnnotation } from '../../core/api/guarded-pod.ts'
import type { GuardedService } from '../../core/api/guarded-service.ts'
import type { ResolvedService } from '../../core/registry/resolve-services.ts'
import { forbiddenPolicy, networkPolicyName, planNetworkPolicy } from '../../core/status/plan-network-policy.ts'
import type { ConditionFinding } from '../../core/status/report.ts'
import { type KubeClient, KubeError } from '../../platform/kube/client.ts'
import { networkPolicies } from '../../platform/kube/resources.ts'
import type { NetworkPolicyOf, Sources } from '../sources.ts'
import { fieldManager } from '../status.ts'
import { podsBehind } from './guards-of.ts'

/**
 * Brings the NetworkPolicy of a service to what its spec asks for.
 * @returns what can be said of it; undefined when none is asked for
 * @throws KubeError 409 when somebody was quicker
 */
export async function isolate(
  key: string,
  service: { object: GuardedService; resolved: ResolvedService; accepted: boolean },
  io: {
    sources: Pick<Sources, 'services' | 'targets' | 'networkPolicies' | 'by'>
    client: Pick<KubeClient, 'apply' | 'delete'>
  },
): Promise<ConditionFinding | undefined> {
  const { sources, client } = io
  const { namespace, name } = service.object.metadata
  const found = sources.networkPolicies.store.get(`${namespace}/${networkPolicyName(name)}`)
  const openPorts = podsBehind(key, sources).flatMap(
    ({ metadata }) => metadata.annotations?.[openPortsAnnotation] ?? [],
  )
  const plan = planNetworkPolicy({ ...service, found, openPorts })
  try {
    if (plan.do === 'delete' && found) await remove(client, found)
    if (plan.wanted) await write(client, plan.wanted as NetworkPolicyOf, found)
  } catch (error) {
    if (error instanceof KubeError && error.status === 403 && plan.finding) return forbiddenPolicy(namespace)
    throw error
  }
  return plan.finding
}

/**
 * Applied by force only onto what was seen to be ours, as it was seen. What is made anew is applied without: had
 * somebody else made one of that name meanwhile, its fields are theirs and the API server refuses.
 */
async function write(
  client: Pick<KubeClient, 'apply'>,
  wanted: NetworkPolicyOf,
  found: NetworkPolicyOf | undefined,
): Promise<void> {
  const { uid, resourceVersion } = found?.metadata ?? {}
  const seen = { ...(uid !== undefined && { uid }), ...(resourceVersion !== undefined && { resourceVersion }) }
  await client.apply(
    networkPolicies,
    { ...wanted, metadata: { ...wanted.metadata, ...seen } },
    { fieldManager, force: found !== undefined },
  )
}

async function remove(client: Pick<KubeClient, 'delete'>, { metadata }: NetworkPolicyOf): Promise<void> {
  const { namespace, name, uid } = metadata
  await client.delete(networkPolicies, namespace, name, { ...(uid !== undefined && { preconditions: { uid } }) })
}

import { createIndex, type Index } from '../cluster/index-by.ts'
import { keepLabels } from '../cluster/projections.ts'
import { createView, type Indexes, type View } from '../cluster/view.ts'
import { createWatches, type Watches } from '../cluster/watches.ts'
import type { AccessKey } from '../core/api/access-key.ts'
import { group } from '../core/api/kind.ts'
import type { PodObject } from '../core/registry/kubernetes.ts'
import { rolesOfKey } from '../core/registry/reach.ts'
import type { NetworkPolicyObject } from '../core/status/plan-network-policy.ts'
import type { Clock } from '../platform/clock.ts'
import type { KubeClient, KubeObject } from '../platform/kube/client.ts'
import type { Reflector } from '../platform/kube/reflector.ts'
import * as resources from '../platform/kube/resources.ts'
import type { Logger } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'

export interface ConfigMapOf extends KubeObject {
  data?: Record<string, string>
}
export interface EndpointSliceOf extends KubeObject {
  ports?: { name?: string; port?: number }[]
  endpoints?: { addresses: string[]; conditions?: { ready?: boolean; serving?: boolean; terminating?: boolean } }[]
}
export type NetworkPolicyOf = KubeObject & NetworkPolicyObject

/** Name of the ConfigMap with the authorities that guards trust. */
export const caConfigMap = 'latchkey-ca'

/** Everything the operator watches: the view of the cluster, and what nobody else looks at. Secrets are never listed or watched. */
export interface Sources extends View, Pick<Watches, 'start' | 'whenSynced' | 'stuckFor' | 'stop'> {
  /** All of them: one that is not ours must be seen too. */
  readonly networkPolicies: Reflector<NetworkPolicyOf>
  /** Of the issuer's Service. */
  readonly endpoints: Reflector<EndpointSliceOf>
  /** Of the webhook's Service. */
  readonly webhookEndpoints: Reflector<EndpointSliceOf>
  /** Those named latchkey-ca. */
  readonly authorities: Reflector<ConfigMapOf>
  /** Webhook configurations named like the release. */
  readonly webhooks: readonly Reflector<KubeObject>[]
  readonly by: Indexes & {
    /** Those that are narrowed to the role. */
    readonly keysOfRole: Index<AccessKey & KubeObject>
    readonly podsOfNamespace: Index<PodObject>
  }
}

/** Makes the reflectors; nothing is asked before `start`. */
export function createSources(
  client: Pick<KubeClient, 'list' | 'watch'>,
  about: { namespace: string; fullname: string; log: Logger; metrics?: Metrics; clock?: Clock },
): Sources {
  const watches = createWatches(client, about)
  const view = createView(watches)
  const endpointsOf = (process: string) =>
    watches.add<EndpointSliceOf>(resources.endpointSlices, {
      namespace: about.namespace,
      labelSelector: `kubernetes.io/service-name=${about.fullname}-${process}`,
    })
  const named = { fieldSelector: `metadata.name=${about.fullname}`, keep: keepLabels }
  return {
    ...view,
    networkPolicies: watches.add<NetworkPolicyOf>(resources.networkPolicies, { keep: keepNetworkPolicy }),
    endpoints: endpointsOf('issuer'),
    webhookEndpoints: endpointsOf('webhook'),
    authorities: watches.add<ConfigMapOf>(resources.configMaps, { fieldSelector: `metadata.name=${caConfigMap}` }),
    webhooks: [resources.validatingWebhooks, resources.mutatingWebhooks].map(one =>
      watches.add<KubeObject>(one, named),
    ),
    by: {
      ...view.by,
      keysOfRole: createIndex(view.keys, rolesOfKey),
      podsOfNamespace: createIndex(view.pods, pod => [pod.metadata.namespace ?? '']),
    },
    start: watches.start,
    whenSynced: watches.whenSynced,
    stuckFor: watches.stuckFor,
    stop: watches.stop,
  }
}

function keepNetworkPolicy(object: NetworkPolicyOf): NetworkPolicyOf {
  const { ownerReferences } = object.metadata
  const ours = ownerReferences?.some(owner => owner.apiVersion.startsWith(`${group}/`))
  return {
    metadata: { ...keepLabels(object).metadata, ...(ownerReferences && { ownerReferences }) },
    ...(ours && object.spec && { spec: object.spec }),
  }
}

import type { AccessGrant } from '../core/api/access-grant.ts'
import type { AccessKey } from '../core/api/access-key.ts'
import type { ApiClient } from '../core/api/api-client.ts'
import { guardContainerName, openPortsAnnotation } from '../core/api/guarded-pod.ts'
import type { GuardedService } from '../core/api/guarded-service.ts'
import { group } from '../core/api/kind.ts'
import { enforcesAnnotation } from '../core/api/labels.ts'
import type { Role } from '../core/api/role.ts'
import type { PodObject } from '../core/registry/kubernetes.ts'
import {
  clientOfKey,
  clientsOfGrant,
  roleOfGrant,
  rolesOfKey,
  servicesOfClient,
  servicesOfRole,
  targetOfService,
} from '../core/registry/reach.ts'
import type { NetworkPolicyObject } from '../core/status/plan-network-policy.ts'
import type { KubeClient, KubeObject, Resource } from '../platform/kube/client.ts'
import { createReflector, type Reflector, type ReflectorOptions } from '../platform/kube/reflector.ts'
import * as resources from '../platform/kube/resources.ts'
import type { Logger } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import { createIndex, type Index } from './index-by.ts'

/** A Service, as far as the operator reads it. */
export interface ServiceOf extends KubeObject {
  spec?: {
    selector?: Record<string, string>
    ports?: { name?: string; port: number; targetPort?: number | string }[]
  }
}
export interface ConfigMapOf extends KubeObject {
  data?: Record<string, string>
}
export interface EndpointSliceOf extends KubeObject {
  ports?: { name?: string; port?: number }[]
  endpoints?: { addresses: string[]; conditions?: { ready?: boolean; serving?: boolean; terminating?: boolean } }[]
}
export type PodOf = KubeObject & PodObject
export type NetworkPolicyOf = KubeObject & NetworkPolicyObject

/** Name of the ConfigMap with the authorities that guards trust. */
export const caConfigMap = 'latchkey-ca'

/** Everything the operator watches, with the lookups it needs. Secrets are never listed or watched. */
export interface Sources {
  readonly clients: Reflector<ApiClient & KubeObject>
  readonly keys: Reflector<AccessKey & KubeObject>
  readonly roles: Reflector<Role & KubeObject>
  readonly grants: Reflector<AccessGrant & KubeObject>
  readonly services: Reflector<GuardedService & KubeObject>
  readonly namespaces: Reflector<KubeObject>
  readonly targets: Reflector<ServiceOf>
  readonly pods: Reflector<PodOf>
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
  readonly by: Indexes
  start(): void
  whenSynced(signal?: AbortSignal): Promise<void>
  stop(): Promise<void>
  /** A sentence when some source has made no progress for `ms`. @param now monotonic ms */
  stuckFor(now: number, ms: number): string | undefined
}

export interface Indexes {
  readonly keysOfClient: Index<AccessKey & KubeObject>
  /** Those that are narrowed to the role. */
  readonly keysOfRole: Index<AccessKey & KubeObject>
  readonly grantsOfClient: Index<AccessGrant & KubeObject>
  readonly grantsOfRole: Index<AccessGrant & KubeObject>
  readonly rolesOfService: Index<Role & KubeObject>
  /** By `namespace/name` of the Service. */
  readonly guardedOfTarget: Index<GuardedService & KubeObject>
  readonly podsOfNamespace: Index<PodOf>
  /** The services that grants of this client may open. */
  servicesOfClient(client: string): Set<string>
}

/** Makes the reflectors; nothing is asked before `start`. */
export function createSources(
  client: KubeClient,
  about: { namespace: string; fullname: string; log: Logger; metrics?: Metrics },
): Sources {
  const { log, metrics } = about
  const reflect = <T extends KubeObject>(resource: Resource, options: ReflectorOptions<T> = {}): Reflector<T> =>
    createReflector<T>(client, resource, { log, ...(metrics && { metrics }), ...options })
  const endpointsOf = (process: string) => ({
    namespace: about.namespace,
    labelSelector: `kubernetes.io/service-name=${about.fullname}-${process}`,
  })
  const watched = {
    clients: reflect<ApiClient & KubeObject>(resources.apiClients),
    keys: reflect<AccessKey & KubeObject>(resources.accessKeys),
    roles: reflect<Role & KubeObject>(resources.roles),
    grants: reflect<AccessGrant & KubeObject>(resources.accessGrants),
    services: reflect<GuardedService & KubeObject>(resources.guardedServices),
    namespaces: reflect<KubeObject>(resources.namespaces, { keep: namespaceOf }),
    targets: reflect<ServiceOf>(resources.services, { keep: serviceOf }),
    pods: reflect<PodOf>(resources.pods, { keep: podOf }),
    networkPolicies: reflect<NetworkPolicyOf>(resources.networkPolicies, { keep: networkPolicyOf }),
    endpoints: reflect<EndpointSliceOf>(resources.endpointSlices, endpointsOf('issuer')),
    webhookEndpoints: reflect<EndpointSliceOf>(resources.endpointSlices, endpointsOf('webhook')),
    authorities: reflect<ConfigMapOf>(resources.configMaps, { fieldSelector: `metadata.name=${caConfigMap}` }),
  }
  const named = { fieldSelector: `metadata.name=${about.fullname}`, keep: namespaceOf }
  const webhooks = [resources.validatingWebhooks, resources.mutatingWebhooks].map(resource =>
    reflect<KubeObject>(resource, named),
  )
  const all = [...Object.values(watched), ...webhooks] as Reflector<never>[]
  return {
    ...watched,
    webhooks,
    by: createIndexes(watched),
    start: () => all.forEach(reflector => void reflector.start()),
    whenSynced: async signal => void (await Promise.all(all.map(reflector => reflector.whenSynced(signal)))),
    stuckFor: (now, ms) =>
      all.some(one => now - one.lastProgress() > ms) ? 'a watch has made no progress' : undefined,
    stop: async () => void (await Promise.all(all.map(reflector => reflector.stop()))),
  }
}

function createIndexes(watched: Pick<Sources, 'keys' | 'grants' | 'roles' | 'services' | 'pods'>): Indexes {
  const { keys, grants, roles, services, pods } = watched
  const grantsOfClient = createIndex(grants, clientsOfGrant)
  return {
    keysOfClient: createIndex(keys, key => [clientOfKey(key)]),
    keysOfRole: createIndex(keys, rolesOfKey),
    grantsOfClient,
    grantsOfRole: createIndex(grants, grant => [roleOfGrant(grant)]),
    rolesOfService: createIndex(roles, servicesOfRole),
    guardedOfTarget: createIndex(services, service => [targetOfService(service)]),
    podsOfNamespace: createIndex(pods, pod => [pod.metadata.namespace ?? '']),
    servicesOfClient: client =>
      servicesOfClient(client, { grantsOfClient: key => grantsOfClient.get(key), role: key => roles.store.get(key) }),
  }
}

// Of built-in objects only what is read is kept: a cluster has many pods, and most of a pod is its spec.
const identityOf = ({ metadata }: KubeObject) => ({
  name: metadata.name,
  ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
  ...(metadata.uid !== undefined && { uid: metadata.uid }),
  ...(metadata.resourceVersion !== undefined && { resourceVersion: metadata.resourceVersion }),
  ...(metadata.creationTimestamp !== undefined && { creationTimestamp: metadata.creationTimestamp }),
  ...(metadata.deletionTimestamp !== undefined && { deletionTimestamp: metadata.deletionTimestamp }),
  ...(metadata.labels && { labels: metadata.labels }),
})

function namespaceOf(object: KubeObject): KubeObject {
  return { metadata: identityOf(object) }
}

function serviceOf(object: ServiceOf): ServiceOf {
  const { selector, ports } = object.spec ?? {}
  return { metadata: identityOf(object), spec: { ...(selector && { selector }), ...(ports && { ports }) } }
}

/** One for all pods that have a guard. */
const withGuard: NonNullable<PodOf['spec']> = { initContainers: [{ name: guardContainerName }] }

function podOf(object: PodOf): PodOf {
  const phase = object.status?.phase
  return {
    metadata: { ...identityOf(object), annotations: annotationsOf(object) },
    ...(object.spec?.initContainers?.some(({ name }) => name === guardContainerName) && { spec: withGuard }),
    ...(phase !== undefined && { status: { phase } }),
  }
}

/** The annotations that say something to us. */
function annotationsOf({ metadata }: PodOf): Record<string, string> {
  const wanted = Object.entries(metadata.annotations ?? {})
  return Object.fromEntries(wanted.filter(([name]) => name === openPortsAnnotation || name === enforcesAnnotation))
}

function networkPolicyOf(object: NetworkPolicyOf): NetworkPolicyOf {
  const { ownerReferences } = object.metadata
  const ours = ownerReferences?.some(owner => owner.apiVersion.startsWith(`${group}/`))
  return {
    metadata: { ...identityOf(object), ...(ownerReferences && { ownerReferences }) },
    ...(ours && object.spec && { spec: object.spec }),
  }
}

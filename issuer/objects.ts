import type { AccessGrant } from '../core/api/access-grant.ts'
import type { AccessKey } from '../core/api/access-key.ts'
import type { ApiClient } from '../core/api/api-client.ts'
import { guardContainerName } from '../core/api/guarded-pod.ts'
import type { GuardedService } from '../core/api/guarded-service.ts'
import type { Role } from '../core/api/role.ts'
import type { NamespaceObject, PodObject, ServiceAccountObject, ServiceObject } from '../core/registry/kubernetes.ts'
import type { Seen } from '../core/rows/frames.ts'
import { compareVersions } from '../core/rows/seen.ts'
import type { KubeClient, KubeObject, Resource } from '../platform/kube/client.ts'
import { createReflector, type Reflector, type ReflectorOptions } from '../platform/kube/reflector.ts'
import * as resources from '../platform/kube/resources.ts'
import type { Logger } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'

type Client = Pick<KubeClient, 'list' | 'watch'>
type Options = { log: Logger; metrics?: Metrics; timings?: ReflectorOptions<KubeObject>['timings'] }

/** Copies of everything that slices and documents are made of, each kept up to date by its own watch. */
export type Objects = ReturnType<typeof createObjects>

export function createObjects(client: Client, options: Options) {
  const reflect = <T extends KubeObject>(resource: Resource, keep?: (object: T) => T): Reflector<T> =>
    createReflector<T>(client, resource, {
      log: options.log,
      ...(options.metrics && { metrics: options.metrics }),
      ...(options.timings && { timings: options.timings }),
      ...(keep && { keep }),
    })
  const kinds = {
    apiclients: reflect<ApiClient>(resources.apiClients),
    accesskeys: reflect<AccessKey>(resources.accessKeys),
    roles: reflect<Role>(resources.roles),
    accessgrants: reflect<AccessGrant>(resources.accessGrants),
    guardedservices: reflect<GuardedService>(resources.guardedServices),
    services: reflect<ServiceObject>(resources.services, keepService),
    pods: reflect<PodObject>(resources.pods, keepPod),
    serviceaccounts: reflect<ServiceAccountObject>(resources.serviceAccounts, object => ({
      metadata: keepMetadata(object.metadata),
    })),
    namespaces: reflect<NamespaceObject>(resources.namespaces, object => ({
      metadata: { ...keepMetadata(object.metadata), ...labelsOf(object) },
    })),
  }
  const all = Object.entries(kinds) as [keyof typeof kinds, Reflector<KubeObject>][]
  const included = new Map<string, string>()
  for (const [name, reflector] of all) reflector.onChange(change => include(name, change.resourceVersion))

  function include(name: string, version: string): void {
    const known = included.get(name)
    if (known === undefined || compareVersions(known, version) === -1) included.set(name, version)
  }

  return {
    ...kinds,
    /** Per resource the last version that is included, bookmarks counted: "is this replica new enough?" */
    progress: (): Seen => Object.fromEntries(all.flatMap(([name, { seen }]) => pair(name, seen()))),
    /**
     * Per resource the version of the first list or the last change, whichever is later. Two replicas that had the same
     * events say the same, though their bookmarks come at other times: this is what guards are told.
     */
    content: (): Seen => Object.fromEntries(included),
    /**
     * Takes over what a guard has seen elsewhere, as far as it is included here too: a replica that listed later tells
     * higher versions for the same state, and a guard takes no frame with lower ones.
     */
    claim(seen: Seen): void {
      for (const [name, reflector] of all) {
        const version = Object.hasOwn(seen, name) ? seen[name] : undefined
        const order = version === undefined ? undefined : compareVersions(version, reflector.seen() ?? '')
        if (version !== undefined && order !== undefined && order <= 0) include(name, version)
      }
    },
    synced: () => all.every(([, reflector]) => reflector.synced()),
    /** Calls back after every batch of changes and every bookmark of any resource. @returns a function that ends it */
    onProgress(handler: () => void): () => void {
      const ends = all.map(([, reflector]) => reflector.onSeen(handler))
      return () => {
        for (const end of ends) end()
      }
    },
    /** Resolves when every list is there. */
    async start(signal?: AbortSignal): Promise<void> {
      for (const [, reflector] of all) reflector.start()
      await Promise.all(
        all.map(async ([name, reflector]) => {
          await reflector.whenSynced(signal)
          // Deletions before the list are in it, though no object tells of them.
          include(name, reflector.seen() ?? '')
        }),
      )
    },
    stop: () => Promise.all(all.map(([, reflector]) => reflector.stop())),
  }
}

function pair(name: string, version: string | undefined): [string, string][] {
  return version === undefined ? [] : [[name, version]]
}

// Pods and Services are many and large, and a handful of fields count.
function keepMetadata({ name, namespace, uid, resourceVersion, creationTimestamp, deletionTimestamp }: Meta): Meta {
  return {
    name,
    ...(namespace !== undefined && { namespace }),
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
    ...(creationTimestamp !== undefined && { creationTimestamp }),
    ...(deletionTimestamp !== undefined && { deletionTimestamp }),
  }
}
type Meta = ServiceObject['metadata']

function labelsOf(object: { metadata: Meta }): { labels?: Record<string, string> } {
  return object.metadata.labels ? { labels: object.metadata.labels } : {}
}

function keepService({ metadata, spec }: ServiceObject): ServiceObject {
  return {
    metadata: keepMetadata(metadata),
    spec: {
      ...(spec?.selector && { selector: spec.selector }),
      ports: (spec?.ports ?? []).map(({ name, port }) => ({ ...(name !== undefined && { name }), port })),
    },
  }
}

function keepPod(pod: PodObject): PodObject {
  const { serviceAccountName } = pod.spec ?? {}
  const { phase } = pod.status ?? {}
  const guard = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])].find(
    ({ name }) => name === guardContainerName,
  )
  return {
    metadata: { ...keepMetadata(pod.metadata), ...labelsOf(pod) },
    spec: serviceAccountName === undefined ? {} : { serviceAccountName },
    status: {
      ...(phase !== undefined && { phase }),
      ...(guard && { containerStatuses: [{ name: guard.name, ...(guard.state?.running && { state: running }) }] }),
    },
  }
}

const running = { running: {} }

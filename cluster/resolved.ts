import type { GuardedService } from '../core/api/guarded-service.ts'
import { installationOf, keyOf, organizationOf } from '../core/registry/ids.ts'
import { createInspector } from '../core/registry/inspector.ts'
import type { NamespaceObject } from '../core/registry/kubernetes.ts'
import { type ClientRules, type ResolvedClient, resolveNamespaceClients } from '../core/registry/resolve-clients.ts'
import { type ResolvedService, resolveServices, type ServiceRules } from '../core/registry/resolve-services.ts'
import type { KubeObject, Resource } from '../platform/kube/client.ts'
import type { Change, Reflector } from '../platform/kube/reflector.ts'
import { apiClients, guardedServices, namespaces, services as serviceResource } from '../platform/kube/resources.ts'
import type { Documents } from './openapi/documents.ts'
import { isSameDecision } from './same-decision.ts'
import { createTrackedMap, type Difference } from './tracked-map.ts'
import type { View } from './view.ts'

/** What the objects decide about each other, computed when asked and remembered until something changed. */
export interface Resolved {
  /** By `namespace/name`. */
  clients(): ReadonlyMap<string, ResolvedClient>
  /** By `namespace/name`. */
  services(): ReadonlyMap<string, ResolvedService>
  /** Whether objects of this namespace are this installation's. */
  isOurs(namespace: string | undefined): boolean
  /** Called when an answer may be another one from now on. Whoever wants to be told settles then, at a pace of its own. */
  onStale(handler: (cause: Cause) => void): () => void
  /** Tells of each client and service about which something else is decided than when this was last asked for. */
  settle(): void
  onClient(handler: (key: string, difference: Difference<ResolvedClient>) => void): () => void
  onService(handler: (key: string, difference: Difference<ResolvedService>) => void): () => void
}

/** What may make an answer another one: a change of an object, or the document of a service, `namespace/name`. */
export type Cause =
  | { readonly resource: Resource; readonly change: Change<KubeObject> }
  | { readonly documentOf: string }

export type Rules = ClientRules & ServiceRules

/**
 * @param stance `decides`: the operator, whose statuses say what holds. `follows`: who reads these. A chosen audience counts
 *   for it only once the operator has given it, and a service of which nothing can be said stays as it was.
 */
export function createResolved(
  view: Pick<View, 'clients' | 'services' | 'targets' | 'namespaces' | 'by'>,
  rules: Rules,
  documents: Pick<Documents, 'get' | 'onChange'>,
  stance: 'decides' | 'follows',
): Resolved {
  const handlers = new Set<(cause: Cause) => void>()
  const clients = followClients(view, rules)
  const services = followServices(view, rules, documents.get, stance)

  function follow<T extends KubeObject>(
    resource: Resource,
    reflector: Reflector<T>,
    forget: (change: Change<T>) => boolean,
  ): void {
    reflector.onChange(change => {
      if (forget(change)) becameStale({ resource, change: change as unknown as Change<KubeObject> })
    })
  }

  function becameStale(cause: Cause): void {
    for (const handler of handlers) handler(cause)
  }

  follow(apiClients, view.clients, ({ object }) => {
    clients.forget(object.metadata.namespace ?? '')
    return true
  })
  follow(guardedServices, view.services, () => {
    services.forget()
    return true
  })
  follow(serviceResource, view.targets, ({ key }) => {
    const counts = view.by.guardedOfTarget.get(key).length > 0
    if (counts) services.forget()
    return counts
  })
  follow(namespaces, view.namespaces, ({ type, object, old }) => {
    const counts = type !== 'updated' || !old || belongingOf(object) !== belongingOf(old)
    if (!counts) return false
    clients.forget(object.metadata.name)
    services.forget()
    return true
  })
  documents.onChange(key => {
    services.forget()
    becameStale({ documentOf: key })
  })

  return {
    clients: clients.current,
    services: services.current,
    isOurs(name) {
      const namespace = view.namespaces.store.get(name ?? '')
      return namespace !== undefined && installationOf(namespace) === rules.installation
    },
    onStale(handler) {
      handlers.add(handler)
      return () => void handlers.delete(handler)
    },
    settle() {
      clients.tell()
      services.tell()
    },
    onClient: clients.onDifference,
    onService: services.onDifference,
  }
}

/** All that clients and services are told by a namespace. */
function belongingOf(namespace: NamespaceObject): string {
  return JSON.stringify([namespace.metadata.uid, installationOf(namespace), organizationOf(namespace) ?? null])
}

/** Namespace by namespace: one event must not cost the clients of all the others. */
function followClients(view: Pick<View, 'namespaces' | 'by'>, rules: ClientRules) {
  const clients = createTrackedMap<ResolvedClient>(isSameDecision)
  const keysOfNamespace = new Map<string, readonly string[]>()
  const stale = new Set<string>()

  function resolve(name: string): void {
    const namespace = view.namespaces.store.get(name)
    const resolved = resolveNamespaceClients(namespace, view.by.clientsOfNamespace.get(name), rules)
    const keys = resolved.map(({ key }) => key)
    const here = new Set(keys)
    for (const key of keysOfNamespace.get(name) ?? []) if (!here.has(key)) clients.delete(key)
    for (const one of resolved) clients.set(one.key, one)
    if (keys.length > 0) keysOfNamespace.set(name, keys)
    else keysOfNamespace.delete(name)
  }

  function current(): ReadonlyMap<string, ResolvedClient> {
    for (const name of stale) {
      resolve(name)
      stale.delete(name)
    }
    return clients.values
  }

  return {
    current,
    forget: (namespace: string) => void stale.add(namespace),
    tell() {
      current()
      clients.tell()
    },
    onDifference: clients.onDifference,
  }
}

/** All together: any two may want the same port or audience. */
function followServices(
  view: Pick<View, 'services' | 'targets' | 'namespaces'>,
  rules: ServiceRules,
  documentOf: Documents['get'],
  stance: 'decides' | 'follows',
) {
  const services = createTrackedMap<ResolvedService>(isSameDecision)
  const inspector = createInspector()
  let isStale = true

  /** What is withheld says nothing: a service that was known stays as it was. */
  function isKept({ withheld, service }: ResolvedService): boolean {
    const old = stance === 'follows' && withheld ? services.values.get(keyOf(service)) : undefined
    return old !== undefined && isSameObject(old.service, service)
  }

  function current(): ReadonlyMap<string, ResolvedService> {
    if (!isStale) return services.values
    const fresh = resolveServices({
      ...rules,
      inspect: inspector.inspect,
      documents: documentOf,
      services: view.services.store.values(),
      targets: view.targets.store,
      namespaces: view.namespaces.store,
      ...(stance === 'follows' && { unconfirmed: 'refused' }),
    })
    for (const key of services.values.keys()) {
      if (fresh.has(key)) continue
      services.delete(key)
      inspector.forget(key)
    }
    for (const [key, service] of fresh) if (!isKept(service)) services.set(key, service)
    isStale = false
    return services.values
  }

  return {
    current,
    forget() {
      isStale = true
    },
    tell() {
      current()
      services.tell()
    },
    onDifference: services.onDifference,
  }
}

function isSameObject(a: GuardedService, b: GuardedService): boolean {
  return a.metadata.uid === b.metadata.uid
}

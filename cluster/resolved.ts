import type { GuardedService } from '../core/api/guarded-service.ts'
import { finish, type Steps } from '../core/base/steps.ts'
import { installationOf, keyOf, organizationOf } from '../core/registry/ids.ts'
import { createInspector } from '../core/registry/inspector.ts'
import type { NamespaceObject } from '../core/registry/kubernetes.ts'
import {
  type ClientRules,
  type ResolvedClient,
  resolveNamespaceClients,
  unopposedClient,
} from '../core/registry/resolve-clients.ts'
import { type ResolvedService, resolveServices, type ServiceRules } from '../core/registry/resolve-services.ts'
import type { KubeObject, Resource } from '../platform/kube/client.ts'
import type { Change, Reflector } from '../platform/kube/reflector.ts'
import { apiClients, guardedServices, namespaces, services as serviceResource } from '../platform/kube/resources.ts'
import type { Documents } from './openapi/documents.ts'
import { createRivals } from './rivals.ts'
import { isSameDecision } from './same-decision.ts'
import { createTrackedMap, type Difference } from './tracked-map.ts'
import type { View } from './view.ts'

/** What the objects decide about each other, computed when asked and remembered until something changed. */
export interface Resolved {
  /** By `namespace/name`. */
  clients(): ReadonlyMap<string, ResolvedClient>
  /** One of them, as its object is now. What another one that changed wants of it is found out with that one. */
  client(key: string): ResolvedClient | undefined
  /** By `namespace/name`. */
  services(): ReadonlyMap<string, ResolvedService>
  /** The same, as they were when they were asked for or settled last: costs nothing. */
  readonly known: {
    readonly clients: ReadonlyMap<string, ResolvedClient>
    readonly services: ReadonlyMap<string, ResolvedService>
  }
  /** Whether objects of this namespace are this installation's. */
  isOurs(namespace: string | undefined): boolean
  /** Called when an answer may be another one from now on. Whoever wants to be told settles then, at a pace of its own. */
  onStale(handler: (cause: Cause) => void): () => void
  /** Tells of each client and service about which something else is decided than when this was last asked for. */
  settle(): void
  /** The same in steps of one client. What became stale meanwhile is settled the next time. */
  settling(): Steps<void>
  onClient(handler: (key: string, difference: Difference<ResolvedClient>) => void): () => void
  onService(handler: (key: string, difference: Difference<ResolvedService>) => void): () => void
}

/** What may make an answer another one: a change of an object, or the document of a service, `namespace/name`. */
export type Cause =
  | { readonly resource: Resource; readonly change: Change<KubeObject> }
  | { readonly documentOf: string }

export type Rules = ClientRules & ServiceRules

/**
 * @param stance `decides`: the operator, whose statuses say what holds. `follows`: whoever reads these. A chosen audience counts
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

  follow(apiClients, view.clients, ({ key }) => {
    clients.forget(key)
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
    for (const client of view.by.clientsOfNamespace.get(object.metadata.name)) clients.forget(keyOf(client))
    services.forget()
    return true
  })
  documents.onChange(key => {
    services.forget()
    becameStale({ documentOf: key })
  })

  function* settling(): Steps<void> {
    yield* clients.settling()
    yield* services.settling()
  }

  return {
    clients: clients.current,
    client: clients.one,
    services: services.current,
    known: { clients: clients.known, services: services.known },
    isOurs(name) {
      const namespace = view.namespaces.store.get(name ?? '')
      return namespace !== undefined && installationOf(namespace) === rules.installation
    },
    onStale(handler) {
      handlers.add(handler)
      return () => void handlers.delete(handler)
    },
    settle: () => finish(settling()),
    settling,
    onClient: clients.onDifference,
    onService: services.onDifference,
  }
}

/** All that clients and services are told by a namespace. */
function belongingOf(namespace: NamespaceObject): string {
  return JSON.stringify([namespace.metadata.uid, installationOf(namespace), organizationOf(namespace) ?? null])
}

/** Client by client, with those that want the same: one event must not cost all the others of its namespace. */
function followClients(view: Pick<View, 'clients' | 'namespaces'>, rules: ClientRules) {
  const clients = createTrackedMap<ResolvedClient>(isSameDecision)
  const rivals = createRivals()
  const stale = new Set<string>()

  const namespaceOf = (key: string) => view.namespaces.store.get(key.slice(0, key.indexOf('/')))

  function announce(key: string): void {
    rivals.announce(key, unopposedClient(view.clients.store.get(key), namespaceOf(key), rules))
  }

  function resolve(key: string): void {
    const { store } = view.clients
    const namespace = namespaceOf(key)
    const together = rivals.around(key, one => ({
      before: clients.values.get(one),
      now: unopposedClient(store.get(one), namespace, rules),
    }))
    const present = together.flatMap(one => store.get(one) ?? [])
    const now = new Map(resolveNamespaceClients(namespace, present, rules).map(one => [one.key, one]))
    for (const one of together) {
      stale.delete(one)
      const client = now.get(one)
      // What stays keeps its place: a map of very many from which things go and come is made anew again and again.
      if (client) clients.set(one, client)
      else clients.delete(one)
    }
  }

  return {
    known: clients.values,
    current(): ReadonlyMap<string, ResolvedClient> {
      for (const key of stale) announce(key)
      for (const key of stale) resolve(key)
      return clients.values
    },
    one(key: string): ResolvedClient | undefined {
      if (stale.has(key)) resolve(key)
      return clients.values.get(key)
    },
    forget: (key: string) => void stale.add(key),
    *settling(): Steps<void> {
      const due = [...stale]
      for (const key of due) {
        announce(key)
        yield
      }
      for (const key of due) {
        if (!stale.has(key)) continue
        resolve(key)
        yield* clients.telling()
        yield
      }
      // What was asked for meanwhile.
      yield* clients.telling()
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
    known: services.values,
    forget() {
      isStale = true
    },
    *settling(): Steps<void> {
      current()
      yield* services.telling()
    },
    onDifference: services.onDifference,
  }
}

function isSameObject(a: GuardedService, b: GuardedService): boolean {
  return a.metadata.uid === b.metadata.uid
}

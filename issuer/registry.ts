import type { GuardedService } from '../core/api/guarded-service.ts'
import { createInspector } from '../core/registry/inspector.ts'
import type { OpenApiSource } from '../core/registry/openapi-document.ts'
import {
  type ClientRules,
  identityOf,
  type ResolvedClient,
  resolveNamespaceClients,
  unopposedClient,
} from '../core/registry/resolve-clients.ts'
import { type ResolvedService, resolveServices, type ServiceRules } from '../core/registry/resolve-services.ts'
import type { Objects } from './objects.ts'
import { createRivals } from './rivals.ts'

export type Rules = ClientRules & ServiceRules

/** Resolved clients and services, kept in step with the objects when asked to. */
export interface Registry {
  /** By `namespace/name`. */
  readonly clients: ReadonlyMap<string, ResolvedClient>
  /** By `namespace/name`. */
  readonly services: ReadonlyMap<string, ResolvedService>
  /** Accepted clients only. */
  clientById(clientId: string): ResolvedClient | undefined
  /** Resolves a client anew, and those that its change may concern. */
  resolveClient(key: string): ClientChanges
  /** Resolves all services anew. @returns keys of those that came, went or changed */
  resolveServices(): Set<string>
}

/** Keys of clients that were looked at, and of those that are not as they were. */
interface ClientChanges {
  readonly resolved: Iterable<string>
  /** What guards know of them changed. */
  readonly changed: ReadonlySet<string>
  /** Who they are, or whether they are accepted, changed: grants mean something else now. */
  readonly moved: ReadonlySet<string>
}

export function createRegistry(
  objects: Objects,
  rules: Rules,
  documentOf: (service: GuardedService) => OpenApiSource | undefined,
): Registry {
  const clients = new Map<string, ResolvedClient>()
  const services = new Map<string, ResolvedService>()
  const byId = new Map<string, ResolvedClient>()
  const inspector = createInspector()
  const rivals = createRivals()

  /**
   * Puts these in place of those that had their keys. What stays keeps its place in the maps: a map of very many from
   * which things go and come is made anew as a whole again and again.
   */
  function put(
    before: ReadonlyMap<string, ResolvedClient | undefined>,
    now: ReadonlyMap<string, ResolvedClient>,
  ): void {
    for (const one of now.values()) {
      clients.set(one.key, one)
      if (one.accepted) byId.set(one.clientId, one)
    }
    for (const [key, old] of before) {
      if (!now.has(key)) clients.delete(key)
      // An id may have passed from one client to another.
      if (old && byId.get(old.clientId) === old && now.get(key) !== old) byId.delete(old.clientId)
    }
  }

  return {
    clients,
    services,
    clientById: clientId => byId.get(clientId),
    resolveClient(key) {
      const { store } = objects.apiclients
      const namespace = objects.namespaces.store.get(key.slice(0, key.indexOf('/')))
      const together = rivals.around(key, one => ({
        before: clients.get(one),
        now: unopposedClient(store.get(one), namespace, rules),
      }))
      const before = new Map(together.map(one => [one, clients.get(one)]))
      const present = together.flatMap(one => store.get(one) ?? [])
      const now = new Map(resolveNamespaceClients(namespace, present, rules).map(one => [one.key, one]))
      put(before, now)
      return { resolved: together, ...difference(before, now) }
    },
    resolveServices() {
      const fresh = resolveServices({
        ...rules,
        inspect: inspector.inspect,
        documents: documentOf,
        services: objects.guardedservices.store.values(),
        targets: objects.services.store,
        namespaces: objects.namespaces.store,
        unconfirmed: 'refused',
      })
      const changed = new Set<string>()
      for (const key of services.keys()) if (!fresh.has(key)) changed.add(key)
      for (const key of changed) {
        services.delete(key)
        inspector.forget(key)
      }
      for (const [key, service] of fresh) {
        const old = services.get(key)
        // What is withheld says nothing: the service stays as it was told last.
        if (service.withheld && old && old.service.metadata.uid === service.service.metadata.uid) continue
        if (!old || !sameService(old, service)) changed.add(key)
        services.set(key, service)
      }
      return changed
    },
  }
}

function difference(
  before: ReadonlyMap<string, ResolvedClient | undefined>,
  now: ReadonlyMap<string, ResolvedClient>,
): Omit<ClientChanges, 'resolved'> {
  const changed = new Set<string>()
  const moved = new Set<string>()
  for (const key of new Set([...before.keys(), ...now.keys()])) {
    const a = before.get(key)
    const b = now.get(key)
    if (a === b) continue
    if (a?.accepted !== b?.accepted || (a && identityOf(a)) !== (b && identityOf(b))) moved.add(key)
    if (moved.has(key) || !a || !b || tells(a) !== tells(b)) changed.add(key)
  }
  return { changed, moved }
}

/** All that a guard is told of the client itself. */
function tells({ suspended, organization, serviceAccounts, createdAt }: ResolvedClient): string {
  return JSON.stringify([suspended, organization ?? null, serviceAccounts, createdAt])
}

function sameService(a: ResolvedService, b: ResolvedService): boolean {
  if (a.published !== b.published || a.withheld !== b.withheld) return false
  return !a.published || (a.audience === b.audience && a.routes === b.routes && specId(a.service) === specId(b.service))
}

/** The status of a GuardedService changes often and says nothing to a guard; a changed spec is a new generation. */
function specId({ metadata }: GuardedService): string {
  return `${metadata.uid}/${metadata.generation}`
}

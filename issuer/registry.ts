import type { GuardedService } from '../core/api/guarded-service.ts'
import { createInspector } from '../core/registry/inspector.ts'
import type { OpenApiSource } from '../core/registry/openapi-document.ts'
import { type ClientRules, type ResolvedClient, resolveNamespaceClients } from '../core/registry/resolve-clients.ts'
import { type ResolvedService, resolveServices, type ServiceRules } from '../core/registry/resolve-services.ts'
import { createIndex } from './object-index.ts'
import type { Objects } from './objects.ts'

export type Rules = ClientRules & ServiceRules

/** Resolved clients and services, kept in step with the objects when asked to. */
export interface Registry {
  /** By `namespace/name`. */
  readonly clients: ReadonlyMap<string, ResolvedClient>
  /** By `namespace/name`. */
  readonly services: ReadonlyMap<string, ResolvedService>
  /** Accepted clients only. */
  clientById(clientId: string): ResolvedClient | undefined
  /** Resolves the clients of one namespace anew. */
  resolveClients(namespace: string): ClientChanges
  /** Resolves all services anew. @returns keys of those that came, went or changed */
  resolveServices(): Set<string>
}

/** Keys of clients that are not as they were. */
interface ClientChanges {
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
  const ofNamespace = createIndex(objects.apiclients, client => [client.metadata.namespace ?? ''])
  const inspector = createInspector()
  const held = new Map<string, Set<string>>()

  function drop(key: string): void {
    const old = clients.get(key)
    clients.delete(key)
    if (old && byId.get(old.clientId) === old) byId.delete(old.clientId)
  }

  return {
    clients,
    services,
    clientById: clientId => byId.get(clientId),
    resolveClients(namespace) {
      const before = new Map([...(held.get(namespace) ?? [])].map(key => [key, clients.get(key)]))
      const resolved = resolveNamespaceClients(
        objects.namespaces.store.get(namespace),
        ofNamespace.get(namespace),
        rules,
      )
      // All go before any comes: an id may pass from one client to another.
      for (const key of before.keys()) drop(key)
      for (const one of resolved) {
        clients.set(one.key, one)
        if (one.accepted) byId.set(one.clientId, one)
      }
      held.set(namespace, new Set(resolved.map(one => one.key)))
      return difference(before, new Map(resolved.map(one => [one.key, one])))
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
): ClientChanges {
  const changed = new Set<string>()
  const moved = new Set<string>()
  for (const key of new Set([...before.keys(), ...now.keys()])) {
    const a = before.get(key)
    const b = now.get(key)
    if (a === b) continue
    if (a?.accepted !== b?.accepted || identityOf(a) !== identityOf(b)) moved.add(key)
    if (moved.has(key) || !a || !b || tells(a) !== tells(b)) changed.add(key)
  }
  return { changed, moved }
}

/** What a pin holds: a chosen id may come again with another namespace. */
function identityOf(client: ResolvedClient | undefined): string | undefined {
  return client && `${client.clientId} ${client.namespaceUid}`
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

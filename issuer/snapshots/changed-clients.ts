import type { Steps } from '../../core/base/steps.ts'
import { keyOf } from '../../core/registry/ids.ts'
import type { Indexes } from '../indexes.ts'
import type { Registry } from '../registry.ts'
import type { Dirt } from './dirt.ts'
import type { RowCache } from './row-cache.ts'

/** Clients of one service that are renewed one by one; more, and its slice is made anew. */
const renewedClients = 100

/** What changes of clients mean for slices, found out in steps of one client. */
export interface ChangedClients {
  /** Resolves clients anew, and adds what that makes stale. */
  resolving(work: Dirt): Steps<void>
  /** Clients whose own row is made again, by the services that may have one. */
  findingRenewals(work: Dirt): Steps<Map<string, string[]>>
  /** No slice waits to be made any more. */
  settled(): void
}

export function createChangedClients(parts: {
  indexes: Indexes
  registry: Registry
  cache: RowCache
  isPending: (service: string) => boolean
}): ChangedClients {
  const { indexes, registry, cache, isPending } = parts
  // Clients that are somebody else since the last time that nothing waited.
  const moved = new Set<string>()

  function resolveClient(key: string, work: Dirt, done: Set<string>): void {
    const changes = registry.resolveClient(key)
    for (const one of changes.resolved) done.add(one)
    for (const one of changes.changed) {
      cache.forgetClient(one)
      work.clients.add(one)
    }
    for (const one of changes.moved) {
      moved.add(one)
      for (const grant of indexes.grantsOfClient.get(one)) cache.forgetGrant(keyOf(grant))
      for (const service of indexes.servicesOfClient(one)) work.slices.add(service)
    }
  }

  return {
    *resolving(work) {
      const done = new Set<string>()
      for (const key of work.resolve) {
        if (!done.has(key)) resolveClient(key, work, done)
        yield
      }
      for (const namespace of work.namespaces) {
        for (const client of indexes.clientsOfNamespace.get(namespace)) {
          const key = keyOf(client)
          if (!done.has(key)) resolveClient(key, work, done)
          yield
        }
      }
    },
    *findingRenewals(work) {
      const found = new Map<string, string[]>()
      for (const key of work.clients) {
        cache.forgetClient(key)
        for (const service of indexes.servicesOfClient(key)) {
          const clients = found.get(service)
          // A pin means somebody else, and only a slice that is made anew knows that.
          const isUnsure = moved.has(key) && (work.slices.has(service) || isPending(service))
          if (isUnsure || (clients && clients.length >= renewedClients)) work.slices.add(service)
          else if (clients) clients.push(key)
          else found.set(service, [key])
        }
        yield
      }
      return found
    },
    settled: () => moved.clear(),
  }
}

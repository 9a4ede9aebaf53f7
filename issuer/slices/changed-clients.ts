import type { Resolved } from '../../cluster/resolved.ts'
import type { Difference } from '../../cluster/tracked-map.ts'
import type { Steps } from '../../core/base/steps.ts'
import { keyOf } from '../../core/registry/ids.ts'
import { identityOf, type ResolvedClient } from '../../core/registry/resolve-clients.ts'
import type { Objects } from '../objects.ts'
import type { RowCache } from './row-cache.ts'
import { nothingStale, type Stale } from './stale.ts'

/** Clients of one service that are renewed one by one; more, and its slice is made anew. */
const renewedClients = 100

/** What changes of clients mean for slices, found out in steps of one client. */
export interface ChangedClients {
  /** Settles what is decided about clients and services, and adds what that makes stale. */
  resolving(work: Stale): Steps<void>
  /** Clients whose own row is made again, by the services that may have one. */
  findingRenewals(work: Stale): Steps<Map<string, string[]>>
  /**
   * Clients as they were that are gone, or somebody else now, by the services that may have their rows. Of services with
   * very many of them none are found: their slices are made anew all the same.
   */
  findingGone(): Steps<Map<string, ResolvedClient[]>>
  /** No slice waits to be made any more. */
  settled(): void
}

export function createChangedClients(parts: {
  objects: Objects
  resolved: Pick<Resolved, 'settling' | 'onClient' | 'onService'>
  cache: RowCache
  isPending: (service: string) => boolean
}): ChangedClients {
  const { objects, resolved, cache, isPending } = parts
  // Clients that are somebody else since the last time that nothing waited.
  const moved = new Set<string>()
  let gone: ResolvedClient[] = []
  let stale: Pick<Stale, 'clients' | 'slices'> = nothingStale()

  resolved.onService(key => void stale.slices.add(key))
  resolved.onClient((key, difference) => {
    const isSomebodyElse = isMoved(difference)
    if (!isSomebodyElse && rowOf(difference.before) === rowOf(difference.now)) return
    cache.forgetClient(key)
    stale.clients.add(key)
    if (!isSomebodyElse) return
    moved.add(key)
    if (difference.before?.accepted) gone.push(difference.before)
    for (const grant of objects.by.grantsOfClient.get(key)) cache.forgetGrant(keyOf(grant))
    for (const service of objects.by.servicesOfClient(key)) stale.slices.add(service)
  })

  return {
    resolving(work) {
      stale = work
      return resolved.settling()
    },
    *findingRenewals(work) {
      const found = new Map<string, string[]>()
      for (const key of work.clients) {
        cache.forgetClient(key)
        for (const service of objects.by.servicesOfClient(key)) {
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
    *findingGone() {
      const found = new Map<string, ResolvedClient[]>()
      const taken = gone
      gone = []
      for (const client of taken) {
        for (const service of objects.by.servicesOfClient(client.key)) {
          const clients = found.get(service)
          if (clients) clients.push(client)
          else found.set(service, [client])
        }
        yield
      }
      for (const [service, clients] of found) if (clients.length > renewedClients) found.delete(service)
      return found
    },
    settled: () => moved.clear(),
  }
}

/** Who a client is, or whether it is accepted, is another thing: grants mean something else now. */
function isMoved({ before, now }: Difference<ResolvedClient>): boolean {
  return before?.accepted !== now?.accepted || (before && identityOf(before)) !== (now && identityOf(now))
}

/** All that a guard is told of the client itself. */
function rowOf(client: ResolvedClient | undefined): string | undefined {
  return (
    client && JSON.stringify([client.suspended, client.organization ?? null, client.serviceAccounts, client.createdAt])
  )
}

import type { Resolved } from '../../cluster/resolved.ts'
import type { ResolvedClient } from '../../core/registry/resolve-clients.ts'

/** Accepted clients by their id, as they were when the view was settled last. */
export function createClientsById(
  resolved: Pick<Resolved, 'clients' | 'onClient'>,
): (clientId: string) => ResolvedClient | undefined {
  const keys = new Map<string, string>()
  resolved.onClient((key, { before, now }) => {
    // An id may have passed to another client, of which was told before.
    if (before && keys.get(before.clientId) === key) keys.delete(before.clientId)
    if (now?.accepted) keys.set(now.clientId, key)
  })
  return clientId => resolved.clients().get(keys.get(clientId) ?? '')
}

import type { Resolved } from '../../cluster/resolved.ts'
import type { ResolvedClient } from '../../core/registry/resolve-clients.ts'

/** Accepted clients by their id, as they were when the view was settled last: asking costs nobody a look at all of them. */
export function createClientsById(
  resolved: Pick<Resolved, 'known' | 'onClient'>,
): (clientId: string) => ResolvedClient | undefined {
  const keys = new Map<string, string>()
  resolved.onClient((key, { before, now }) => {
    // An id may have passed to another client, of which was told before.
    if (before && keys.get(before.clientId) === key) keys.delete(before.clientId)
    if (now?.accepted) keys.set(now.clientId, key)
  })
  return clientId => {
    const found = resolved.known.clients.get(keys.get(clientId) ?? '')
    // Between two settlings its place may be another's: nobody's keys stand under the id of somebody else.
    return found?.accepted && found.clientId === clientId ? found : undefined
  }
}

import type { Resolved } from '../../cluster/resolved.ts'
import type { ResolvedClient } from '../../core/registry/resolve-clients.ts'

/**
 * Accepted clients by their id. One that was suspended, deleted or refused is so at the next look, though nobody was told of
 * it yet: what follows from a change is worked off in turns. A look costs that one alone. One that is new, or has another
 * id, is found once that is settled.
 */
export function createClientsById(
  resolved: Pick<Resolved, 'client' | 'onClient'>,
): (clientId: string) => ResolvedClient | undefined {
  const keys = new Map<string, string>()
  resolved.onClient((key, { before, now }) => {
    // An id may have passed to another client, of which was told before.
    if (before && keys.get(before.clientId) === key) keys.delete(before.clientId)
    if (now?.accepted) keys.set(now.clientId, key)
  })
  return clientId => {
    const found = resolved.client(keys.get(clientId) ?? '')
    // Between two settlings its place may be another's: nobody's keys stand under the id of somebody else.
    return found?.accepted && found.clientId === clientId ? found : undefined
  }
}

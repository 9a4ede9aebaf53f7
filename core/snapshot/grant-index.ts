import { editMap, type SharedMap } from '../base/shared-map.ts'
import type { Steps } from '../base/steps.ts'
import type { GrantRow } from '../rows/rows.ts'

/** The grants of one client, sorted by role, then by name. */
export interface ClientGrants {
  readonly grants: readonly GrantRow[]
  /** Names of their roles, each once. */
  readonly roles: readonly string[]
}

/** A grant before and after a change; either may be absent. */
export interface GrantChange {
  readonly before: GrantRow | undefined
  readonly after: GrantRow | undefined
}

/**
 * Brings the index from clients to their grants up to date: only the clients that the changes name are touched, and each
 * once for all of them.
 */
export function* updateGrants(
  index: SharedMap<ClientGrants>,
  changes: Iterable<GrantChange>,
): Steps<SharedMap<ClientGrants>> {
  const touched = new Map<string, { gone: Set<GrantRow>; come: GrantRow[] }>()
  const touch = (clientId: string) => {
    const known = touched.get(clientId) ?? { gone: new Set(), come: [] }
    touched.set(clientId, known)
    return known
  }
  for (const { before, after } of changes) {
    if (before) for (const clientId of before.clients) touch(clientId).gone.add(before)
    if (after) for (const clientId of new Set(after.clients)) touch(clientId).come.push(after)
    yield
  }
  const edit = editMap(index)
  for (const [clientId, { gone, come }] of touched) {
    const kept = (edit.get(clientId)?.grants ?? []).filter(grant => !gone.has(grant))
    const grants = [...kept, ...come].sort(byRoleThenName)
    if (grants.length === 0) edit.delete(clientId)
    else edit.set(clientId, clientGrants(grants))
    yield
  }
  return edit.finish()
}

function clientGrants(grants: readonly GrantRow[]): ClientGrants {
  return { grants, roles: [...new Set(grants.map(({ role }) => role))] }
}

/** No two grants of a slice have the same name. */
function byRoleThenName(a: GrantRow, b: GrantRow): number {
  if (a.role !== b.role) return a.role < b.role ? -1 : 1
  return a.name < b.name ? -1 : 1
}

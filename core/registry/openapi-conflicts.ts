import { createConflictSearch } from '../matching/route-conflicts.ts'
import { parseTemplate } from '../matching/template.ts'
import type { RouteRow } from '../rows/rows.ts'
import { type Faults, type Place, shown } from './openapi-value.ts'

/** An operation where the document has it. */
interface PlacedRoute {
  readonly place: Place
  readonly route: Pick<RouteRow, 'path' | 'methods'>
}

/** Tells each operation that matches the same requests as one before it, so that no route would be the one that holds. */
export function tellConflicts(operations: readonly PlacedRoute[], faults: Faults): void {
  const search = createConflictSearch()
  for (const [at, { place, route }] of operations.entries()) {
    if (faults.isFull()) return
    const template = parseTemplate(route.path)
    if ('fault' in template) continue
    const conflict = search.add({ name: String(at), methods: route.methods }, template)
    const other = conflict && operations[Number(conflict.a)]
    if (other) {
      faults.add(place, `it matches the same requests as ${shown(other.place)}; change or remove one`, 'conflict')
    }
  }
}

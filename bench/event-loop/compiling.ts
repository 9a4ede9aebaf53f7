import { sliceHash } from '../../core/rows/hash.ts'
import type { RouteRow, Row } from '../../core/rows/rows.ts'
import { createSnapshotBuilder } from '../../core/snapshot/snapshot.ts'
import { driven } from '../../platform/drive-steps.ts'
import { clientsOf, rowsOf } from '../policy/size.ts'

const size = { clients: 10_000, rules: 3_000 }
const everyMs = 500

/** A guard without its listeners: the largest policy that it takes at the default memory, whole and anew twice a second. */
export function startCompiling(): { done(): number } {
  const rows: Row[] = rowsOf(size, clientsOf(size), 0).map(row => (row.type === 'service' ? { ...row, routes } : row))
  const hash = sliceHash(rows)
  const builder = createSnapshotBuilder()
  let done = 0
  const again = async (): Promise<void> => {
    if ((await driven(builder.applying({ full: { rows }, seen: {}, hash }))) === 'applied') done++
    setTimeout(() => void again(), everyMs)
  }
  void again()
  return { done: () => done }
}

const routes = Array.from(
  { length: 2_000 },
  (_, at): RouteRow => ({
    name: `route-${at}`,
    path: `/api/v1/resource-${at}/{id}/parts/{part}`,
    methods: ['GET'],
    variants: 'Refuse',
    ...(at % 2 === 0 && { permission: { action: 'read', resource: `resource-${at}/{id}` } }),
  }),
)

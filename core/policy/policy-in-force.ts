import { readTarget } from '../matching/path.ts'
import { type Endpoint, findEndpoint } from '../matching/route-table.ts'
import type { ClientRow, RouteRow, Row } from '../rows/rows.ts'
import { snapshotOfRows } from '../snapshot/snapshot-of-rows.ts'
import { assumedIdentity, assumeKeys } from './assume-keys.ts'
import { decide } from './decide.ts'
import type { Decision } from './decision.ts'

/** The policy of one service, asked what it says whatever credentials there are. */
export interface PolicyInForce {
  readonly routes: readonly RouteRow[]
  /** The route or public path that decides; undefined where none does, or where none can be named. */
  endpoint(method: string, path: string): Endpoint | undefined
  /** What would be decided for a client, with any good credential. @param client `namespace/name` */
  decide(client: string, method: string, path: string): Decision
}

/** @param now seconds since epoch @returns undefined when nothing can be decided from the rows */
export function policyInForce(rows: readonly Row[], now: number): PolicyInForce | undefined {
  const snapshot = snapshotOfRows(assumeKeys(rows))
  if (!snapshot?.policy || !snapshot.service) return undefined
  const { policy, service } = snapshot
  const clients = new Map<string, ClientRow>()
  for (const row of rows) if (row.type === 'client') clients.set(`${row.namespace}/${row.name}`, row)
  return {
    routes: service.routes,
    endpoint(method, path) {
      const target = readTarget(path)
      const found = typeof target === 'string' ? undefined : findEndpoint(policy.routes, method, target)
      return typeof found === 'object' ? found : undefined
    },
    decide(client, method, path) {
      const identity = assumedIdentity(clients.get(client), service.audience, now)
      return decide({ method, target: path }, identity, snapshot, now)
    },
  }
}

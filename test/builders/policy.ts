import type { Identity } from '../../core/base/identity.ts'
import type { DenyReason, Reason } from '../../core/base/reasons.ts'
import { decide } from '../../core/policy/decide.ts'
import type { Decision } from '../../core/policy/decision.ts'
import type { RouteRow, ServiceRow } from '../../core/rows/rows.ts'
import type { Snapshot } from '../../core/snapshot/snapshot.ts'
import {
  clientRow,
  grantRow,
  identityOf,
  now,
  roleRow,
  serviceRow,
  snapshotOf,
  usualRows,
} from '../unit/core/fixture.ts'

/** The main client, proved. */
export const mainIdentity = identityOf(snapshotOf(usualRows()))

/** What is decided about a call written as `GET /path`. */
export function decisionOn(
  snapshot: Snapshot,
  line: string,
  who: Identity | DenyReason = mainIdentity,
  at = now,
): Decision {
  const [method = '', target = ''] = line.split(' ')
  return decide({ method, target }, who, snapshot, at)
}

export const reasonOf = (snapshot: Snapshot, line: string, who?: Identity | DenyReason): Reason =>
  decisionOn(snapshot, line, who).reason

/** Rows by which the main client may GET, POST and DELETE every path. */
export const everyPath = [
  roleRow('all', { methods: ['GET', 'POST', 'DELETE'], paths: ['/**'] }),
  grantRow('g', 'all'),
  clientRow(),
]

/** A snapshot of the usual service with these changes, and these rows beside it. */
export const sliceOf = (changes: Partial<ServiceRow>, ...rest: unknown[]): Snapshot =>
  snapshotOf([serviceRow(changes), ...rest])

export const routeRow = (name: string, path: string, changes: Partial<RouteRow> = {}): RouteRow => ({
  name,
  path,
  methods: ['GET'],
  variants: 'Refuse',
  ...changes,
})

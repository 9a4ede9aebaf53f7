import type { RouteRow } from '../snapshot/rows.ts'

export type RouteShape = Pick<RouteRow, 'name' | 'path' | 'methods'>

/** Two routes that match the same requests equally well; `a` and `b` are their names, in the order of the list. */
export function findRouteConflict(
  _routes: readonly RouteShape[],
): { readonly a: string; readonly b: string } | undefined {
  throw new Error('being written')
}

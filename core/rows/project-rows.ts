import type { Deny, Feature } from './features.ts'
import type { GrantRow, RoleRow, RouteRow, Row, RuleRow, SentRow, ServiceRow } from './rows.ts'

/** Rows as guards understand them that lack some features. */
export interface Projection {
  /** The same row where it says nothing of these features. Twice the same object for the same row. */
  project(row: Row): SentRow
}

/**
 * @param lacking in the order of their releases: what is withheld names the last one that it needs
 * @see docs/decisions/0057-rows-that-can-grow.md
 */
export function createProjection(lacking: readonly Feature[]): Projection {
  const made = new WeakMap<Row, SentRow>()
  const touched = new Set(lacking.flatMap(typesOf))
  return {
    project(row) {
      if (!touched.has(row.type)) return row
      const known = made.get(row) ?? lacking.reduce(without, row)
      made.set(row, known)
      return known
    },
  }
}

/** The release that a guard needs to know all of a row that it is sent; undefined when it does. */
export function neededFor(row: SentRow): string | undefined {
  if ('needs' in row) return row.needs
  if (row.type !== 'service') return undefined
  return row.routes.findLast(({ needs }) => needs !== undefined)?.needs
}

function typesOf({ service, route, rule, grant, client, cluster }: Feature): Row['type'][] {
  return [
    ...(service || route ? (['service'] as const) : []),
    ...(rule ? (['role'] as const) : []),
    ...(grant ? (['grant'] as const) : []),
    ...(client ? (['client'] as const) : []),
    ...(cluster ? (['cluster'] as const) : []),
  ]
}

function without(row: SentRow, feature: Feature): SentRow {
  switch (row.type) {
    case 'service':
      return 'routes' in row ? serviceWithout(row, feature) : row
    case 'role':
      return roleWithout(row, feature)
    case 'grant':
      return feature.grant ? orWithheld(row, feature.grant(row), feature.since) : row
    case 'client':
      return feature.client?.(row) ?? row
    case 'cluster':
      return feature.cluster?.(row) ?? row
  }
}

/** One route less would leave its paths to a less specific one, so it stays, and says that nobody may. */
function serviceWithout(row: ServiceRow, { service, route, since }: Feature): SentRow {
  const less = service?.(row) ?? row
  if (less === 'Deny') return { type: 'service', needs: since }
  if (!route) return less
  const routes = less.routes.map(one => {
    const read = route(one)
    return read === 'Deny' ? withheldRoute(one, since) : read
  })
  return routes.every((one, at) => one === less.routes[at]) ? less : { ...less, routes }
}

function withheldRoute({ name, path, methods, variants, mode }: RouteRow, since: string): RouteRow {
  return { name, path, methods, variants, ...(mode && { mode }), needs: since }
}

/** Rules only allow: those that can be read go on doing so, and whoever is allowed by none of them is told of the rest. */
function roleWithout(row: RoleRow, { rule, since }: Feature): RoleRow {
  if (!rule) return row
  const read = row.rules.map(rule)
  const rules = read.filter((one): one is RuleRow => one !== 'Deny')
  if (rules.length < read.length) return { ...row, rules, needs: since }
  return rules.every((one, at) => one === row.rules[at]) ? row : { ...row, rules }
}

function orWithheld(row: GrantRow, read: GrantRow | Deny, since: string): GrantRow {
  if (read !== 'Deny') return read
  const { type, name, role, clients, expiresAt } = row
  return { type, name, role, clients, ...(expiresAt !== undefined && { expiresAt }), needs: since }
}

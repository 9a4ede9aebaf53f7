import { secretKinds } from '../base/credential-kinds.ts'
import type { ClientRow, ClusterRow, GrantRow, RouteRow, RuleRow, ServiceRow } from './rows.ts'

/** A guard without the feature must not decide as if it were not there: it denies what it touches. */
export type Deny = 'Deny'

/**
 * What rows may say that guards of earlier releases do not know. Each member gives a part of a row as a guard without the
 * feature understands it: the very same object where it says nothing of the feature, and less where leaving out cannot
 * allow anything; else `Deny`. Of a client or a cluster, credentials are left out: whoever proves nothing is denied anyway.
 */
export interface Feature {
  /** As guards say it in `hello`. */
  readonly name: string
  /** The first release whose guards know it. */
  readonly since: string
  readonly service?: (row: ServiceRow) => ServiceRow | Deny
  readonly route?: (route: RouteRow) => RouteRow | Deny
  readonly rule?: (rule: RuleRow) => RuleRow | Deny
  readonly grant?: (row: GrantRow) => GrantRow | Deny
  readonly client?: (row: ClientRow) => ClientRow
  readonly cluster?: (row: ClusterRow) => ClusterRow
}

/**
 * In the order of their releases. Nothing is decided by tags yet, so whoever does not know them needs none. Who does not know
 * secrets takes none, and passes on as any other what stands where API keys stand. Who does not know access tokens takes none.
 * Who does not count would give without end what was given in part, so a grant with a limit gives nothing there.
 */
export const features: readonly Feature[] = [
  { name: 'route-tags-map', since: '0.2.0', route: route => (route.tags ? withoutTags(route) : route) },
  { name: 'client-secrets', since: '0.2.0', service: withoutSecretKinds, client: withoutSecrets },
  { name: 'access-tokens', since: '0.2.0', service: withoutAccessTokens, client: withoutClientTokens },
  { name: 'grant-limits', since: '0.2.0', grant: row => (row.limit ? 'Deny' : row) },
]

/** A guard that says so tells what was used, see frames.ts. Rows have nothing to do with it, so the table does not name it. */
export const tellsUsage = 'usage-counts'

/** What a guard of this version says it understands and does. */
export const featureNames: readonly string[] = [...features.map(({ name }) => name), tellsUsage]

/** What the issuer reads of a hello: more names, or longer ones, are none that any release has. */
export const mostFeatures = { names: 256, length: 64 }

/** The features of a table that a guard lacks. Names that the table does not have are of later releases, and say nothing. */
export function lackingOf(said: readonly string[], table: readonly Feature[] = features): readonly Feature[] {
  const known = new Set(said)
  return table.filter(({ name }) => !known.has(name))
}

function withoutSecretKinds(row: ServiceRow): ServiceRow {
  const { apiKey, ...rest } = row
  const accepts = row.accepts.filter(kind => !(secretKinds as readonly string[]).includes(kind))
  return apiKey || accepts.length < row.accepts.length ? { ...rest, accepts } : row
}

function withoutSecrets(row: ClientRow): ClientRow {
  const { secrets, ...rest } = row
  return secrets ? rest : row
}

function withoutAccessTokens(row: ServiceRow): ServiceRow {
  const { accessTokens, ...rest } = row
  const accepts = row.accepts.filter(kind => kind !== 'AccessToken')
  return accessTokens || accepts.length < row.accepts.length ? { ...rest, accepts } : row
}

function withoutClientTokens(row: ClientRow): ClientRow {
  const { accessTokens, ...rest } = row
  return accessTokens ? rest : row
}

function withoutTags({ tags: _, ...route }: RouteRow): RouteRow {
  return route
}

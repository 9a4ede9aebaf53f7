import type { AccessGrant, GrantedClient } from '../api/access-grant.ts'
import type { GuardedService } from '../api/guarded-service.ts'
import type { Role, RoleRule } from '../api/role.ts'
import { defaultCredentialKinds, isCredentialKind } from '../base/credential-kinds.ts'
import { everyNth, finish, type Steps } from '../base/steps.ts'
import { durationSeconds, secondsOf } from '../base/time.ts'
import type {
  AccessTokensRow,
  ClientRow,
  ClusterRow,
  GrantLimit,
  GrantRow,
  RoleRow,
  Row,
  RuleRow,
  ServiceRow,
} from '../rows/rows.ts'
import { isPresent, referenceKey } from './ids.ts'
import type { ResolvedClient } from './resolve-clients.ts'
import type { ResolvedService } from './resolve-services.ts'

/** What a slice is made of. */
export interface SliceObjects {
  readonly service: ResolvedService
  /** Roles of the service's namespace; others are passed over. */
  readonly roles: Iterable<Role>
  /** Grants of the service's namespace; others are passed over. */
  readonly grants: Iterable<AccessGrant>
  /** What a grant gives now: `grantRow` with the resolved clients. A caller may give one that remembers. */
  readonly grantRow: (grant: AccessGrant) => GivenGrant | undefined
  /** A client as this service's namespace knows it: `clientRow`. A caller may give one that remembers. */
  readonly clientRow: (client: ResolvedClient) => ClientRow
  /** Absent while the cluster's keys are not known. */
  readonly cluster?: ClusterRow | undefined
  /** What access tokens are proved with, for a service that takes them. */
  readonly accessTokens?: AccessTokensRow | undefined
}

/** A grant with the clients it still means. */
export interface GivenGrant {
  readonly row: GrantRow
  readonly clients: readonly ResolvedClient[]
}

/**
 * The rows of one service, in an order that means nothing. A service that is not published has none: its guards deny.
 * A client is in a slice only when a grant of it names the client.
 */
export function sliceRows(objects: SliceObjects): Row[] {
  return finish(makingSliceRows(objects))
}

/**
 * The same in steps of so many rows: 64 that were never made take about a millisecond. Roles and grants are read one by
 * one while the rows are made, so they must be a list that nobody changes meanwhile.
 */
export function* makingSliceRows(objects: SliceObjects, rowsInStep = 64): Steps<Row[]> {
  const { service } = objects
  if (!service.published) return []
  const { namespace, name } = service.service.metadata
  const isDue = everyNth(rowsInStep)
  const rows: Row[] = [serviceRow(service, objects.accessTokens)]
  const named = new Set<string>()
  for (const role of objects.roles) {
    if (isDue()) yield
    const row = roleRow(role, namespace, name)
    if (!row) continue
    rows.push(row)
    named.add(row.name)
  }
  const clients = new Set<ResolvedClient>()
  for (const grant of objects.grants) {
    if (isDue()) yield
    if (grant.metadata.namespace !== namespace || !named.has(grant.spec.roleRef.name)) continue
    const given = objects.grantRow(grant)
    if (!given) continue
    rows.push(given.row)
    for (const client of given.clients) {
      clients.add(client)
      if (isDue()) yield
    }
  }
  for (const client of clients) {
    if (isDue()) yield
    rows.push(objects.clientRow(client))
  }
  if (objects.cluster) rows.push(objects.cluster)
  return rows
}

export function takesAccessTokens({ spec }: GuardedService): boolean {
  return spec.accepts?.includes('AccessToken') === true
}

/** The service itself. */
function serviceRow(
  { service, audience, routes }: ResolvedService,
  accessTokens: AccessTokensRow | undefined,
): ServiceRow {
  const { spec, metadata } = service
  const accepts = (spec.accepts ?? defaultCredentialKinds).filter(isCredentialKind)
  const { header, query } = spec.apiKey ?? {}
  return {
    type: 'service',
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    audience,
    // Kinds of credential this version does not know are refused by the schema; a guard must not meet them.
    accepts,
    public: (spec.public ?? []).map(({ path, methods = ['GET', 'HEAD'] }) => ({ path, methods })),
    routes,
    mode: spec.mode ?? 'Enforce',
    maxStalenessSeconds: durationSeconds(spec.maxStaleness ?? '24h') ?? 0,
    directAccess: spec.directAccess ?? 'Refuse',
    keepCredential: spec.keepCredential ?? 'Never',
    ...(accessTokens && takesAccessTokens(service) && { accessTokens }),
    ...(accepts.includes('ApiKey') &&
      spec.apiKey && {
        apiKey: {
          ...(header !== undefined && { header: header.toLowerCase() }),
          ...(query !== undefined && { query }),
        },
      }),
  }
}

const rolesMade = new WeakMap<Role, Map<string, RoleRow | undefined>>()

/** Those rules of a role that name the service; undefined when none does. The same row each time: roles never change. */
function roleRow(role: Role, namespace: string | undefined, service: string): RoleRow | undefined {
  if (role.metadata.namespace !== namespace) return undefined
  const made = rolesMade.get(role) ?? new Map<string, RoleRow | undefined>()
  rolesMade.set(role, made)
  if (!made.has(service)) made.set(service, makeRoleRow(role, service))
  return made.get(service)
}

function makeRoleRow(role: Role, service: string): RoleRow | undefined {
  if (!isPresent(role)) return undefined
  const rules = role.spec.rules.flatMap((rule, index) =>
    rule.services.includes(service) ? [ruleRow(rule, index)] : [],
  )
  return rules.length === 0 ? undefined : { type: 'role', name: role.metadata.name, rules }
}

function ruleRow({ methods, paths, permissions, when }: RoleRule, index: number): RuleRow {
  return {
    index,
    ...(methods && { methods }),
    ...(paths && { paths }),
    ...(permissions && { permissions }),
    ...(when && { when }),
  }
}

/** A grant with the clients it still means; undefined when it means none. */
export function grantRow(grant: AccessGrant, clients: ReadonlyMap<string, ResolvedClient>): GivenGrant | undefined {
  const { metadata, spec } = grant
  const expiresAt = secondsOf(spec.expiresAt)
  // A time nobody can read must not make a grant endless, nor a limit that nobody can read one without a limit.
  if (!isPresent(grant) || (spec.expiresAt !== undefined && expiresAt === undefined)) return undefined
  const limit = spec.limit && limitOf(spec.limit)
  if (spec.limit && !limit) return undefined
  const meant = grantedClients(grant, clients)
  if (meant.length === 0) return undefined
  const row: GrantRow = {
    type: 'grant',
    name: metadata.name,
    role: spec.roleRef.name,
    clients: meant.map(client => client.clientId),
    ...(spec.attributes && { attributes: spec.attributes }),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(limit && { limit }),
  }
  return { row, clients: meant }
}

function limitOf({ requests, per }: NonNullable<AccessGrant['spec']['limit']>): GrantLimit | undefined {
  const perSeconds = durationSeconds(per)
  return perSeconds === undefined || perSeconds < 1 || requests < 1 ? undefined : { requests, perSeconds }
}

/**
 * The clients a grant gives its role to now: named in spec, pinned in status as Granted, accepted, and still the
 * client that the name meant when it was pinned. A pin of a release before says nothing of the namespace; the operator
 * adds that at its first pass.
 */
function grantedClients(grant: AccessGrant, clients: ReadonlyMap<string, ResolvedClient>): ResolvedClient[] {
  const named = new Set(grant.spec.clients.map(referenceKey))
  const meant = (grant.status?.clients ?? []).flatMap(pin => {
    const client = clients.get(referenceKey(pin))
    const holds = pin.state === 'Granted' && client?.accepted && isPinned(pin, client)
    return holds && named.has(client.key) ? [client] : []
  })
  return [...new Set(meant)]
}

/** Whether a pin means this client: the id, and the namespace that it was in, which may have been made anew. */
export function isPinned(pin: Pick<GrantedClient, 'clientId' | 'namespaceUid'>, client: ResolvedClient): boolean {
  const sameNamespace = pin.namespaceUid === undefined || pin.namespaceUid === client.namespaceUid
  return pin.clientId === client.clientId && sameNamespace
}

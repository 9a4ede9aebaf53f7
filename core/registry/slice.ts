import type { AccessGrant, GrantedClient } from '../api/access-grant.ts'
import type { AccessKey } from '../api/access-key.ts'
import type { Role, RoleRule } from '../api/role.ts'
import { defaultCredentialKinds, isCredentialKind } from '../base/credential-kinds.ts'
import { everyNth, finish, type Steps } from '../base/steps.ts'
import { durationSeconds, secondsOf } from '../base/time.ts'
import type {
  ClientRow,
  ClusterRow,
  GrantRow,
  KeyRow,
  RoleRow,
  Row,
  RuleRow,
  ServiceAccountRow,
  ServiceRow,
} from '../rows/rows.ts'
import { countedAccessKeys, countedPods } from './client-share.ts'
import { isPresent, referenceKey } from './ids.ts'
import { type VouchedKey, vouchedKeys } from './keys.ts'
import type { PodObject, ServiceAccountObject } from './kubernetes.ts'
import type { ResolvedClient } from './resolve-clients.ts'
import type { ResolvedService } from './resolve-services.ts'
import { type ClientSecret, vouchedSecrets } from './secrets.ts'

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
}

/** A grant with the clients it still means. */
export interface GivenGrant {
  readonly row: GrantRow
  readonly clients: readonly ResolvedClient[]
}

/** A key of a client, before it is narrowed to the roles of one namespace. */
export interface ClientKey {
  readonly key: VouchedKey
  readonly roles?: readonly { readonly namespace: string; readonly name: string }[]
}

/** What a client can prove itself with. */
export interface ClientCredentials {
  readonly keys: readonly ClientKey[]
  /** Those of all services: each gets its own. */
  readonly secrets: readonly ClientSecret[]
  /** Service accounts it holds that exist, with the pods that run as them. */
  readonly serviceAccounts: readonly ServiceAccountRow[]
}

/** Of a client that proves itself with nothing. */
export const noCredentials: ClientCredentials = { keys: [], secrets: [], serviceAccounts: [] }

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
  const rows: Row[] = [serviceRow(service)]
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

/** The service itself. */
function serviceRow({ service, audience, routes }: ResolvedService): ServiceRow {
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
  // A time nobody can read must not make a grant endless.
  if (!isPresent(grant) || (spec.expiresAt !== undefined && expiresAt === undefined)) return undefined
  const meant = grantedClients(grant, clients)
  if (meant.length === 0) return undefined
  const row: GrantRow = {
    type: 'grant',
    name: metadata.name,
    role: spec.roleRef.name,
    clients: meant.map(client => client.clientId),
    ...(spec.attributes && { attributes: spec.attributes }),
    ...(expiresAt !== undefined && { expiresAt }),
  }
  return { row, clients: meant }
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

/** A service, as references name it. */
export interface ServiceName {
  readonly namespace: string
  readonly name: string
}

/** A client as a service knows it. Without secrets it is the same for all services of a namespace. */
export function clientRow(client: ResolvedClient, service: ServiceName, credentials: ClientCredentials): ClientRow {
  const { metadata } = client.client
  const { namespace } = service
  const at = referenceKey(service)
  const secrets = credentials.secrets.filter(({ services }) => services.has(at))
  return {
    type: 'client',
    clientId: client.clientId,
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    issuer: client.issuer,
    createdAt: client.createdAt,
    suspended: client.suspended,
    ...(client.organization !== undefined && { organization: client.organization }),
    keys: credentials.keys.map(({ key, roles }) => narrowed(key, roles, namespace)),
    ...(secrets.length > 0 && { secrets: secrets.map(({ secret, roles }) => narrowed(secret, roles, namespace)) }),
    ...(credentials.serviceAccounts.length > 0 && { serviceAccounts: credentials.serviceAccounts }),
  }
}

/**
 * The keys of a client, by the names of their AccessKeys, revoked and ended ones too. An AccessKey counts for the client
 * that it named when its keys were made: a later client of that name has its own.
 * @param accessKeys those of other clients are passed over, and those beyond the client's share
 */
export function clientKeys(client: ResolvedClient, accessKeys: Iterable<AccessKey>): ClientKey[] {
  return countedKeys(client, accessKeys).flatMap(accessKey => {
    const { roles } = accessKey.spec
    return vouchedKeys(accessKey).map(key => ({ key, ...(roles && { roles }) }))
  })
}

/** The same of its secrets. */
export function clientSecrets(client: ResolvedClient, accessKeys: Iterable<AccessKey>): ClientSecret[] {
  return countedKeys(client, accessKeys).flatMap(vouchedSecrets)
}

function countedKeys(client: ResolvedClient, accessKeys: Iterable<AccessKey>): AccessKey[] {
  const { namespace, name } = client.client.metadata
  const named = [...accessKeys].filter(
    ({ metadata, spec }) => metadata.namespace === namespace && spec.clientRef.name === name,
  )
  return countedAccessKeys(named)
    .filter(({ status }) => status?.clientId === client.clientId)
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
}

function narrowed<T extends object>(key: T, roles: ClientKey['roles'], namespace: string): T & Pick<KeyRow, 'roles'> {
  if (!roles) return key as T & Pick<KeyRow, 'roles'>
  return { ...key, roles: roles.filter(role => role.namespace === namespace).map(role => role.name) }
}

/**
 * The service accounts a client holds, with the pods that run as them now, as far as the client's share goes.
 * @param now seconds since epoch
 */
export function serviceAccountRows(
  client: ResolvedClient,
  accounts: ReadonlyMap<string, ServiceAccountObject>,
  podsOf: (serviceAccountKey: string) => Iterable<PodObject>,
  now: number,
): ServiceAccountRow[] {
  const running = client.serviceAccounts.flatMap(name => {
    const key = `${client.client.metadata.namespace}/${name}`
    const account = accounts.get(key)
    if (!account?.metadata.uid || !isPresent(account)) return []
    return [{ name, uid: account.metadata.uid, pods: [...podsOf(key)].filter(isRunningAs(name, now)) }]
  })
  const counted = new Set(countedPods(running.flatMap(({ pods }) => pods)))
  return running.map(({ name, uid, pods }) => ({
    name,
    uid,
    pods: pods.flatMap(pod => (counted.has(pod) ? (pod.metadata.uid ?? []) : [])).sort(),
  }))
}

/** How long after the end of its grace period a pod is believed to end still. */
const leewaySeconds = 60

/**
 * When nobody may speak any more for a pod that was deleted: seconds since epoch; undefined for one that was not. Its node
 * may be lost, and then the object stays. The API server takes tokens of its pod for as long.
 */
export function endOfPod({ metadata }: PodObject): number | undefined {
  const graceEnds = secondsOf(metadata.deletionTimestamp)
  return graceEnds === undefined ? undefined : graceEnds + leewaySeconds
}

/** A terminating pod still makes its last calls; a finished one makes none, and its token is refused with it. */
function isRunningAs(account: string, now: number): (pod: PodObject) => boolean {
  return pod =>
    (pod.spec?.serviceAccountName ?? 'default') === account &&
    now < (endOfPod(pod) ?? Number.POSITIVE_INFINITY) &&
    pod.status?.phase !== 'Succeeded' &&
    pod.status?.phase !== 'Failed'
}

import type { AccessKey } from '../api/access-key.ts'
import { secondsOf } from '../base/time.ts'
import type { ClientRow, ClientTokensRow, KeyRow, ServiceAccountRow } from '../rows/rows.ts'
import { countedAccessKeys, countedPods } from './client-share.ts'
import { isPresent, referenceKey } from './ids.ts'
import { type VouchedKey, vouchedKeys } from './keys.ts'
import type { PodObject, ServiceAccountObject } from './kubernetes.ts'
import type { ResolvedClient } from './resolve-clients.ts'
import {
  type BoundedSecret,
  boundedClientSecrets,
  type ClientSecret,
  type EndpointSecret,
  endpointSecrets,
  vouchedSecrets,
} from './secrets.ts'

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
  /** For a service that takes access tokens. */
  readonly accessTokens?: {
    /** What it got them with besides: of that only the bounds. */
    readonly clientSecrets: readonly BoundedSecret[]
    /** Those for this service that count no more. */
    readonly revoked: Revoked
  }
}

/** Tokens that were revoked, of one client at one service. */
export type Revoked = Pick<ClientTokensRow, 'revoked' | 'revokedUpTo'>

/** Of a client that proves itself with nothing. */
export const noCredentials: ClientCredentials = { keys: [], secrets: [], serviceAccounts: [] }

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
    ...(credentials.accessTokens && tokensMember(credentials.accessTokens, namespace)),
  }
}

/** Nothing, where nothing is to be said. */
function tokensMember(
  { clientSecrets, revoked }: NonNullable<ClientCredentials['accessTokens']>,
  namespace: string,
): { accessTokens?: ClientTokensRow } {
  const secrets = clientSecrets.map(({ bounds, roles }) => narrowed(bounds, roles, namespace))
  const accessTokens = { ...revoked, ...(secrets.length > 0 && { clientSecrets: secrets }) }
  return Object.keys(accessTokens).length === 0 ? {} : { accessTokens }
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

/** The bounds of what it proves itself with at the token endpoint alone. */
export function clientSecretBounds(client: ResolvedClient, accessKeys: Iterable<AccessKey>): BoundedSecret[] {
  return countedKeys(client, accessKeys).flatMap(boundedClientSecrets)
}

/** Those that count at token endpoints. */
export function clientEndpointSecrets(client: ResolvedClient, accessKeys: Iterable<AccessKey>): EndpointSecret[] {
  return countedKeys(client, accessKeys).flatMap(endpointSecrets)
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

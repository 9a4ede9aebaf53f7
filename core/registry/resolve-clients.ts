import type { ApiClient } from '../api/api-client.ts'
import { groupBy } from '../base/group-by.ts'
import { issuerOf } from '../base/ids.ts'
import { secondsOf } from '../base/time.ts'
import { byAge, clientIdOf, earlierIdentity, installationOf, isPresent, keyOf, organizationOf } from './ids.ts'
import type { NamespaceObject } from './kubernetes.ts'

type ClientReason = 'Accepted' | 'ClientIdTaken' | 'ClientIdNotAllowed' | 'ServiceAccountTaken'

/** An ApiClient with all that the other objects of the installation decide about it. */
export interface ResolvedClient {
  /** `namespace/name`. */
  readonly key: string
  readonly client: ApiClient
  readonly clientId: string
  /** Of its namespace: with the client id it says who this is, also where the id was chosen. */
  readonly namespaceUid: string
  readonly installation: string
  /** `iss` of its tokens. */
  readonly issuer: string
  /** Without it the client has no access, no JWKS and holds nothing. */
  readonly accepted: boolean
  readonly reason: ClientReason
  readonly message: string
  readonly suspended: boolean
  readonly organization?: string
  /** Names of the service accounts it holds; empty unless accepted. */
  readonly serviceAccounts: readonly string[]
  /** Tokens issued before are refused; seconds since epoch. */
  readonly createdAt: number
}

/** What a pin holds: a chosen id may come again with another namespace. */
export function identityOf({ clientId, namespaceUid }: ResolvedClient): string {
  return `${clientId} ${namespaceUid}`
}

/** Which of its identities the client had with this id, before it got another; undefined for any other id. */
export function gaveUp(client: ResolvedClient, clientId: string | undefined): number | undefined {
  if (clientId === undefined || clientId === client.clientId) return undefined
  return earlierIdentity(clientId, client.client, client.namespaceUid, client.installation)
}

/** What the installation says about client ids. */
export interface ClientRules {
  readonly installation: string
  readonly issuerUrl: string
  /** Client ids that the chart gives to one ApiClient each: client id → `namespace/name`. */
  readonly clientIds: ReadonlyMap<string, string>
}

export interface ClientObjects extends ClientRules {
  readonly clients: Iterable<ApiClient>
  /** By name. */
  readonly namespaces: ReadonlyMap<string, NamespaceObject>
}

/**
 * Every client of this installation, by `namespace/name`; those of other installations and those being deleted are
 * left out.
 */
export function resolveClients(objects: ClientObjects): Map<string, ResolvedClient> {
  const byNamespace = groupBy(objects.clients, client => client.metadata.namespace ?? '')
  const resolved = new Map<string, ResolvedClient>()
  for (const [name, clients] of byNamespace) {
    for (const one of resolveNamespaceClients(objects.namespaces.get(name), clients, objects)) {
      resolved.set(one.key, one)
    }
  }
  return resolved
}

/**
 * The clients of one namespace, oldest first. A namespace is enough: a chosen id begins with its namespace, an id of
 * the chart's map belongs to one object only, and service accounts are the namespace's own.
 */
export function resolveNamespaceClients(
  namespace: NamespaceObject | undefined,
  clients: Iterable<ApiClient>,
  rules: ClientRules,
): ResolvedClient[] {
  if (!namespace || installationOf(namespace) !== rules.installation) return []
  const ids = new Map<string, string>()
  const accounts = new Map<string, string>()
  return [...clients]
    .filter(isPresent)
    .sort(byAge)
    .map(client => {
      const own = ownOf(client, namespace, rules)
      const { clientId, serviceAccounts: wanted } = own
      const fault = notAllowed(client, rules) ?? idTaken(clientId, ids) ?? accountTaken(wanted, accounts)
      if (fault) return { ...own, ...fault, accepted: false, serviceAccounts: [] }
      ids.set(clientId, client.metadata.name)
      for (const account of wanted) accounts.set(account, client.metadata.name)
      return own
    })
}

interface Own {
  readonly namespace: NamespaceObject
  readonly installation: string
  readonly issuerUrl: string
  readonly resolved: ResolvedClient
}

/**
 * What only one client of a namespace can have, of all that this one asks for: its id and its service accounts. Whoever
 * asks for none of it is not concerned when this client changes.
 */
export function wantsOf({ client, clientId }: ResolvedClient): string[] {
  const { namespace } = client.metadata
  return [clientId, ...(client.spec.serviceAccounts ?? []).map(account => ` ${namespace}/${account.name}`)]
}

/** The client as it is where no other stands in its way; undefined for one that does not count. */
export function unopposedClient(
  client: ApiClient | undefined,
  namespace: NamespaceObject | undefined,
  rules: ClientRules,
): ResolvedClient | undefined {
  if (!client || !isPresent(client) || !namespace || installationOf(namespace) !== rules.installation) return undefined
  return ownOf(client, namespace, rules)
}

const owns = new WeakMap<ApiClient, Own>()

/**
 * The client as it is where no other stands in its way. The same each time: one event among thousands of clients of a
 * namespace must not cost the digests of all of them.
 */
function ownOf(
  client: ApiClient,
  namespace: NamespaceObject,
  { installation, issuerUrl }: ClientRules,
): ResolvedClient {
  const known = owns.get(client)
  if (known?.namespace === namespace && known.installation === installation && known.issuerUrl === issuerUrl) {
    return known.resolved
  }
  const namespaceUid = namespace.metadata.uid ?? namespace.metadata.name
  const clientId = clientIdOf(client, namespaceUid, installation)
  const organization = organizationOf(namespace)
  const resolved: ResolvedClient = {
    key: keyOf(client),
    client,
    clientId,
    namespaceUid,
    installation,
    issuer: issuerOf(issuerUrl, clientId),
    accepted: true,
    reason: 'Accepted',
    message: `The client id is ${clientId}.`,
    suspended: client.spec.suspended ?? false,
    ...(organization !== undefined && { organization }),
    serviceAccounts: (client.spec.serviceAccounts ?? []).map(account => account.name),
    createdAt: secondsOf(client.metadata.creationTimestamp) ?? 0,
  }
  owns.set(client, { namespace, installation, issuerUrl, resolved })
  return resolved
}

interface ClientFault {
  readonly reason: ClientReason
  readonly message: string
}

function notAllowed(client: ApiClient, rules: ClientRules): ClientFault | undefined {
  const { clientId } = client.spec
  if (clientId === undefined) return undefined
  const { namespace } = client.metadata
  const listed = rules.clientIds.get(clientId)
  if (listed === undefined ? clientId.startsWith(`${namespace}.`) : listed === keyOf(client)) return undefined
  return {
    reason: 'ClientIdNotAllowed',
    message:
      listed === undefined
        ? `The client id ${clientId} must begin with "${namespace}.", or the chart value clientIds must give it to ${keyOf(client)}.`
        : `The chart value clientIds gives the client id ${clientId} to another ApiClient. Choose another one in a new ApiClient.`,
  }
}

function idTaken(clientId: string, ids: ReadonlyMap<string, string>): ClientFault | undefined {
  const holder = ids.get(clientId)
  if (holder === undefined) return undefined
  return {
    reason: 'ClientIdTaken',
    message: `The older ApiClient ${holder} holds the client id ${clientId}. Choose another one in a new ApiClient.`,
  }
}

function accountTaken(wanted: readonly string[], accounts: ReadonlyMap<string, string>): ClientFault | undefined {
  const taken = wanted.find(account => accounts.has(account))
  if (taken === undefined) return undefined
  return {
    reason: 'ServiceAccountTaken',
    message: `The older ApiClient ${accounts.get(taken)} holds the service account ${taken}. Remove it from one of the two.`,
  }
}

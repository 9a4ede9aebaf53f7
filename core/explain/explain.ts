import type { Identity } from '../base/identity.ts'
import { reasons } from '../base/reasons.ts'
import type { CredentialStanding } from '../credential/explanation.ts'
import type { Endpoint } from '../matching/route-table.ts'
import { assumedIdentity, assumeKeys } from '../policy/assume-keys.ts'
import {
  askedCredential,
  credentialsOf,
  type GrantStanding,
  grantsOf,
  identityOfCredential,
} from '../policy/client-standing.ts'
import { decide } from '../policy/decide.ts'
import { type Decision, passes } from '../policy/decision.ts'
import { checkFreshness } from '../policy/freshness.ts'
import { policyInForce } from '../policy/policy-in-force.ts'
import { parseRow } from '../rows/parse-row.ts'
import type { ClientRow, ClusterRow, Row, ServiceRow } from '../rows/rows.ts'
import { snapshotOfRows } from '../snapshot/snapshot-of-rows.ts'
import { type Nearest, nearestRule } from './nearest-rule.ts'
import { type Change, suggestChange } from './suggest-change.ts'

export interface WhyQuestion {
  /** The ApiClient: `namespace/name`, or its client id. */
  readonly client: string
  /** `kid`, name of the AccessKey, or `serviceaccount:<name>`; else the first that counts. */
  readonly key?: string | undefined
  readonly method: string
  /** Path, with its query if there is one. */
  readonly target: string
  /** Manifests hold no minted keys: `Assumed` takes a client without keys to have a good one. */
  readonly keys: 'Stored' | 'Assumed'
  /** Names of the client's AccessKeys that the operator mints: with `Assumed` each is taken to be good. */
  readonly minted?: readonly string[] | undefined
  /** Its AccessKeys with a public key of their own that is none: they count as no key, and are no reason to take one to be good. */
  readonly unfit?: readonly UnfitKey[] | undefined
  /** Since the issuer last confirmed the policy; undefined where that says nothing. */
  readonly ageSeconds?: number | undefined
  /** Seconds since epoch. */
  readonly now: number
}

export interface UnfitKey {
  readonly accessKey: string
  readonly fault: string
}

/** All that leads to one decision. */
export interface Explanation {
  readonly service: string
  /** What happens to the call; `audit`: let through, and Enforce would deny it. */
  readonly outcome: 'allow' | 'deny' | 'audit'
  readonly decision: Decision
  /** Absent: no grant at this service names the client, so its guards do not know it. */
  readonly client?: {
    /** `namespace/name` */
    readonly name: string
    readonly clientId: string
    readonly suspended: boolean
    readonly organization?: string
  }
  readonly credentials: readonly CredentialStanding[]
  /** The credential that the answer is about: one of the list, or `assumed`. */
  readonly credential?: string
  readonly grants: readonly GrantStanding[]
  /** The route or public path that decides. */
  readonly endpoint?: { readonly route?: string; readonly template: string; readonly permission?: string }
  /** What the policy says whatever the credential is: where it allows, there is nothing to grant. */
  readonly policy: Decision
  readonly nearest?: Nearest
  /** What would make the policy allow the call. */
  readonly change?: Change
}

/**
 * Why a call is decided as it is, from the rows a guard decides from; undefined when they are no slice. What concerns
 * other clients is put aside first: a slice may hold many thousands, and this may run in the memory of a guard.
 */
export function explain(slice: readonly Row[], question: WhyQuestion): Explanation | undefined {
  const { now } = question
  const found = clientOf(slice, question.client)
  const rows = slice.flatMap(row => concerning(row, found?.clientId))
  const service = snapshotOfRows(rows)?.service
  if (!service) return undefined
  // What this version does not understand is decided on, as `policy_unsupported`, and not looked into.
  const understood = rows.filter(row => !('unsupported' in parseRow(row)))
  const client = clientOf(understood, question.client)
  const credentials = client ? [...credentialsOf(client, now), ...(question.unfit ?? []).map(standingOf)] : []
  const cluster = understood.find(row => row.type === 'cluster')
  const caller = callerOf(question, client, credentials, { service, cluster })
  const decision = decisionOf(caller.assumed ? assumeKeys(rows) : rows, caller.identity, question)
  const grants = client ? grantsOf(understood, client.clientId, now) : []
  return {
    service: `${service.namespace}/${service.name}`,
    outcome: decision.allow ? 'allow' : passes(decision, service) ? 'audit' : 'deny',
    decision: withoutIdentity(decision),
    ...(client && { client: summaryOf(client) }),
    credentials,
    ...(caller.name !== undefined && { credential: caller.name }),
    grants,
    ...policyOf(understood, { slice, question, client, grants, service, decision }),
  }
}

function standingOf({ accessKey, fault }: UnfitKey): CredentialStanding {
  return { key: 'no key', accessKey, fault }
}

/** The row as far as it concerns this client: not the others, nor the grants that do not name it. */
function concerning(row: Row, clientId: string | undefined): Row[] {
  if (row.type === 'client') return row.clientId === clientId ? [row] : []
  if (row.type !== 'grant' || !Array.isArray(row.clients)) return [row]
  return clientId !== undefined && row.clients.includes(clientId) ? [{ ...row, clients: [clientId] }] : []
}

function clientOf(rows: readonly Row[], asked: string): ClientRow | undefined {
  // A client id holds no slash, and a name always does.
  const isAsked = asked.includes('/')
    ? (row: ClientRow) => nameOf(row) === asked
    : ({ clientId }: ClientRow) => clientId === asked
  return rows.find((row): row is ClientRow => row.type === 'client' && isAsked(row))
}

function nameOf({ namespace, name }: ClientRow): string {
  return `${namespace}/${name}`
}

function summaryOf(client: ClientRow): NonNullable<Explanation['client']> {
  const { clientId, suspended, organization } = client
  return { name: nameOf(client), clientId, suspended, ...(organization !== undefined && { organization }) }
}

/** Who calls stands beside it, in words. */
function withoutIdentity({ identity: _, ...decision }: Decision): Decision {
  return decision as Decision
}

interface AssumedCaller {
  readonly name?: string | undefined
  readonly identity: Identity | undefined
  readonly assumed: boolean
}

function callerOf(
  { key, keys, minted = [], unfit = [], now }: WhyQuestion,
  client: ClientRow | undefined,
  credentials: readonly CredentialStanding[],
  { service: { audience }, cluster }: { readonly service: ServiceRow; readonly cluster: ClusterRow | undefined },
): AssumedCaller {
  const isOnlyMinted = credentials.length === unfit.length && (unfit.length === 0 || minted.length > 0)
  const isMinted = key === undefined ? isOnlyMinted : minted.includes(key)
  if (client && keys === 'Assumed' && isMinted && !client.suspended) {
    return { name: 'assumed', identity: assumedIdentity(client, audience, now), assumed: true }
  }
  const asked = askedCredential(credentials, key)
  const identity = client && identityOfCredential(client, asked, { audience, cluster, now })
  return { name: asked?.key, identity, assumed: false }
}

/** As the guard decides; an unknown or unproved caller is told no more than `invalid_token`. */
function decisionOf(rows: readonly Row[], identity: Identity | undefined, question: WhyQuestion): Decision {
  const { method, target, ageSeconds, now } = question
  const snapshot = snapshotOfRows(rows)
  if (!snapshot) return { allow: false, reason: 'policy_missing' }
  const decision = decide({ method, target }, identity ?? 'invalid_token', snapshot, now)
  if (!decision.allow && reasons[decision.reason].status === 400) return decision
  const unfit = ageSeconds === undefined ? undefined : checkFreshness(snapshot, ageSeconds)
  return unfit ? { allow: false, reason: unfit } : decision
}

/** What the policy alone says, how close it comes, and what would change it. */
function policyOf(
  rows: readonly Row[],
  found: {
    slice: readonly Row[]
    question: WhyQuestion
    client: ClientRow | undefined
    grants: readonly GrantStanding[]
    service: ServiceRow
    decision: Decision
  },
): Pick<Explanation, 'policy' | 'endpoint' | 'nearest' | 'change'> {
  const { slice, question, client, grants, service, decision } = found
  const { method, target, now } = question
  const path = target.split('?', 1)[0] ?? ''
  const inForce = policyInForce(rows, now)
  if (!inForce) return { policy: decision }
  const name = client ? nameOf(client) : question.client
  const policy = withoutIdentity(inForce.decide(name, method, target))
  const endpoint = inForce.endpoint(method, path)
  const isGrantable = !policy.allow && (policy.missing !== undefined || policy.reason === 'grant_expired')
  const nearest = isGrantable ? nearestRule(rows, { client, grants, method, path, endpoint }) : undefined
  const asked = { client: name, method, path, service, decision: policy, nearest, endpoint, now }
  // An object names a client by its name, which an unknown id does not tell.
  const change = name.includes('/') ? suggestChange(slice, asked) : undefined
  return {
    policy,
    ...(endpoint && { endpoint: endpointOf(endpoint) }),
    ...(nearest && { nearest }),
    ...(change && { change }),
  }
}

function endpointOf({ name, template, permission }: Endpoint): NonNullable<Explanation['endpoint']> {
  return {
    ...(name !== undefined && { route: name }),
    template,
    ...(permission && { permission: `${permission.action} ${permission.resource}` }),
  }
}

import type { Identity } from '../base/identity.ts'
import type { DenyReason } from '../base/reasons.ts'
import { lookup } from '../base/shared-map.ts'
import type { ClientRow, ServiceAccountRow } from '../rows/rows.ts'
import { type ClientEntry, type ClusterEntry, keyObjectOf } from '../snapshot/client-entry.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'
import { bearerPlaces } from './bearer.ts'
import { type ClaimCheck, checkAudienceForm, firstFault, needs, timeChecks } from './claim-checks.ts'
import { type Claims, checkTimes, readAudience, type TokenTimes, timesOf } from './claims.ts'
import { toleranceSeconds } from './client-token-claims.ts'
import type { CompactToken } from './compact.ts'
import type { CredentialEntry } from './entry.ts'
import type { CredentialExplanation } from './explanation.ts'
import { type PodBinding, readBinding } from './pod-binding.ts'
import { nameOf, signatureCauses, written } from './signature-causes.ts'
import { isSignedBy } from './signed.ts'
import { checkService, checkStanding } from './standing.ts'
import { claimFaults, keyFaults, type TokenFault, tokenFault } from './token-faults.ts'

/** A token that Kubernetes projected into a pod. */
export const serviceAccountToken: CredentialEntry = {
  kind: 'ServiceAccountToken',
  ...bearerPlaces,
  bindsRequest: false,
  isSigned: true,
  isOf: ({ token }, { cluster }) => cluster !== undefined && token?.payload.iss === cluster.issuer,
  prove: ({ token }, snapshot, now) =>
    token && snapshot.cluster ? prove(token, snapshot.cluster, snapshot, now) : 'invalid_token',
  claimedBy: ({ iss }, { cluster }) => (iss === cluster?.issuer ? iss : undefined),
  /** An account can be listed by another client, and a client can have another identity. */
  namesStill({ clientId, client, key }, { clientsBy }) {
    const namespace = client.slice(0, client.indexOf('/'))
    const clients = lookup(clientsBy.ServiceAccountToken, `${namespace}/${key.slice(keyPrefix.length)}`)
    return clients?.length === 1 && clients[0]?.row.clientId === clientId
  },
  /** The cluster's key must still be one that signs: it may have been taken away because somebody else has it. */
  checkStanding({ proof }, { row }, { cluster }) {
    const signs = cluster?.issuer === proof.issuer && cluster.keys.some(({ row: { kid } }) => kid === stands(proof).kid)
    return signs ? checkStanding(row, undefined, 0) : 'invalid_token'
  },
  checkUse(identity, { row }, service) {
    const fault = checkService(identity, service)
    if (fault) return fault
    const { uid, pod } = stands(identity.proof)
    const account = row.serviceAccounts?.find(one => one.uid === uid)
    return account && pod !== undefined && account.pods.includes(pod) ? undefined : 'pod_unknown'
  },
  boundsOf: () => undefined,
}

/** What the identity stands on: it ends with its pod, its service account and the key of the cluster. */
type Anchors = {
  readonly uid: string
  readonly pod: string
  readonly kid: string
}

function stands({ anchors }: Identity['proof']): Partial<Anchors> {
  return anchors ?? {}
}

const longestLife = 86_400 + toleranceSeconds
const claimNames = ['iss', 'sub', 'aud', 'iat', 'exp', 'kubernetes.io'] as const

/** What it must say, in the order in which a fault is told: this is told before its audience is compared. */
const formChecks: readonly ClaimCheck[] = [
  ({ header }) => (isType(header.typ) ? undefined : 'typ_invalid'),
  needs(claimNames),
  ({ payload }) => {
    const bound = readBinding(payload)
    if (!bound) return 'claim_missing'
    const { namespace, serviceAccount } = bound
    return payload.sub === `system:serviceaccount:${namespace}:${serviceAccount.name}` ? undefined : 'sub_invalid'
  },
  checkAudienceForm,
]

/**
 * Told after it. The token that every pod has is for the API server and lives a year: to mend its life, as its holder
 * would be told to, helps nobody.
 */
const lifeChecks: readonly ClaimCheck[] = timeChecks(longestLife)

/** None or `JWT`: what Kubernetes writes, and nothing that another kind of token has. */
function isType(typ: unknown): boolean {
  return typ === undefined || (typeof typ === 'string' && typ.length === 3 && typ.toUpperCase() === 'JWT')
}

/**
 * See verifyToken for the order of the checks. Client, service account and pod are found by their names and must be the
 * same objects still: uids are compared. A client may be younger than the token, because the pod was there before: what
 * counts is the service account. A service account that is proved and belongs to no client of this slice is as unknown
 * as a client that nobody granted anything.
 */
function prove(token: CompactToken, cluster: ClusterEntry, snapshot: Snapshot, now: number): Identity | DenyReason {
  const key = cluster.keys.find(({ row }) => row.kid === token.header.kid)
  if (!key || !isSignedBy(token, key.row.alg, keyObjectOf(key, key.row.alg))) return 'invalid_token'
  const claims = token.payload
  const bound = readBinding(claims)
  const clients =
    bound && lookup(snapshot.clientsBy.ServiceAccountToken, `${bound.namespace}/${bound.serviceAccount.name}`)
  const client = clients?.length === 1 ? clients[0] : undefined
  if (client && checkStanding(client.row, undefined, now)) return 'client_suspended'
  const fault = firstFault(formChecks, token)
  if (fault) return fault
  if (readAudience(claims) !== snapshot.service?.audience) return 'wrong_audience'
  const untimely = firstFault(lifeChecks, token)
  if (untimely) return untimely
  if (!client || !bound) return 'invalid_token'
  const times = timesOf(claims)
  const ended = checkTimes(claims, times, now)
  if (ended) return ended
  if (!snapshot.service?.accepts.includes('ServiceAccountToken')) return 'credential_unsupported'
  const account = accountOf(client, bound)
  if (!account) return 'pod_unknown'
  const anchors = { uid: account.uid, pod: bound.pod.uid, kid: key.row.kid }
  const { audience } = snapshot.service
  return identityOf(client.row, account, times, { audience, issuer: cluster.issuer, anchors })
}

function accountOf(
  { row }: ClientEntry,
  { namespace, serviceAccount, pod }: PodBinding,
): ServiceAccountRow | undefined {
  if (row.namespace !== namespace) return undefined
  return row.serviceAccounts?.find(
    ({ name, uid, pods }) => name === serviceAccount.name && uid === serviceAccount.uid && pods.includes(pod.uid),
  )
}

const noScopes: readonly string[] = []

function identityOf(
  row: ClientRow,
  account: ServiceAccountRow,
  { issuedAt, expiresAt }: TokenTimes,
  proof: { readonly audience: string; readonly issuer: string; readonly anchors: Anchors },
): Identity {
  const endsAt = expiresAt + toleranceSeconds
  return {
    clientId: row.clientId,
    client: `${row.namespace}/${row.name}`,
    key: keyOf(account),
    credential: 'ServiceAccountToken',
    subject: row.clientId,
    scopes: noScopes,
    expiresAt: endsAt,
    proof: { issuedAt, endsAt, audience: proof.audience, issuer: proof.issuer, anchors: proof.anchors },
  }
}

const keyPrefix = 'serviceaccount:'

function keyOf({ name }: ServiceAccountRow): string {
  return keyPrefix + name
}

/** What people are told of service account tokens. */
export const serviceAccountTokenExplanation: CredentialExplanation = {
  words: 'service account token',
  /** A guard tells them apart by the issuer of the cluster, which is not known here. */
  looksLike({ token }) {
    if (!token) return false
    const { sub } = token.payload
    const isOfKubernetes = typeof sub === 'string' && sub.startsWith('system:serviceaccount:')
    return isOfKubernetes || Object.hasOwn(token.payload, 'kubernetes.io')
  },
  faultsOf: ({ token }) =>
    token
      ? [
          ...keyFaults(token, ['RS256', 'ES256']),
          ...claimFaults(formChecks, token, { names: claimNames }),
          ...apiServerFault(token.payload),
          ...claimFaults(lifeChecks, token, { names: claimNames }),
        ]
      : [],
  causesOf: ({ token }, snapshot) => (token ? causesOf(token, snapshot) : []),
  beyondManifests: () => 'service account tokens need a cluster, whose keys and pods no manifest has',
  standingsOf: client =>
    (client.serviceAccounts ?? []).map(account => {
      const fault = client.suspended ? 'client_suspended' : account.pods.length === 0 ? 'no pod runs as it' : undefined
      return { key: keyOf(account), ...(fault && { fault }) }
    }),
  freshIdentity(client, key, { audience, cluster, now }) {
    const account = client.serviceAccounts?.find(one => keyOf(one) === key)
    const pod = account?.pods[0]
    const kid = cluster?.keys[0]?.kid
    if (!account || pod === undefined || !cluster || kid === undefined) return undefined
    const times = { issuedAt: now, expiresAt: Number.MAX_SAFE_INTEGER - toleranceSeconds }
    const anchors = { uid: account.uid, pod, kid }
    return identityOf(client, account, times, { audience, issuer: cluster.issuer, anchors })
  },
}

const apiServer = /^https:\/\/kubernetes\.default(?:\.svc(?:\.[a-z0-9.-]+)?)?$/

/** The token that every pod has is for the API server, whose audience is its own issuer unless it was told another. */
function apiServerFault(claims: Claims): TokenFault[] {
  const audience = readAudience(claims)
  if (audience === undefined || !(audience === claims.iss || apiServer.test(audience))) return []
  const hint =
    'Have Kubernetes project a token for the service: a volume with serviceAccountToken and the audience of the service.'
  return [tokenFault('wrong_audience', `aud is ${audience}: the token is for the Kubernetes API`, hint)]
}

function causesOf(token: CompactToken, { cluster, clientsBy }: Snapshot): (string | undefined)[] {
  const { iss } = token.payload
  if (!cluster) return ['This policy has no keys of service account tokens.']
  const key = cluster.keys.find(({ row }) => row.kid === token.header.kid)
  const bound = readBinding(token.payload)
  const account = bound && `${bound.namespace}/${bound.serviceAccount.name}`
  const clients = account === undefined ? undefined : (lookup(clientsBy.ServiceAccountToken, account) ?? [])
  return [
    iss === cluster.issuer
      ? undefined
      : `iss is ${written(iss)}; service account tokens of this cluster have ${cluster.issuer}: it is of another cluster.`,
    ...(key
      ? signatureCauses(token, key, key.row.alg, 'the cluster')
      : [`kid ${written(token.header.kid)} is no key of this cluster's service account tokens.`]),
    clients?.length === 0
      ? `No client that this policy knows lists the service account ${account}: see spec.serviceAccounts of its ApiClient, and whether it is granted anything here.`
      : undefined,
    clients !== undefined && clients.length > 1
      ? `Several clients list the service account ${account}: ${clients.map(nameOf).join(', ')}. It is taken for none of them.`
      : undefined,
  ]
}

import { algorithms } from '../keys/algorithms.ts'
import { verifySignature } from '../keys/signature.ts'
import type { DenyReason, Identity } from '../policy/decision.ts'
import { type ClientEntry, type ClusterEntry, keyObjectOf } from '../snapshot/client-entry.ts'
import type { ServiceAccountRow } from '../snapshot/rows.ts'
import { lookup } from '../snapshot/shared-map.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'
import { checkTimes, readAudience, readTimes } from './claims.ts'
import { toleranceSeconds } from './client-token.ts'
import type { CompactToken } from './compact.ts'
import { checkStanding } from './standing.ts'

const maxLifetimeSeconds = 86_400
const noScopes: readonly string[] = []

/**
 * A token that Kubernetes projected into a pod; see verifyToken for the order of the checks. Client, service account
 * and pod are found by their names and must be the same objects still: uids are compared. A client may be younger than
 * the token, because the pod was there before: what counts is the service account. A service account that is proved
 * and belongs to no client of this slice is `not_granted`.
 */
export function verifyServiceAccountToken(
  token: CompactToken,
  cluster: ClusterEntry,
  snapshot: Snapshot,
  now: number,
): Identity | DenyReason {
  if (!isServiceAccountTokenType(token.header.typ) || !isSignedBy(token, cluster)) return 'invalid_token'
  const bound = readBinding(token.payload)
  if (!bound) return 'invalid_token'
  const clients = lookup(snapshot.clientsByServiceAccount, `${bound.namespace}/${bound.serviceAccount.name}`)
  const client = clients?.length === 1 ? clients[0] : undefined
  if (client && checkStanding(client.row, undefined, now)) return 'client_suspended'
  const times = readTimes(token.payload, maxLifetimeSeconds + toleranceSeconds)
  const audience = readAudience(token.payload)
  if (!times || audience === undefined) return 'invalid_token'
  const fault = checkTimes(token.payload, times, now)
  if (fault) return fault
  if (audience !== snapshot.service?.audience) return 'wrong_audience'
  if (!snapshot.service.accepts.includes('ServiceAccountToken')) return 'credential_unsupported'
  if (!client) return clients ? 'invalid_token' : 'not_granted'
  const account = accountOf(client, bound)
  return account ? identity(client, account, bound, times, audience) : 'invalid_token'
}

/** None or `JWT`: what Kubernetes writes, and nothing that another kind of token has. */
function isServiceAccountTokenType(typ: unknown): boolean {
  return typ === undefined || (typeof typ === 'string' && typ.length === 3 && typ.toUpperCase() === 'JWT')
}

function isSignedBy({ header, signingInput, signature }: CompactToken, cluster: ClusterEntry): boolean {
  const entry = cluster.keys.find(({ row }) => row.kid === header.kid)
  if (!entry || typeof header.alg !== 'string') return false
  const { alg } = entry.row
  if (!algorithms[alg].tokenAlgorithms.includes(header.alg)) return false
  const publicKey = keyObjectOf(entry, alg)
  return publicKey !== undefined && verifySignature(alg, publicKey, signingInput, signature)
}

interface Named {
  readonly name: string
  readonly uid: string
}

interface Binding {
  readonly namespace: string
  readonly serviceAccount: Named
  readonly pod: Named
}

/** The claim `kubernetes.io`; a token that is bound to no pod has no end that we could see. */
function readBinding(claims: CompactToken['payload']): Binding | undefined {
  const bound = object(claims['kubernetes.io'])
  const serviceAccount = named(bound?.serviceaccount)
  const pod = named(bound?.pod)
  const namespace = bound?.namespace
  if (typeof namespace !== 'string' || !serviceAccount || !pod) return undefined
  if (claims.sub !== `system:serviceaccount:${namespace}:${serviceAccount.name}`) return undefined
  return { namespace, serviceAccount, pod }
}

function named(value: unknown): Named | undefined {
  const { name, uid } = object(value) ?? {}
  return typeof name === 'string' && typeof uid === 'string' && name !== '' && uid !== '' ? { name, uid } : undefined
}

function object(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
}

function accountOf({ row }: ClientEntry, { namespace, serviceAccount, pod }: Binding): ServiceAccountRow | undefined {
  if (row.namespace !== namespace) return undefined
  return row.serviceAccounts?.find(
    ({ name, uid, pods }) => name === serviceAccount.name && uid === serviceAccount.uid && pods.includes(pod.uid),
  )
}

function identity(
  { row }: ClientEntry,
  account: ServiceAccountRow,
  { pod }: Binding,
  times: { readonly issuedAt: number; readonly expiresAt: number },
  audience: string,
): Identity {
  return {
    clientId: row.clientId,
    client: `${row.namespace}/${row.name}`,
    key: `serviceaccount:${account.name}`,
    credential: 'ServiceAccountToken',
    subject: row.clientId,
    scopes: noScopes,
    expiresAt: times.expiresAt + toleranceSeconds,
    proof: { issuedAt: times.issuedAt, audience, serviceAccountUid: account.uid, podUid: pod.uid },
  }
}

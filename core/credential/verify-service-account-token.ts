import type { Identity } from '../base/identity.ts'
import type { DenyReason } from '../base/reasons.ts'
import { lookup } from '../base/shared-map.ts'
import type { ServiceAccountRow } from '../rows/rows.ts'
import { type ClientEntry, type ClusterEntry, keyObjectOf } from '../snapshot/client-entry.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'
import { firstFault, serviceAccountTokenFormChecks, serviceAccountTokenTimeChecks } from './claim-checks.ts'
import { checkTimes, readAudience, type TokenTimes, timesOf } from './claims.ts'
import { toleranceSeconds } from './client-token.ts'
import type { CompactToken } from './compact.ts'
import { type PodBinding, readBinding } from './pod-binding.ts'
import { isSignedBy } from './signed.ts'
import { checkStanding } from './standing.ts'

const noScopes: readonly string[] = []

/**
 * A token that Kubernetes projected into a pod; see verifyToken for the order of the checks. Client, service account
 * and pod are found by their names and must be the same objects still: uids are compared. A client may be younger than
 * the token, because the pod was there before: what counts is the service account. A service account that is proved
 * and belongs to no client of this slice is as unknown as a client that nobody granted anything.
 */
export function verifyServiceAccountToken(
  token: CompactToken,
  cluster: ClusterEntry,
  snapshot: Snapshot,
  now: number,
): Identity | DenyReason {
  const key = cluster.keys.find(({ row }) => row.kid === token.header.kid)
  if (!key || !isSignedBy(token, key.row.alg, keyObjectOf(key, key.row.alg))) return 'invalid_token'
  const claims = token.payload
  const bound = readBinding(claims)
  const clients = bound && lookup(snapshot.clientsByServiceAccount, `${bound.namespace}/${bound.serviceAccount.name}`)
  const client = clients?.length === 1 ? clients[0] : undefined
  if (client && checkStanding(client.row, undefined, now)) return 'client_suspended'
  const fault = firstFault(serviceAccountTokenFormChecks, token)
  if (fault) return fault
  if (readAudience(claims) !== snapshot.service?.audience) return 'wrong_audience'
  const untimely = firstFault(serviceAccountTokenTimeChecks, token)
  if (untimely) return untimely
  if (!client || !bound) return 'invalid_token'
  const times = timesOf(claims)
  const ended = checkTimes(claims, times, now)
  if (ended) return ended
  if (!snapshot.service?.accepts.includes('ServiceAccountToken')) return 'credential_unsupported'
  const account = accountOf(client, bound)
  if (!account) return 'pod_unknown'
  return identity(client, account, bound, times, {
    audience: snapshot.service.audience,
    issuer: cluster.issuer,
    clusterKid: key.row.kid,
  })
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

function identity(
  { row }: ClientEntry,
  account: ServiceAccountRow,
  { pod }: PodBinding,
  times: TokenTimes,
  proof: { readonly audience: string; readonly issuer: string; readonly clusterKid: string },
): Identity {
  const endsAt = times.expiresAt + toleranceSeconds
  return {
    clientId: row.clientId,
    client: `${row.namespace}/${row.name}`,
    key: `serviceaccount:${account.name}`,
    credential: 'ServiceAccountToken',
    subject: row.clientId,
    scopes: noScopes,
    expiresAt: endsAt,
    proof: { ...proof, issuedAt: times.issuedAt, endsAt, serviceAccountUid: account.uid, podUid: pod.uid },
  }
}

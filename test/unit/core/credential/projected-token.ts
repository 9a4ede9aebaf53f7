import type { ServiceAccountRow } from '../../../../core/rows/rows.ts'
import { audience, clientRow, clusterIssuer, es256Key, type KeyPair, now, signToken } from '../fixture.ts'

/** The service account of the main client, and its pods. */
export const account: ServiceAccountRow = { name: 'invoices', uid: 'sa-uid', pods: ['pod-uid', 'pod-uid-2'] }
export const podClient = clientRow({ keys: [], serviceAccounts: [account] })

/** What Kubernetes says of the pod in the claim `kubernetes.io`. */
export const bound = {
  namespace: 'billing',
  serviceaccount: { name: 'invoices', uid: 'sa-uid' },
  pod: { name: 'invoices-1', uid: 'pod-uid' },
  node: { name: 'n', uid: 'u' },
}

/** A good token of the first pod, with these things changed; undefined takes one away. */
export function projectedToken(
  changes: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
  key: KeyPair = es256Key,
): string {
  const claims = {
    iss: clusterIssuer,
    sub: 'system:serviceaccount:billing:invoices',
    aud: [audience],
    iat: now,
    nbf: now,
    exp: now + 3_600,
    jti: '1',
    'kubernetes.io': bound,
    ...changes,
  }
  return signToken({ alg: key.algorithm, kid: key.kid, ...header }, claims, key)
}

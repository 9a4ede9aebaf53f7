import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import type { PublicJwk } from '../../core/api/access-key.ts'
import { thumbprint } from '../../core/jose/jwk.ts'
import type { ClusterRow, Row } from '../../core/rows/rows.ts'
import { audience, nowSeconds, rowsOf } from './policy-rows.ts'

// A cluster's tokens, as kube-apiserver writes them.

export const clusterIssuer = 'https://kubernetes.default.svc.cluster.local'
const cluster = generateKeyPairSync('rsa', { modulusLength: 2048 })
const clusterJwk = cluster.publicKey.export({ format: 'jwk' }) as PublicJwk
export const clusterKid = thumbprint(clusterJwk)

/** Alice's pod, whose uid is `c1c8-pod`. */
export const account = { name: 'alice', uid: 'b0b7-sa', pods: ['c1c8-pod'] }

export const clusterRow: ClusterRow = {
  type: 'cluster',
  issuer: clusterIssuer,
  keys: [{ kid: clusterKid, alg: 'RS256', publicKey: clusterJwk }],
}

/** The usual rows, with a service account of Alice's that these pods run as. */
export function podRows(
  pods: readonly string[] = account.pods,
  change: NonNullable<Parameters<typeof rowsOf>[0]> = {},
): Row[] {
  return [...rowsOf({ ...change, alice: { ...change.alice, serviceAccounts: [{ ...account, pods }] } }), clusterRow]
}

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
export const jws = (header: object, claims: object, key: KeyObject = cluster.privateKey): string => {
  const input = `${part(header)}.${part(claims)}`
  return `${input}.${sign('RSA-SHA256', Buffer.from(input), key).toString('base64url')}`
}

/** As a projected volume of a pod holds it, with these things changed. */
export function podToken(claims: object = {}, header: object = {}, key?: KeyObject): string {
  const now = nowSeconds()
  return jws(
    { alg: 'RS256', kid: clusterKid, ...header },
    {
      aud: [audience],
      exp: now + 3_607,
      iat: now,
      iss: clusterIssuer,
      jti: '0b0f1e0c-7f0e-4b0e-9d55-7d4a4a0e6f5d',
      'kubernetes.io': {
        namespace: 'callers',
        node: { name: 'worker-1', uid: 'd2d9-node' },
        pod: { name: 'alice-6d5f8b7c9-x2x4z', uid: 'c1c8-pod' },
        serviceaccount: { name: 'alice', uid: 'b0b7-sa' },
        warnafter: now + 3_607,
      },
      nbf: now,
      sub: 'system:serviceaccount:callers:alice',
      ...claims,
    },
    key,
  )
}

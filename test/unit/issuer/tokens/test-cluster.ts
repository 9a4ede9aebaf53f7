import { generateKeyPairSync, sign } from 'node:crypto'
import { thumbprint } from '../../../../core/jose/jwk.ts'
import type { ClusterRow } from '../../../../core/rows/rows.ts'

const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/**
 * What of a Kubernetes cluster tokens are proved by: its keys, its service account tokens, and its reviews of them.
 * @param issuerUrl of the installation
 */
export function createTestCluster(issuerUrl: string) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = { ...publicKey.export({ format: 'jwk' }) }
  const kid = thumbprint(jwk)
  const row = {
    type: 'cluster',
    issuer: 'https://cluster.test',
    keys: [{ kid, alg: 'ES256', publicKey: jwk }],
  } as unknown as ClusterRow
  /** `<user> <namespace>/<name>` of who may enforce where. */
  const rights = new Set<string>()
  const state = { row: row as ClusterRow | undefined, away: false, reviews: 0, asked: 0 }

  /** A token of the pod `<account>-0` of a service account, or what the test makes of it. */
  function token(account: string, claims: object = {}): string {
    const [namespace = '', name = ''] = account.split('/')
    const now = Math.floor(Date.now() / 1_000)
    const bound = { serviceaccount: { name, uid: `uid-${name}` }, pod: { name: `${name}-0`, uid: `uid-${name}-0` } }
    const said = {
      ...{
        iss: row.issuer,
        sub: `system:serviceaccount:${namespace}:${name}`,
        aud: [`${issuerUrl}/services/shop/orders`],
      },
      ...{ iat: now, exp: now + 3_600, 'kubernetes.io': { namespace, ...bound }, ...claims },
    }
    const input = `${encoded({ alg: 'ES256', kid })}.${encoded(said)}`
    const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' })
    return `${input}.${signature.toString('base64url')}`
  }

  async function raw(_method: string, path: string, asked: { spec: Record<string, never> }): Promise<unknown> {
    if (state.away) throw new Error('the API server is away')
    if (path.endsWith('/tokenreviews')) {
      state.reviews++
      const { sub, aud } = JSON.parse(Buffer.from(String(asked.spec.token).split('.')[1] ?? '', 'base64url').toString())
      const [audience] = asked.spec.audiences as unknown as string[]
      return { status: { authenticated: aud.includes(audience), audiences: [audience], user: { username: sub } } }
    }
    state.asked++
    const { user, resourceAttributes } = asked.spec as unknown as {
      user: string
      resourceAttributes: { verb: string; namespace: string; name: string }
    }
    const { verb, namespace, name } = resourceAttributes
    return { status: { allowed: verb === 'enforce' && rights.has(`${user} ${namespace}/${name}`) } }
  }

  return Object.assign(state, {
    api: { raw } as never,
    token,
    /** What a service account sends that asks for a service. */
    bearer: (account: string, claims: object = {}) => `Bearer ${token(account, { aud: [issuerUrl], ...claims })}`,
    allow: (account: string, service: string) =>
      void rights.add(`system:serviceaccount:${account.replace('/', ':')} ${service}`),
  })
}

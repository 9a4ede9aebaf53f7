import { isAllowed, type UserInfo } from '../../platform/kube/access-review.ts'
import type { KubeClient, Resource } from '../../platform/kube/client.ts'
import { guardedServices } from '../../platform/kube/resources.ts'
import { endOf } from './look-at-token.ts'

/** Who holds a token, as the API server says. */
export interface Holder {
  readonly user: UserInfo
  /** The pod the token is bound to. */
  readonly pod?: { readonly namespace: string; readonly name: string; readonly uid: string }
  /** End of the token, seconds since epoch. */
  readonly expiresAt: number
}

/** An object that somebody asks about. Without a name: all of the namespace; without both: all there are. */
export interface AskedObject {
  readonly resource: Resource
  readonly namespace: string
  readonly name: string
}

interface TokenReviewAnswer {
  readonly status?: {
    readonly authenticated?: boolean
    readonly audiences?: readonly string[]
    readonly user?: UserInfo
  }
}

/** Asks the API server. Nothing of a token but its end is read here, and that only after the server accepted it. */
export interface Reviewer {
  /** @returns undefined when the token is not good for the audience. @throws KubeError when the server cannot be asked */
  review(token: string): Promise<Holder | undefined>
  /** Whether the holder may `enforce` at the GuardedService. */
  mayEnforce(user: UserInfo, service: { namespace: string; name: string }): Promise<boolean>
  /** Whether the holder may `get` the object. */
  mayGet(user: UserInfo, object: AskedObject): Promise<boolean>
}

export function createReviewer(client: Pick<KubeClient, 'raw'>, audience: string): Reviewer {
  return {
    async review(token) {
      const { status } = await client.raw<TokenReviewAnswer>('POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenReview',
        spec: { token, audiences: [audience] },
      })
      // A server that knows nothing of audiences leaves them out, and would accept the token of any workload.
      if (!status?.authenticated || !status.user || !status.audiences?.includes(audience)) return undefined
      const expiresAt = endOf(token)
      const pod = podOf(status.user)
      return expiresAt === undefined ? undefined : { user: status.user, ...(pod && { pod }), expiresAt }
    },
    mayEnforce: (user, service) => isAllowed(client, user, 'enforce', { resource: guardedServices, ...service }),
    mayGet: (user, object) => isAllowed(client, user, 'get', object),
  }
}

function podOf({ username, extra }: UserInfo): Holder['pod'] {
  const [, namespace] = /^system:serviceaccount:([^:]+):[^:]+$/.exec(username) ?? []
  const [name] = extra?.['authentication.kubernetes.io/pod-name'] ?? []
  const [uid] = extra?.['authentication.kubernetes.io/pod-uid'] ?? []
  return namespace && name && uid ? { namespace, name, uid } : undefined
}

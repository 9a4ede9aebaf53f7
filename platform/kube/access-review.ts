import type { KubeClient, Resource } from './client.ts'

/** Who asks the API server, as it says itself. */
export interface UserInfo {
  readonly username: string
  readonly uid?: string
  readonly groups?: readonly string[]
  readonly extra?: Readonly<Record<string, readonly string[]>>
}

/**
 * Whether the user has this verb on this object, by the API server's own rules.
 * @throws KubeError when it cannot be asked
 */
export async function isAllowed(
  client: Pick<KubeClient, 'raw'>,
  user: UserInfo,
  verb: 'get' | 'enforce',
  object: { readonly resource: Resource; readonly namespace: string; readonly name: string },
): Promise<boolean> {
  const { username, uid, groups, extra } = user
  const { resource, namespace, name } = object
  const answer = await client.raw<{ status?: { allowed?: boolean } }>(
    'POST',
    '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: {
        user: username,
        ...(uid !== undefined && { uid }),
        ...(groups && { groups }),
        ...(extra && { extra }),
        resourceAttributes: { group: resource.group, resource: resource.plural, verb, namespace, name },
      },
    },
  )
  return answer.status?.allowed === true
}

import type { AuthorizationRequest } from '../core/credential/entry.ts'
import { cutQueryKey } from '../core/credential/query-key.ts'
import type { Snapshot } from '../core/snapshot/snapshot.ts'

/**
 * The head with the API key beside its target instead of in it, where the service takes one there. Everything that is made
 * of a request is made of this head. If the policy becomes another one before the decision, a key that was left in the
 * target is refused there.
 */
export function withoutQueryKey<T extends Pick<AuthorizationRequest, 'target'>>(
  head: T,
  snapshot: Snapshot | undefined,
): T & Pick<AuthorizationRequest, 'queryKey'> {
  const name = snapshot?.service?.apiKey?.query
  const cut = name === undefined ? undefined : cutQueryKey(head.target, name)
  return cut ? { ...head, target: cut.target, queryKey: cut.key } : head
}

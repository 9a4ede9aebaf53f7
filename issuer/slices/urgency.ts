import type { AccessKey } from '../../core/api/access-key.ts'
import type { ApiClient } from '../../core/api/api-client.ts'
import type { KubeObject } from '../../platform/kube/client.ts'
import type { Change } from '../../platform/kube/reflector.ts'

/** Whether a change takes access away: those are told at once, the rest may wait for others to come along. */
export function isUrgent(resource: string, change: Change<KubeObject>): boolean {
  const { type, object, old } = change
  if (type === 'added') return false
  if (type === 'deleted' || (object.metadata.deletionTimestamp && !old?.metadata.deletionTimestamp)) {
    return resource !== 'pods'
  }
  if (resource === 'accesskeys') return revokes(object as unknown as AccessKey, old as unknown as AccessKey | undefined)
  if (resource === 'apiclients') return givesUp(object as unknown as ApiClient, old as unknown as ApiClient | undefined)
  // A narrowed role, a client taken out of a grant: seldom enough to treat every edit so.
  return (
    (resource === 'roles' || resource === 'accessgrants') && object.metadata.generation !== old?.metadata.generation
  )
}

function givesUp({ spec }: ApiClient, old: ApiClient | undefined): boolean {
  return spec.suspended === true || spec.identity !== old?.spec.identity
}

function revokes({ spec, status }: AccessKey, old: AccessKey | undefined): boolean {
  const revoked = (key: AccessKey['status']) => key?.keys?.filter(({ state }) => state === 'Revoked').length ?? 0
  return (
    (spec.revoked !== undefined && old?.spec.revoked === undefined) ||
    spec.keysNotBefore !== old?.spec.keysNotBefore ||
    spec.expiresAt !== old?.spec.expiresAt ||
    revoked(status) > revoked(old?.status) ||
    (status?.keys?.length ?? 0) < (old?.status?.keys?.length ?? 0)
  )
}

import { isSameJson } from '../../core/base/canonical-json.ts'
import type { KubeObject } from '../../platform/kube/client.ts'

type Used = KubeObject & { readonly status?: { readonly lastUsedAt?: string }; readonly spec?: unknown }

/** Whether all that changed is when the object was used: nothing has to be looked at for that. */
export function isUseAlone(old: Used | undefined, object: Used): boolean {
  if (!old || old.status?.lastUsedAt === object.status?.lastUsedAt) return false
  return isSameJson(withoutUse(old), withoutUse(object))
}

function withoutUse({ metadata, status, ...rest }: Used): object {
  const { resourceVersion: _, ...same } = metadata
  const { lastUsedAt: __, ...told } = status ?? {}
  return { ...rest, metadata: same, status: told }
}

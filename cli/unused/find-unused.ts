import { secondsOf } from '../../core/base/time.ts'
import type { KubeObject } from '../../platform/kube/client.ts'

/** An object that no call has used for long. */
export interface Unused {
  readonly kind: string
  readonly namespace: string
  readonly name: string
  /** RFC 3339; absent: no use was seen. */
  readonly lastUsedAt?: string
  readonly createdAt: string
  /** Whole days since the last use; since it was made where there was none. */
  readonly unusedDays: number
}

type Used = KubeObject & { readonly status?: { readonly lastUsedAt?: unknown; readonly state?: unknown } }

const daySeconds = 86_400
/** What opens nothing need not be taken away. */
const over: readonly unknown[] = ['Revoked', 'Expired']

/** @returns undefined when it was used, or is too young to tell, or opens nothing any more */
export function findUnused(object: Used, days: number, nowSeconds: number): Unused | undefined {
  const { kind = '', metadata, status } = object
  const { namespace = '', name, creationTimestamp: createdAt = '' } = metadata
  if (metadata.deletionTimestamp !== undefined || over.includes(status?.state)) return undefined
  const told = typeof status?.lastUsedAt === 'string' ? status.lastUsedAt : undefined
  const lastUsed = secondsOf(told)
  const since = nowSeconds - (lastUsed ?? secondsOf(createdAt) ?? nowSeconds)
  if (since < days * daySeconds) return undefined
  const unusedDays = Math.floor(since / daySeconds)
  return {
    ...{ kind, namespace, name },
    ...(told !== undefined && lastUsed !== undefined && { lastUsedAt: told }),
    ...{ createdAt, unusedDays },
  }
}

/** What was not used longest stands first. */
export function byUse(a: Unused, b: Unused): number {
  if (a.unusedDays !== b.unusedDays) return b.unusedDays - a.unusedDays
  const [left, right] = [a, b].map(({ kind, namespace, name }) => `${kind}/${namespace}/${name}`)
  return (left ?? '') < (right ?? '') ? -1 : 1
}

import type { Documents } from '../cluster/openapi/documents.ts'
import type { Resolved } from '../cluster/resolved.ts'
import { timeOf } from '../core/base/time.ts'
import type { Clock } from '../platform/clock.ts'
import type { Requeue } from '../platform/kube/work-queue.ts'
import type { Enforcement } from './guarded-service/enforcement.ts'
import type { Sources } from './sources.ts'
import type { StatusWriter } from './status.ts'

/** What the passes over objects share. */
export interface Context {
  readonly sources: Sources
  readonly resolved: Resolved
  readonly documents: Pick<Documents, 'isSettled' | 'onChange'>
  readonly enforcement: Enforcement
  readonly writer: StatusWriter
  /** Seconds since epoch, whole. */
  nowSeconds(): number
  /** RFC 3339, whole seconds. */
  timestamp(): string
  /** Comes back at the earliest of these moments, seconds since epoch. */
  at(moments: readonly number[]): Requeue
}

export function createContext(
  parts: Pick<Context, 'sources' | 'resolved' | 'documents' | 'enforcement' | 'writer'>,
  { wallMs }: Pick<Clock, 'wallMs'>,
): Context {
  return {
    ...parts,
    nowSeconds: () => Math.floor(wallMs() / 1_000),
    timestamp: () => timeOf(Math.floor(wallMs() / 1_000)),
    at: moments =>
      moments.length === 0 ? undefined : { requeueAfterMs: Math.max(0, Math.min(...moments) * 1_000 - wallMs()) },
  }
}

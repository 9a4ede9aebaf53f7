import type { Requeue } from '../platform/kube/work-queue.ts'
import type { Enforcement } from './enforcement.ts'
import type { Resolved } from './resolved.ts'
import type { Sources } from './sources.ts'
import type { StatusWriter } from './status.ts'

/** What the passes over objects share. */
export interface Context {
  readonly sources: Sources
  readonly resolved: Resolved
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
  parts: Pick<Context, 'sources' | 'resolved' | 'enforcement' | 'writer'>,
  wall: () => Date,
): Context {
  return {
    ...parts,
    nowSeconds: () => Math.floor(wall().getTime() / 1_000),
    timestamp: () => `${wall().toISOString().slice(0, 19)}Z`,
    at: moments =>
      moments.length === 0
        ? undefined
        : { requeueAfterMs: Math.max(0, Math.min(...moments) * 1_000 - wall().getTime()) },
  }
}

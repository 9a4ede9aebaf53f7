import { finish, type Steps } from '../../core/base/steps.ts'
import type { Frame, Seen } from '../../core/rows/frames.ts'
import type { Row } from '../../core/rows/rows.ts'
import { dominates } from '../../core/rows/seen.ts'
import { createSnapshotBuilder } from '../../core/snapshot/snapshot.ts'
import type { Policy } from './policy.ts'

/** A slice as a whole, as the stored file has it. */
export interface StoredSlice {
  readonly seen: Seen
  readonly hash: string
  readonly rows: Iterable<Row>
}

/** What came of a frame. `older` and `mismatch` leave everything as it was. */
export type Taken = 'applied' | 'confirmed' | 'too_large' | 'mismatch' | 'older' | 'behind' | 'ended' | 'unknown'

/** The rows this guard holds, and the only writer of its policy. */
export interface HeldSlice {
  /** Absent when it holds nothing. */
  held(): StoredSlice | undefined
  hash(): string | undefined
  seen(): Seen | undefined
  /** @throws Error when the frame is not built as frames.ts says */
  take(frame: Frame): Taken
  /** The same in steps, with nothing changed before the last one. One frame at a time. */
  taking(frame: Frame): Steps<Taken>
}

export function createSlice(policy: Policy): HeldSlice {
  const builder = createSnapshotBuilder()
  let seen: Seen | undefined

  function* taking(frame: Frame): Steps<Taken> {
    if ('full' in frame || 'delta' in frame) {
      // A replica that has seen less could bring a revoked key back.
      if (isOlder(frame.seen, seen)) return 'older'
      if ((yield* builder.applying(frame)) === 'mismatch') return 'mismatch'
      seen = frame.seen
      policy.replace(builder.snapshot())
      policy.confirm()
      return 'applied'
    }
    if ('heartbeat' in frame) {
      if (isOlder(frame.seen, seen)) return 'older'
      if (frame.hash !== builder.hash()) return 'mismatch'
      seen = frame.seen
      policy.confirm()
      return 'confirmed'
    }
    if ('behind' in frame) return 'behind'
    if ('tooLarge' in frame) return 'too_large'
    return 'end' in frame ? 'ended' : 'unknown'
  }

  return {
    taking,
    take: frame => finish(taking(frame)),
    seen: () => seen,
    hash: () => (seen ? builder.hash() : undefined),
    held: () => seen && { seen, hash: builder.hash(), rows: builder.eachRow() },
  }
}

/**
 * Compares what both know of: a resource the issuer names no longer, such as the ConfigMap of an OpenAPI document that
 * gave way to routes, says nothing.
 */
function isOlder(next: Seen, held: Seen = {}): boolean {
  const known = Object.entries(held).filter(([resource]) => Object.hasOwn(next, resource))
  return !dominates(next, Object.fromEntries(known))
}

import type { Hello, Seen } from '../../../core/rows/frames.ts'
import type { RoleRow } from '../../../core/rows/rows.ts'
import type { Objects } from '../../../issuer/objects.ts'
import { createLesserSlices, type LesserSlices } from '../../../issuer/slices/lesser-slices.ts'
import { createSlice } from '../../../issuer/slices/slice.ts'
import type { Slices } from '../../../issuer/slices/slices.ts'
import { createChunkCache } from '../../../issuer/snapshots/frame-text.ts'
import { createGuardStream } from '../../../issuer/snapshots/guard-stream.ts'
import { driveSteps } from '../../../platform/drive-steps.ts'
import { createFairQueue } from '../../../platform/fair/fair-queue.ts'
import { createManualClock, settled } from '../platform/manual-clock.ts'
import { createAnswer } from './guard-end.ts'

export const role = (name: string, path = '/'): RoleRow => ({
  type: 'role',
  name,
  rules: [{ index: 0, methods: ['GET'], paths: [path] }],
})

/** A stream to a guard that reads whatever comes, or nothing until it is told to. */
export function createStreamWorld({
  bytes,
  reads = 'all',
  whenCurrent = done => done(),
  hello = {},
  progress = { roles: '1' },
  own = {},
  lesser = false,
}: {
  bytes?: number | (() => number)
  reads?: 'all' | 'nothing'
  whenCurrent?: (done: () => void) => void
  hello?: Partial<Hello['hello']>
  /** What this replica has seen, and of the slice's own. */
  progress?: Seen
  own?: Seen
  /** Whether a guard that takes less than there is gets what fits. */
  lesser?: boolean
} = {}) {
  const clock = createManualClock()
  const slice = createSlice('shop/orders', () => ({ roles: '1' }), clock.now, createChunkCache(1_048_576))
  slice.replace([role('a')])
  const answer = createAnswer(reads)
  const fitting = lesser
    ? createLesserSlices({
        make: (key, seen) => createSlice(key, seen, clock.now, createChunkCache(1_048_576)),
        seen: () => ({ roles: '1' }),
        ...{ clock, drive: driveSteps },
      })
    : ({ open: () => undefined } as LesserSlices)
  const replica = {
    progress,
    own,
    claimed: [] as Seen[],
    asked: [] as Seen[],
    heard: new Set<() => void>(),
    subscribed: 0,
  }
  const stream = createGuardStream({
    slice: {
      ...slice,
      ...(bytes !== undefined && { bytes: typeof bytes === 'number' ? () => bytes : bytes }),
      subscribe(listener) {
        replica.subscribed++
        const end = slice.subscribe(listener)
        return () => {
          replica.subscribed--
          end()
        }
      },
    },
    slices: {
      whenCurrent: (_service, done) => whenCurrent(done),
      lesser: fitting,
    } as Slices,
    objects: {
      progress: () => replica.progress,
      claim: (seen: Seen) => void replica.claimed.push(seen),
      catchUp: (seen: Seen) => void replica.asked.push(seen),
      onProgress(handler: () => void) {
        replica.heard.add(handler)
        return () => void replica.heard.delete(handler)
      },
    } as unknown as Objects,
    holder: { user: { username: 'a' }, expiresAt: 0 },
    hello: { slice: 'shop/orders', version: 'test', ...hello },
    response: answer.response,
    pace: {
      turns: createFairQueue({ running: 1, waiting: 1, waitingPerPeer: 1 }),
      onStalled() {},
    },
    ownSeen: () => replica.own,
    clock,
  })
  /** This replica hears of something, which may change what it has seen. */
  const hear = async (seen: Partial<Pick<typeof replica, 'progress' | 'own'>> = {}) => {
    Object.assign(replica, seen)
    for (const handler of replica.heard) handler()
    await settled()
  }
  const { lines, reader: guard, read, kinds, response } = answer
  return { clock, slice, stream, replica, hear, lines, guard, read, kinds, response }
}

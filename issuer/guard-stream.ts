import type { ServerResponse } from 'node:http'
import type { Held, Hello } from '../core/snapshot/frames.ts'
import { emptyHash } from '../core/snapshot/hash.ts'
import { dominates } from '../core/snapshot/seen.ts'
import { type Clock, systemClock } from '../platform/clock.ts'
import type { Objects } from './objects.ts'
import { line, type Slice } from './slice.ts'
import type { Slices } from './slices.ts'
import type { Holder } from './token-review.ts'

/** How long a replica that has seen less than the guard waits before it says so, in milliseconds. */
const catchUpMs = 5_000
/** What a guard that does not read may cost before it is dropped. */
const longestBacklogBytes = 16 * 1024 * 1024

/** One connected guard. */
export interface GuardStream {
  readonly slice: Slice
  readonly holder: Holder
  /** What the guard said last; at first what it came with. */
  held(): Held['held']
  /** Sends a heartbeat, or once more that this replica is behind. */
  beat(heartbeat: string): void
  take(held: Held['held']): void
  /** Ends the stream, telling why. */
  end(code: string, message: string): void
  /** Fires once, however the stream ended. */
  readonly ended: AbortSignal
}

/**
 * Brings a guard from what it holds to what is here, then keeps it there. Never backwards: while this replica has seen
 * less than the guard, it sends no rows.
 */
export function createGuardStream(parts: {
  slice: Slice
  slices: Slices
  objects: Objects
  holder: Holder
  hello: Hello['hello']
  response: ServerResponse
  /** Versions of the slice's own, beside those of the objects. */
  ownSeen: () => Readonly<Record<string, string>>
  clock?: Clock
}): GuardStream {
  const { slice, slices, objects, holder, hello, response, clock = systemClock } = parts
  const ended = new AbortController()
  const cleanups: (() => void)[] = []
  let held: Held['held'] = { hash: hello.hash ?? emptyHash }
  let state = 'waiting' as 'waiting' | 'behind' | 'open'

  function write(text: string): void {
    if (ended.signal.aborted) return
    if (response.writableLength > longestBacklogBytes) close(() => response.destroy())
    else response.write(text)
  }

  function close(finish: () => void): void {
    if (ended.signal.aborted) return
    for (const cleanup of cleanups) cleanup()
    finish()
    ended.abort()
  }

  /** What this replica has not heard of, such as a ConfigMap that the service names no longer, says nothing. */
  function isBehind(): boolean {
    const mine = { ...objects.progress(), ...parts.ownSeen() }
    const known = Object.entries(hello.seen ?? {}).filter(([name]) => Object.hasOwn(mine, name))
    return !dominates(mine, Object.fromEntries(known))
  }

  function open(): void {
    if (state === 'open' || ended.signal.aborted) return
    if (isBehind()) return
    objects.claim(hello.seen ?? {})
    slices.flush()
    state = 'open'
    write(slice.opening(hello))
    cleanups.push(slice.subscribe(write))
  }

  response.on('close', () => close(() => {}))
  open()
  if (state !== 'open') {
    cleanups.push(objects.onProgress(open))
    cleanups.push(
      clock.after(catchUpMs, () => {
        if (state !== 'waiting') return
        state = 'behind'
        write(line({ behind: true }))
      }),
    )
  }
  return {
    slice,
    holder,
    held: () => held,
    beat(heartbeat) {
      if (state === 'open') write(heartbeat)
      else if (state === 'behind') write(line({ behind: true }))
    },
    take: said => {
      held = { ...held, ...said }
    },
    end: (code, message) => close(() => response.end(line({ end: { code, message } }))),
    ended: ended.signal,
  }
}

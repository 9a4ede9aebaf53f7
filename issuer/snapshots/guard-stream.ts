import type { ServerResponse } from 'node:http'
import { tellsUsage } from '../../core/rows/features.ts'
import { type Held, type Hello, maxSliceBytes, type Seen } from '../../core/rows/frames.ts'
import { emptyHash } from '../../core/rows/hash.ts'
import type { ClientRow } from '../../core/rows/rows.ts'
import { dominates } from '../../core/rows/seen.ts'
import { memoryFor } from '../../core/rows/slice-bound.ts'
import { type Clock, systemClock } from '../../platform/clock.ts'
import type { Holder } from '../authenticate/token-review.ts'
import type { Objects } from '../objects.ts'
import type { LesserSlice } from '../slices/lesser-slices.ts'
import type { Slice } from '../slices/slice.ts'
import { line, type SliceView } from '../slices/slice-view.ts'
import type { OpenView } from '../slices/slice-views.ts'
import type { Slices } from '../slices/slices.ts'
import { createPacedWriter, type Pace } from './paced-writer.ts'

/** How long a replica that has seen less than the guard waits before it says so, in milliseconds. */
const catchUpMs = 5_000

const mebibyte = 1_048_576

/** Why a guard is not sent all of a slice: the memory with which it would take it, bytes; without it none would do. */
export interface TooLarge {
  readonly memory?: number
  /** The clients that it is not told of; absent when it is told nothing at all. */
  readonly refused?: { readonly count: number; readonly clients: readonly string[] }
}

const namedClients = 3

/** One connected guard. */
export interface GuardStream {
  readonly slice: Slice
  /** The slice as this guard is told it now. */
  readonly view: SliceView
  /** Whether that is made of all that is in the slice now. */
  isViewCurrent(): boolean
  readonly holder: Holder
  /** Whether the guard tells what was used: guards of earlier releases do not. */
  readonly tellsUsage: boolean
  /** The release that the guard says it is of. */
  readonly version: string
  /** What the guard said last; at first what it came with. */
  held(): Held['held']
  /** Absent when the guard takes all that is here, or has it. */
  tooLarge(): TooLarge | undefined
  /** Sends a heartbeat, or once more that this replica is behind; nothing while the guard has not read what came before. */
  beat(heartbeat: string): void
  take(held: Held['held']): void
  /** Ends the stream, telling why. */
  end(code: string, message: string): void
  /** Fires once, however the stream ended. */
  readonly ended: AbortSignal
}

/**
 * Brings a guard from what it holds to what is here, then keeps it there. Never backwards: while this replica has seen
 * less than the guard, it sends no rows. Nothing waits for a guard but the difference between two states: what it gets
 * next is made when it has read what it got before.
 */
export function createGuardStream(parts: {
  slice: Slice
  slices: Slices
  objects: Objects
  holder: Holder
  hello: Hello['hello']
  response: ServerResponse
  pace: Pace
  /** Versions of the slice's own, beside those of the objects. */
  ownSeen: () => Readonly<Record<string, string>>
  clock?: Clock
}): GuardStream {
  const { slice, slices, objects, holder, hello, response, pace, clock = systemClock } = parts
  const ended = new AbortController()
  const whole = slice.open(hello.features ?? [])
  const cleanups: (() => void)[] = [whole.close, closeLesser]
  // Absent while the guard takes the whole.
  let lesser: (LesserSlice & { readonly opened: OpenView }) | undefined
  const writer = createPacedWriter(response, { pace, tenant: slice.key.split('/', 1)[0] ?? '', clock, onDone: advance })
  let held: Held['held'] = { hash: hello.hash ?? emptyHash }
  let state = 'waiting' as 'waiting' | 'behind' | 'opening' | 'open'
  // What the guard holds when it has read all that was sent; not known before the first frame.
  let sent: string | undefined
  let last: { readonly code: string; readonly message: string } | undefined
  const takes = Math.min(hello.maxBytes ?? maxSliceBytes, maxSliceBytes)
  // Of the slice that is not sent, as the guard knows it.
  let toldMebibytes: number | undefined

  /** Sends what is due, if the guard has read what was sent before. */
  function advance(): void {
    if (writer.isBusy() || response.destroyed) return
    choose()
    // A service that went takes its rows along; for any other end nothing more is told.
    const view = viewNow()
    const isLeft = state === 'open' && (!view || view.hash() !== sent) && (!last || last.code === 'service_not_found')
    if (isLeft && view) {
      const frame = view.frameFor(sent === undefined ? hello : { hash: sent, seen: hello.seen })
      // What fits is made anew within a second.
      if (sent === undefined && view !== whole.view && !hasSeen(frame.seen)) return
      sent = frame.hash
      toldMebibytes = undefined
      writer.write(frame)
    } else if (isLeft && !last && lesser?.state() !== 'making') tellTooLarge()
    else if (last) response.end(line({ end: last }))
  }

  /** A guard that cannot take all of it is told what fits: what is taken away must reach it all the same. */
  function choose(): void {
    if (state !== 'open' || last) return
    if (!isTooLarge()) closeLesser()
    if (lesser || !isTooLarge()) return
    const made = slices.lesser.open(slice, takes, advance)
    if (made) lesser = { ...made, opened: made.slice.open(hello.features ?? []) }
  }

  function closeLesser(): void {
    lesser?.opened.close()
    lesser?.close()
    lesser = undefined
  }

  /** Absent while nothing can be told. */
  function viewNow(): SliceView | undefined {
    if (!isTooLarge()) return whole.view
    return lesser?.state() === 'made' ? lesser.opened.view : undefined
  }

  /** What the guard has already costs it nothing more, however large it is. */
  function isTooLarge(): boolean {
    return slice.bytes() > takes && whole.view.hash() !== (sent ?? hello.hash)
  }

  function tellTooLarge(): void {
    if (hello.maxBytes === undefined) {
      end('slice_too_large', `The policy of ${slice.key} is larger than ${maxSliceBytes} bytes; what is held stays.`)
      return
    }
    const bytes = slice.bytes()
    const mebibytes = Math.ceil(bytes / mebibyte)
    if (mebibytes === toldMebibytes) return
    toldMebibytes = mebibytes
    writer.say(line({ tooLarge: { bytes } }))
  }

  function end(code: string, message: string): void {
    if (ended.signal.aborted) return
    close()
    last = { code, message }
    writer.finish()
    advance()
  }

  function close(): void {
    if (ended.signal.aborted) return
    for (const cleanup of cleanups) cleanup()
    ended.abort()
  }

  /** What this replica has not heard of, such as a ConfigMap that the service names no longer, says nothing. */
  function isBehind(): boolean {
    return !hasSeen({ ...objects.progress(), ...parts.ownSeen() })
  }

  function hasSeen(mine: Seen): boolean {
    const known = Object.entries(hello.seen ?? {}).filter(([name]) => Object.hasOwn(mine, name))
    return dominates(mine, Object.fromEntries(known))
  }

  function open(): void {
    if (state === 'open' || state === 'opening' || ended.signal.aborted) return
    if (isBehind()) return
    objects.claim(hello.seen ?? {})
    state = 'opening'
    slices.whenCurrent(slice.key, () => {
      if (ended.signal.aborted) return
      state = 'open'
      // Before the first frame: what is too large to be sent ends the stream, and its listener goes along.
      cleanups.push(slice.subscribe(advance))
      advance()
    })
  }

  response.on('close', close)
  open()
  if (state === 'waiting') {
    // What nobody changes is told of once a minute, unless it is asked.
    objects.catchUp(hello.seen ?? {})
    cleanups.push(objects.onProgress(open))
    cleanups.push(
      clock.after(catchUpMs, () => {
        if (state !== 'waiting') return
        state = 'behind'
        writer.say(line({ behind: true }))
      }),
    )
  }
  return {
    slice,
    get view() {
      return viewNow() ?? whole.view
    },
    isViewCurrent: () => !isTooLarge() || lesser?.isCurrent() === true,
    holder,
    tellsUsage: hello.features?.includes(tellsUsage) ?? false,
    version: hello.version,
    held: () => held,
    tooLarge() {
      if (!isTooLarge()) return undefined
      const memory = memoryFor(slice.bytes(), hello.sharedBy)
      return {
        ...(memory !== undefined && { memory }),
        ...(lesser?.state() === 'made' && { refused: told(lesser.refused()) }),
      }
    },
    beat(heartbeat) {
      writer.look()
      const view = viewNow()
      if (state === 'open' && view && view.hash() === sent) writer.say(heartbeat)
      else if (state === 'behind') {
        writer.say(line({ behind: true }))
        objects.catchUp(hello.seen ?? {})
      }
      // Nothing is confirmed, and the guard must not take the silence for a broken line.
      else if (state === 'open' && toldMebibytes !== undefined) writer.say(line({ tooLarge: { bytes: slice.bytes() } }))
    },
    take: said => {
      held = { ...held, ...said }
    },
    end,
    ended: ended.signal,
  }
}

/** The largest ones by name. */
function told(clients: readonly ClientRow[]): NonNullable<TooLarge['refused']> {
  const names = clients.slice(0, namedClients).map(({ namespace, name }) => `${namespace}/${name}`)
  return { count: clients.length, clients: names }
}

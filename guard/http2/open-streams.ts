import type { ServerHttp2Stream } from 'node:http2'
import type { Readable } from 'node:stream'
import type { Limit } from '../../enforce/report/metrics.ts'
import type { Budget, Place } from '../../platform/fair/budget.ts'
import { costs } from '../../platform/fair/memory.ts'
import { leastBodyBytes } from '../../platform/wire/connection/ticks.ts'
import type { OpenCalls } from '../open-calls/review.ts'
import type { Answering, StreamExchange } from './answering.ts'
import { NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM } from './codes.ts'
import { endStream } from './end-stream.ts'

/** A call's stream, and what is looked at while it is open. Times in ticks of the sweep. */
export interface OpenStream {
  readonly stream: ServerHttp2Stream
  readonly place: Place
  /** Once it was let in. */
  admitted: { readonly exchange: StreamExchange; readonly answering: Answering } | undefined
  /** Bytes of its head and of its answer's, for as long as it is open. */
  heads: number
  /** Bytes of its body that the app has not taken. */
  toApp: number
  /** Whether pieces of its answer wait for the caller. */
  isBlocked: boolean
  /** Directions that stand still. */
  stuck: number
  /** Of an answer: bytes that wait, and since when they are the same. */
  unsent: number
  unsentSince: number
  /** Of a body that has to go on: bytes since `bodySince`. -1: it has not to. */
  bodySince: number
  progress: number
}

/** The streams of all connections: each has its place in the budget of memory, and limits of its own. */
export interface OpenStreams extends OpenCalls {
  /**
   * @param stream whose body nobody has begun to read
   * @param raw its fields
   * @param onData told how many bytes of it were read
   * @returns undefined when there is no memory for it
   */
  open(
    peer: string,
    stream: ServerHttp2Stream,
    raw: readonly string[],
    onData: (bytes: number) => void,
  ): OpenStream | undefined
  /** From now on its body has to go on. */
  watchBody(one: OpenStream): void
  /** Counts what is in hand while the caller does not read this body of an answer. */
  watchAnswer(one: OpenStream, body: Readable): void
  /** The same, of a body that is written piece by piece: the caller reads too slowly for more. */
  blocked(one: OpenStream): void
  /** Its answer begins with these fields. */
  answers(one: OpenStream, fields: readonly string[]): void
  /** Something was written to it. What waits is counted until it has gone out. */
  wrote(one: OpenStream): void
  /** So much of its body waits for the app. */
  sends(one: OpenStream, bytes: number): void
  sweep(tick: number): void
  size(): number
}

/** A head is there as it came, and as the app gets it. */
const keptHeads = 2

function lengthOf(fields: readonly string[]): number {
  let length = 0
  for (const text of fields) length += text.length
  return length
}

export function createOpenStreams(options: {
  memory: Budget
  bodyIdleTicks: number
  unreadTicks: number
  limitHit(limit: Limit): void
}): OpenStreams {
  const { memory, bodyIdleTicks, unreadTicks, limitHit } = options
  const all = new Set<OpenStream>()
  let now = 0

  function endFor({ stream }: OpenStream, limit: Limit, code: number): void {
    limitHit(limit)
    endStream(stream, code)
  }

  /** Tells the budget of memory what is held for it now. */
  function tell(one: OpenStream): void {
    const { place, stream } = one
    if (place.left) return
    const held = costs.stream + one.heads + one.toApp + one.stuck * costs.stuck + stream.writableLength
    if (held === place.amount || memory.hold(place, held)) return
    endFor(one, 'memory', NGHTTP2_ENHANCE_YOUR_CALM)
  }

  function stand(one: OpenStream, change: 1 | -1): void {
    one.stuck += change
    tell(one)
  }

  /** Counts a readable as standing while it is paused. */
  function watch(one: OpenStream, readable: Readable): void {
    let stands = false
    const change = (to: boolean): void => {
      if (stands === to) return
      stands = to
      stand(one, to ? 1 : -1)
    }
    readable.on('pause', () => change(true))
    readable.on('resume', () => change(false))
    readable.once('close', () => change(false))
  }

  function noteProgress(one: OpenStream, bytes: number): void {
    one.progress += bytes
    if (one.progress < leastBodyBytes || one.bodySince < 0) return
    one.progress = 0
    one.bodySince = now
  }

  function sweepOne(one: OpenStream): void {
    const { stream } = one
    const { writableLength } = stream
    tell(one)
    if (writableLength !== one.unsent || writableLength === 0) {
      one.unsent = writableLength
      one.unsentSince = now
    } else if (now - one.unsentSince > unreadTicks) return void endFor(one, 'unread', NGHTTP2_CANCEL)
    if (one.bodySince < 0) return
    if (stream.readableEnded) one.bodySince = -1
    else if (stream.isPaused()) one.bodySince = now
    else if (now - one.bodySince > bodyIdleTicks) endFor(one, 'body_idle', NGHTTP2_CANCEL)
  }

  return {
    size: () => all.size,
    *walk(look) {
      for (const { admitted } of all) {
        if (!admitted) continue
        const { exchange, answering } = admitted
        look(exchange, answering.withdraw)
        yield
      }
    },
    open(peer, stream, raw, onData) {
      const heads = keptHeads * lengthOf(raw)
      const place = memory.enter(peer, costs.stream + heads, () => endFor(one, 'memory', NGHTTP2_ENHANCE_YOUR_CALM))
      if (!place) return undefined
      const one: OpenStream = {
        stream,
        place,
        admitted: undefined,
        heads,
        toApp: 0,
        isBlocked: false,
        stuck: 0,
        unsent: 0,
        unsentSince: now,
        bodySince: -1,
        progress: 0,
      }
      all.add(one)
      watch(one, stream)
      // Not before somebody reads it: a listener for data would begin to read.
      stream.once('resume', () => {
        stream.on('data', (chunk: Buffer) => {
          onData(chunk.length)
          noteProgress(one, chunk.length)
        })
      })
      stream.once('close', () => {
        all.delete(one)
        memory.leave(place)
      })
      return one
    },
    watchBody(one) {
      one.bodySince = now
    },
    watchAnswer(one, body) {
      watch(one, body)
      // Behind the one who passes them on.
      body.on('data', () => tell(one))
    },
    answers(one, fields) {
      one.heads += lengthOf(fields)
    },
    wrote: tell,
    sends(one, bytes) {
      if (bytes === one.toApp) return
      one.toApp = bytes
      tell(one)
    },
    blocked(one) {
      if (one.isBlocked) return tell(one)
      one.isBlocked = true
      stand(one, 1)
      one.stream.once('drain', () => {
        one.isBlocked = false
        stand(one, -1)
      })
    },
    sweep(tick) {
      now = tick
      for (const one of all) sweepOne(one)
    },
  }
}

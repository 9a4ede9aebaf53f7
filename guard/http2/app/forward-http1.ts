import { isLastRequest, linesOf } from '../../../enforce/forward-head.ts'
import type { Logger } from '../../../platform/log.ts'
import { createOutbox, type Outbox } from '../../../platform/wire/connection/outbox.ts'
import type { AnswerHead } from '../../../platform/wire/read-answer.ts'
import type { UpstreamPool } from '../../upstream/pool.ts'
import { holdBody } from '../../upstream/send.ts'
import type { Upstream, UpstreamHandler } from '../../upstream/state.ts'
import { abandon } from '../../upstream/upstream.ts'
import type { Answering, StreamExchange } from '../answering.ts'
import { NGHTTP2_PROTOCOL_ERROR } from '../codes.ts'
import type { Forward } from '../handle-stream.ts'
import { http1AnswerFields, pairsOf } from './fields.ts'

/** A call that is being asked, and what has come of it. */
interface Forwarding {
  readonly exchange: StreamExchange
  readonly answering: Answering
  readonly handler: UpstreamHandler
  /** The head of the request, or the whole of it, while there is no connection for it. */
  waiting: string
  /** Whether that is the whole request. */
  whole: boolean
  upstream: Upstream | undefined
  /** Bytes of a sized body that are still to come. */
  left: number
  /** Bytes of the body that were thrown away. */
  dropped: number
  /** The head of the answer, until it is known whether its body came with it. */
  answer: AnswerHead | undefined
  /** The piece of the answer that was read last: its end may come with it. */
  piece: Buffer | undefined
  /** Nobody waits for anything more. */
  over: boolean
}

interface Ways {
  readonly upstreams: UpstreamPool
  readonly outbox: Outbox
}

/**
 * Asks an app that speaks HTTP/1.1: over the connections, and by the reader, that callers of HTTP/1.1 use. Trailers of
 * the request end here; those of the answer pass.
 */
export function createHttp1Forward(options: { upstreams: UpstreamPool; log: Logger }): {
  forward: Forward
  close(): void
} {
  const ways = { upstreams: options.upstreams, outbox: createOutbox(options.log) }
  return {
    close() {},
    forward(exchange, forwarded, answering) {
      const { method, target, body, length } = exchange.head
      const coding = body === 'chunked' ? 'Transfer-Encoding: chunked\r\n' : ''
      const last = isLastRequest(exchange.head, exchange.call.verdict.decision) ? 'Connection: close\r\n' : ''
      const asked: Forwarding = {
        exchange,
        answering,
        handler: askerOf(() => asked, exchange.peer, ways),
        waiting: `${method} ${target} HTTP/1.1\r\n${linesOf(forwarded)}${coding}${last}\r\n`,
        whole: body === 'none',
        upstream: undefined,
        left: length,
        dropped: 0,
        answer: undefined,
        piece: undefined,
        over: false,
      }
      const breakOff = (): void => leave(asked, ways)
      // The app must see a break as one, never as a shorter body.
      exchange.stream.once('aborted', breakOff)
      exchange.stream.once('close', breakOff)
      answering.onWithdrawn(breakOff)
      if (body === 'sized' && length <= smallBytes) gather(asked, ways)
      else ask(asked, ways)
    },
  }
}

/** Up to here a body of known length is waited for: whole, it holds no connection meanwhile, and can be sent again. */
const smallBytes = 4_096

function gather(asked: Forwarding, ways: Ways): void {
  const { stream } = asked.exchange
  stream.on('data', (bytes: Buffer) => {
    if (asked.over) return
    if (bytes.length > asked.left) return void refuse(asked, ways)
    asked.left -= bytes.length
    asked.waiting += bytes.toString('latin1')
  })
  stream.once('end', () => {
    if (asked.over || stream.aborted) return
    if (asked.left > 0) return void refuse(asked, ways)
    asked.whole = true
    ask(asked, ways)
  })
}

/** Node checks lengths too; a later version may think otherwise. */
function refuse(asked: Forwarding, ways: Ways): void {
  leave(asked, ways)
  asked.answering.reset(NGHTTP2_PROTOCOL_ERROR)
}

function ask(asked: Forwarding, ways: Ways): void {
  const upstream = ways.upstreams.take(asked.handler, asked.exchange.head.method, false)
  if (upstream) send(asked, upstream, ways)
}

function leave(asked: Forwarding, { upstreams }: Ways): void {
  if (asked.over) return
  asked.over = true
  if (asked.upstream) abandon(asked.upstream)
  else upstreams.leave(asked.handler)
}

/** The request, or its head, goes out on this connection. */
function send(asked: Forwarding, upstream: Upstream, ways: Ways): void {
  const { exchange, waiting, whole } = asked
  asked.upstream = upstream
  asked.waiting = ''
  upstream.hasBody = exchange.head.body !== 'none'
  upstream.isLast = isLastRequest(exchange.head, exchange.call.verdict.decision)
  upstream.sent = whole
  upstream.out = waiting
  upstream.request = whole ? waiting : ''
  ways.outbox.add(upstream)
}

/** The head of the request went out. */
function sendBody(asked: Forwarding, upstream: Upstream, ways: Ways): void {
  const { stream, head } = asked.exchange
  const { socket } = upstream
  const { upstreams, outbox } = ways
  const isGoing = (): boolean => asked.upstream === upstream && !asked.over && !upstream.stopped
  stream.on('data', (bytes: Buffer) => {
    if (!isGoing()) return void drop(asked, bytes)
    if (bytes.length === 0) return
    if (head.body === 'sized' && bytes.length > asked.left) return void refuse(asked, ways)
    asked.left -= bytes.length
    upstreams.touch(upstream)
    holdBody(upstream, outbox)
    if (head.body === 'chunked') socket.write(`${bytes.length.toString(16)}\r\n`, 'latin1')
    socket.write(bytes)
    if (head.body === 'chunked') socket.write('\r\n', 'latin1')
    asked.answering.sends(socket.writableLength)
    if (socket.writableNeedDrain) stream.pause()
  })
  const end = (): void => {
    if (!isGoing() || stream.aborted) return
    if (head.body === 'sized' && asked.left > 0) return void refuse(asked, ways)
    holdBody(upstream, outbox)
    if (head.body === 'chunked') socket.write('0\r\n\r\n', 'latin1')
    upstreams.touch(upstream)
    upstream.sent = true
  }
  // Without a body its end may have come while there was no connection.
  if (stream.readableEnded) end()
  else stream.once('end', end)
}

/** What is thrown away of a body that the app does not take, while its answer is passed on; the rest waits for its end. */
const maxDroppedBytes = 65_536

function drop(asked: Forwarding, { length }: Buffer): void {
  asked.dropped += length
  if (asked.dropped > maxDroppedBytes && !asked.over) asked.exchange.stream.pause()
}

function askerOf(of: () => Forwarding, peer: string, ways: Ways): UpstreamHandler {
  const finish = (): void => {
    of().over = true
    of().upstream = undefined
  }
  return {
    peer,
    onUpstream: upstream => send(of(), upstream, ways),
    onAnswer(answer) {
      const asked = of()
      asked.answer = answer
      if (answer.framing === 'none') begin(asked, 'none')
    },
    onData(bytes, from, to) {
      const asked = of()
      writePiece(asked)
      asked.piece = Buffer.from(bytes.subarray(from, to))
    },
    onPause: () => writePiece(of()),
    onEnd(trailers) {
      const asked = of()
      finish()
      begin(asked, trailers === '' ? 'whole' : 'pieces')
      if (trailers !== '') asked.answering.trailers(pairsOf(trailers))
      asked.answering.end(asked.piece)
    },
    onFault(fault) {
      const asked = of()
      // What came is passed on, and then broken off.
      writePiece(asked)
      finish()
      asked.answering.fail(fault)
    },
    onLost(request) {
      const asked = of()
      asked.upstream = undefined
      asked.waiting = request
      const upstream = ways.upstreams.takeNew(asked.handler, asked.exchange.head.method, false)
      if (upstream) send(asked, upstream, ways)
    },
    onSwitch(_answer, link) {
      // Nobody asked for it.
      link.socket.destroy()
      finish()
      of().answering.fail('upstream_invalid')
    },
    onReady() {
      const asked = of()
      if (asked.upstream) sendBody(asked, asked.upstream, ways)
    },
    onDrain: () => void of().exchange.stream.resume(),
    onEnough: () => void of().exchange.stream.resume(),
  }
}

/** Gives the head of the answer, once. */
function begin(asked: Forwarding, body: 'none' | 'whole' | 'pieces'): void {
  const { answer, answering } = asked
  if (!answer) return
  asked.answer = undefined
  answering.onDrain(() => asked.upstream?.socket.resume())
  answering.begin(answer.status, http1AnswerFields(answer), body)
}

/** @returns false when the caller reads too slowly for more */
function writePiece(asked: Forwarding): boolean {
  const { piece, answering } = asked
  asked.piece = undefined
  begin(asked, 'pieces')
  return piece === undefined || answering.write(piece)
}

import type { ServerHttp2Stream } from 'node:http2'
import type { Readable } from 'node:stream'
import { reasons } from '../../core/base/reasons.ts'
import type { Verdict } from '../../enforce/authorize.ts'
import type { Reporter } from '../../enforce/report/report.ts'
import { type Answer, decisionHeader, denial, type UpstreamFault, upstreamFailed } from '../../enforce/respond.ts'
import { inFormOf } from '../../enforce/soap.ts'
import type { RequestHead } from '../../platform/wire/read-request.ts'
import type { OpenCall } from '../open-calls/review.ts'
import { trailerFields } from './app/fields.ts'
import { pump } from './app/pump.ts'
import { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } from './codes.ts'
import { endStream } from './end-stream.ts'
import { grpcAnswer, grpcStatus } from './grpc.ts'

/** A call on its way through the guard, on a stream of its own. */
export interface StreamExchange extends OpenCall {
  /** Whom it is counted for. */
  readonly peer: string
  readonly head: RequestHead
  reported: boolean
  readonly stream: ServerHttp2Stream
  /** Whether the caller speaks gRPC. */
  readonly grpc: boolean
}

/** The caller's end of an admitted call, for whoever asks the app. */
export interface Answering {
  /** The app's answer has begun. @param fields that pass */
  begin(status: number, fields: readonly string[], body: AnswerBody): void
  /** A piece of a body that is written. @returns false when the caller reads too slowly for more */
  write(bytes: Buffer): boolean
  /** Called when the caller has read what was too much. */
  onDrain(listener: () => void): void
  /** Trailers of the app; they go out with the end. */
  trailers(raw: readonly string[]): void
  /** The answer is whole. @param last piece of a body that is written */
  end(last?: Buffer): void
  /** The app did not answer, or broke off. */
  fail(fault: UpstreamFault): void
  /** So many bytes of the request's body wait for the app. */
  sends(bytes: number): void
  /** Breaks the stream off as the app did. */
  reset(code: number): void
  /** Ends a call that would not be let in any more: nothing passes from now on, in either direction. */
  withdraw(verdict: Verdict): void
  /** Whoever asks the app breaks off then. */
  onWithdrawn(listener: () => void): void
}

/** None; one piece that is there already and comes with the end; pieces that are written; a stream to read from. */
export type AnswerBody = 'none' | 'whole' | 'pieces' | Readable

/** Writes an answer of the guard's own, in the form that the caller understands. */
export function writeStreamAnswer(
  stream: ServerHttp2Stream,
  answer: Answer,
  to: { grpc: boolean; head: boolean },
): void {
  if (stream.destroyed || stream.closed) return
  if (to.grpc) stream.respond(grpcAnswer(answer), { endStream: true })
  else {
    const fields = [':status', String(answer.status)]
    for (let at = 0; at + 1 < answer.headers.length; at += 2) {
      const name = (answer.headers[at] as string).toLowerCase()
      if (name !== 'connection') fields.push(name, answer.headers[at + 1] as string)
    }
    stream.respond(fields, { endStream: to.head })
    if (!to.head) stream.end(answer.body)
  }
  stopReading(stream)
}

/** How long a caller may take to end its request after it has its answer. */
const lingerMs = 250
/** How long the outcome of a call that was withdrawn may take on its way. */
const withdrawnMs = 1_000

/**
 * RFC 9113 section 8.1: a complete answer may be followed by NO_ERROR, which says that the rest need not come. Not at
 * once: some clients forget the answer when they see the reset.
 */
function stopReading(stream: ServerHttp2Stream): void {
  stream.resume()
  if (stream.writableFinished) closeUnread(stream)
  else stream.once('finish', () => closeUnread(stream))
}

function closeUnread(stream: ServerHttp2Stream): void {
  if (stream.endAfterHeaders || stream.readableEnded) return
  const timer = setTimeout(endStream, lingerMs, stream, NGHTTP2_NO_ERROR)
  stream.once('close', () => clearTimeout(timer))
}

export function createAnswering(
  exchange: StreamExchange,
  options: { reporter: Reporter; unreadMs: number; problemBase?: string | undefined },
): Answering {
  const { call, head, stream, grpc } = exchange
  const { reporter, unreadMs, problemBase } = options
  let withdrawn = false
  let breakOff = (): void => {}
  let trailing: Record<string, string[]> = {}
  function report(status: number | undefined): void {
    if (!exchange.reported) reporter.report(call, status)
    exchange.reported = true
  }
  const close = (code: number): void => endStream(stream, code)
  stream.once('close', () => report(undefined))
  stream.on('wantTrailers', () => {
    stream.sendTrailers(trailing)
    setImmediate(closeUnread, stream)
  })

  function giveUp(): void {
    reporter.limitHit('unread')
    close(NGHTTP2_CANCEL)
  }

  const isOver = (): boolean => withdrawn || stream.destroyed || stream.closed

  function end(last?: Buffer): void {
    if (stream.destroyed || stream.writableEnded) return
    stream.end(last)
    stream.resume()
  }

  let unread: NodeJS.Timeout | undefined
  let onDrain = (): void => {}

  function beWritten(): void {
    stream.on('drain', () => {
      clearTimeout(unread)
      onDrain()
    })
    stream.once('close', () => clearTimeout(unread))
  }

  return {
    end: last => withdrawn || end(last),
    sends() {},
    begin(status, fields, body) {
      if (isOver()) return
      const decision = decisionHeader(call.verdict.decision, true)
      // Closing a stream of node:http2 ends it first: but for trailers that it waits for, half a body would look whole.
      const waits = body !== 'none' && body !== 'whole'
      try {
        stream.respond([':status', String(status), ...fields, 'latchkey-decision', decision], {
          endStream: body === 'none',
          waitForTrailers: waits,
        })
      } catch {
        // Fields that HTTP/2 has no place for.
        return this.fail('upstream_invalid')
      }
      report(status)
      if (body === 'none') stopReading(stream)
      else if (body === 'whole') stream.once('finish', () => setImmediate(closeUnread, stream))
      else if (body === 'pieces') beWritten()
      else pump(body, stream, { ms: unreadMs, give: giveUp })
    },
    write(bytes) {
      if (isOver() || stream.writableEnded || stream.write(bytes)) return true
      clearTimeout(unread)
      unread = setTimeout(giveUp, unreadMs)
      return false
    },
    onDrain(listener) {
      onDrain = listener
    },
    trailers(raw) {
      if (!withdrawn) trailing = trailerFields(raw)
    },
    fail(fault) {
      if (isOver()) return
      reporter.upstreamFailed(call, fault)
      // Half an answer cannot be taken back; a broken stream says that it was one.
      if (stream.headersSent) return close(NGHTTP2_INTERNAL_ERROR)
      const answer = inFormOf(head, upstreamFailed(fault, call.verdict, call.requestId, problemBase))
      report(answer.status)
      writeStreamAnswer(stream, answer, { grpc, head: head.method === 'HEAD' })
    },
    reset(code) {
      if (!withdrawn) close(code)
    },
    onWithdrawn(listener) {
      breakOff = listener
    },
    withdraw(verdict) {
      const isAnswered = stream.writableEnded && (stream.endAfterHeaders || stream.readableEnded)
      if (isOver() || isAnswered || verdict.decision.allow) return
      withdrawn = true
      breakOff()
      const { reason } = verdict.decision
      const answer = inFormOf(head, denial(verdict, call.requestId, problemBase))
      const begun = stream.headersSent
      exchange.reported = true
      reporter.report({ ...call, verdict }, begun ? undefined : answer.status, 'call_closed')
      // RFC 9113 section 7: not needed any more. It blames nobody, and nobody takes it for leave to ask again.
      const cut = (): void => close(NGHTTP2_CANCEL)
      if (begun && (!grpc || stream.writableEnded)) return void cut()
      // A caller that does not read does not keep its call by that.
      const timer = setTimeout(cut, withdrawnMs)
      stream.once('close', () => clearTimeout(timer))
      if (!begun) return void writeStreamAnswer(stream, answer, { grpc, head: head.method === 'HEAD' })
      trailing = trailerFields(grpcStatus(reasons[reason].status, reason))
      end()
    },
  }
}

import { randomUUID } from 'node:crypto'
import type { ServerHttp2Stream } from 'node:http2'
import type { Clock } from '../../../platform/clock.ts'
import type { Logger } from '../../../platform/log.ts'
import { type Authorizer, malformedVerdict, type Verdict } from '../authorize.ts'
import { forwardHead } from '../forward-head.ts'
import type { Policy } from '../policy.ts'
import { fault, type HeadFault, type RequestHead } from '../read-request.ts'
import type { Call, Reporter } from '../report.ts'
import { denial, malformed } from '../respond.ts'
import type { Tracing } from '../trace.ts'
import { type Answering, createAnswering, type StreamExchange, writeStreamAnswer } from './answering.ts'
import { NGHTTP2_CANCEL } from './codes.ts'
import { isGrpcType } from './grpc.ts'
import { readStream } from './read-stream.ts'

/** Asks the app. @param forwarded the head it gets, as flat pairs of HTTP/1 */
export type Forward = (exchange: StreamExchange, forwarded: readonly string[], answering: Answering) => void

export interface StreamOptions {
  readonly policy: Policy
  readonly authorizer: Authorizer
  readonly reporter: Reporter
  readonly tracing?: Tracing | undefined
  /** What `type` of a problem body begins with. */
  readonly problemBase?: string | undefined
  readonly clock: Clock
  readonly log: Logger
  /** How long a caller may be silent in the middle of a body, gRPC apart. Default 60 s. */
  readonly bodyIdleMs?: number
  /** How long a caller may leave its answer unread. Default 60 s. */
  readonly unreadMs?: number
}

const leftOut = fault('A header name or value has characters that it cannot have.')

/** What a stream began with. */
export interface OpenedStream {
  readonly stream: ServerHttp2Stream
  readonly raw: readonly string[]
  readonly endsHere: boolean
  /** Whether it came with fields that node:http2 left out. */
  readonly isMalformed: boolean
  readonly peer: string
}

/** From a stream to its one verdict, and from there to a refusal, a denial or the app. */
export function createStreamHandler(
  options: StreamOptions & {
    readonly forward: Forward
    onAdmitted(exchange: StreamExchange, answering: Answering): void
  },
): (opened: OpenedStream) => void {
  const { policy, authorizer, reporter, tracing, problemBase, clock, log } = options
  const { bodyIdleMs = 60_000, unreadMs = 60_000 } = options

  function admit(head: RequestHead): Verdict {
    try {
      return authorizer.authorize(head)
    } catch (error) {
      // The decision is total: an exception is a bug, and a bug is no reason to let anybody in, or to fall over.
      log.error({ err: error }, 'the decision threw, the call is denied')
      return { ...malformedVerdict(policy), decision: { allow: false, reason: 'policy_unsupported' } }
    }
  }

  function callOf(
    { raw, peer }: OpenedStream,
    verdict: Verdict,
    rest: Pick<Call, 'requestId' | 'startedMs' | 'trace'>,
  ): Call {
    return { verdict, method: fieldOf(raw, ':method'), target: fieldOf(raw, ':path'), peer, ...rest }
  }

  function refuse(opened: OpenedStream, fault: HeadFault, startedMs: number): void {
    const call = callOf(opened, malformedVerdict(policy), { requestId: randomUUID(), startedMs })
    const grpc = isGrpcType(fieldOf(opened.raw, 'content-type'))
    writeStreamAnswer(opened.stream, malformed(fault, call.requestId, problemBase), {
      grpc,
      head: call.method === 'HEAD',
    })
    reporter.report(call, fault.status)
  }

  function deny({ call, head, stream, grpc }: StreamExchange): void {
    const answer = denial(call.verdict, call.requestId, problemBase)
    reporter.report(call, answer.status)
    writeStreamAnswer(stream, answer, { grpc, head: head.method === 'HEAD' })
  }

  function pass(exchange: StreamExchange): void {
    const { call, head, stream, grpc } = exchange
    const { decision, snapshot } = call.verdict
    const forwarded = forwardHead(head, {
      decision,
      keepCredential: snapshot?.service?.keepCredential ?? 'Never',
      requestId: call.requestId,
      peer: call.peer,
      trace: call.trace,
    })
    const answering = createAnswering(exchange, { reporter, unreadMs, problemBase })
    // A stream of gRPC may be silent both ways for hours; dead peers are found by TCP.
    if (head.body !== 'none' && !grpc) watchBody(stream, bodyIdleMs, () => reporter.limitHit('body_idle'))
    if (head.expectContinue) stream.additionalHeaders({ ':status': 100 })
    options.onAdmitted(exchange, answering)
    options.forward(exchange, forwarded, answering)
  }

  return opened => {
    const startedMs = clock.now()
    const { stream, raw, endsHere, isMalformed } = opened
    stream.on('error', () => {})
    const head = isMalformed ? leftOut : readStream(raw, endsHere)
    if ('status' in head) return refuse(opened, head, startedMs)
    const trace = tracing?.begin(head)
    const verdict = admit(head)
    const call = callOf(opened, verdict, { requestId: head.requestId ?? randomUUID(), startedMs, trace })
    const exchange = { call, head, stream, grpc: isGrpcType(fieldOf(raw, 'content-type')) }
    if (verdict.pass) pass(exchange)
    else deny(exchange)
  }
}

function fieldOf(raw: readonly string[], name: string): string | undefined {
  for (let at = 0; at + 1 < raw.length; at += 2) if (raw[at] === name) return raw[at + 1]
  return undefined
}

/** Ends a stream whose body stopped coming: it would hold a place at the app for ever. */
function watchBody(stream: ServerHttp2Stream, idleMs: number, onIdle: () => void): void {
  stream.setTimeout(idleMs, () => {
    onIdle()
    stream.close(NGHTTP2_CANCEL)
  })
  stream.once('end', () => stream.setTimeout(0))
}

import { randomUUID } from 'node:crypto'
import type { ServerHttp2Stream } from 'node:http2'
import { type DecisionPoint, malformedVerdict, overloadedVerdict, type Verdict } from '../../enforce/authorize.ts'
import { forwardHead } from '../../enforce/forward-head.ts'
import type { Policy } from '../../enforce/policy/policy.ts'
import { withoutQueryKey } from '../../enforce/query-key.ts'
import type { Call, Reporter } from '../../enforce/report/report.ts'
import type { Tracing } from '../../enforce/report/trace.ts'
import { denial, malformed } from '../../enforce/respond.ts'
import { inFormOf } from '../../enforce/soap.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Turns } from '../../platform/fair/turns.ts'
import type { Logger } from '../../platform/log.ts'
import { fault, type HeadFault } from '../../platform/wire/read-request.ts'
import { type Answering, createAnswering, type StreamExchange, writeStreamAnswer } from './answering.ts'
import { isGrpcType } from './grpc.ts'
import { whenItsTurn } from './its-turn.ts'
import type { OpenStream, OpenStreams } from './open-streams.ts'
import { readStream } from './read-stream.ts'

/** Asks the app. @param forwarded the head it gets, as flat pairs of HTTP/1 */
export type Forward = (exchange: StreamExchange, forwarded: readonly string[], answering: Answering) => void

export interface StreamOptions {
  readonly policy: Policy
  readonly decisions: DecisionPoint
  readonly reporter: Reporter
  readonly tracing?: Tracing | undefined
  /** What `type` of a problem body begins with. */
  readonly problemBase?: string | undefined
  /** Where tokens that were not seen before wait to be proved. */
  readonly proofs: Turns
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
  readonly open: OpenStream
  readonly stream: ServerHttp2Stream
  readonly raw: readonly string[]
  readonly endsHere: boolean
  /** Whether it came with fields that node:http2 left out. */
  readonly isMalformed: boolean
  /** Where it comes from, and the peer that it is counted for. */
  readonly address: string
  readonly key: string
}

/** From a stream to its one verdict, and from there to a refusal, a denial or the app. */
export function createStreamHandler(
  options: StreamOptions & {
    readonly forward: Forward
    readonly streams: OpenStreams
    onAdmitted(exchange: StreamExchange): void
  },
): (opened: OpenedStream) => void {
  const { policy, decisions, proofs, streams, reporter, tracing, problemBase, clock, log } = options
  const { unreadMs = 60_000 } = options

  function admit<T>(decide: () => T): T | Verdict {
    try {
      return decide()
    } catch (error) {
      // The decision is total: an exception is a bug, and a bug is no reason to let anybody in, or to fall over.
      log.error({ err: error }, 'the decision threw, the call is denied')
      return { ...malformedVerdict(policy), decision: { allow: false, reason: 'policy_unsupported' } }
    }
  }

  function callOf(
    { raw, address }: OpenedStream,
    verdict: Verdict,
    rest: Pick<Call, 'requestId' | 'startedMs' | 'trace'>,
  ): Call {
    return { verdict, method: fieldOf(raw, ':method'), target: fieldOf(raw, ':path'), address, ...rest }
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
    const answer = inFormOf(head, denial(call.verdict, call.requestId, problemBase))
    reporter.report(call, answer.status)
    writeStreamAnswer(stream, answer, { grpc, head: head.method === 'HEAD' })
  }

  function pass(exchange: StreamExchange, open: OpenStream): void {
    const { call, head, stream, grpc } = exchange
    const { decision, snapshot } = call.verdict
    const forwarded = forwardHead(head, {
      decision,
      keepCredential: snapshot?.service?.keepCredential ?? 'Never',
      keyHeader: snapshot?.service?.apiKey?.header,
      requestId: call.requestId,
      address: call.address,
      trace: call.trace,
    })
    const answering = createAnswering(exchange, { reporter, unreadMs, problemBase })
    // A stream of gRPC may be silent both ways for hours; dead peers are found by TCP.
    if (head.body !== 'none' && !grpc) streams.watchBody(open)
    if (head.expectContinue) stream.additionalHeaders({ ':status': 100 })
    open.admitted = { exchange, answering }
    options.onAdmitted(exchange)
    options.forward(exchange, forwarded, {
      ...answering,
      begin(status, raw, body) {
        streams.answers(open, raw)
        answering.begin(status, raw, body)
        if (typeof body === 'object') streams.watchAnswer(open, body)
      },
      end(last) {
        answering.end(last)
        streams.wrote(open)
      },
      sends: bytes => streams.sends(open, bytes),
      write(bytes) {
        const goesOn = answering.write(bytes)
        if (goesOn) streams.wrote(open)
        else streams.blocked(open)
        return goesOn
      },
    })
  }

  return opened => {
    const startedMs = clock.now()
    const { open, stream, raw, endsHere, isMalformed, key } = opened
    const read = isMalformed ? leftOut : readStream(raw, endsHere)
    if ('status' in read) return refuse(opened, read, startedMs)
    const head = withoutQueryKey(read, policy.snapshot())
    const trace = tracing?.begin(head)
    const decided = (verdict: Verdict): void => {
      const of = { requestId: head.requestId ?? randomUUID(), startedMs, trace }
      const call = { ...callOf(opened, verdict, of), target: head.target }
      const grpc = isGrpcType(fieldOf(raw, 'content-type'))
      const exchange: StreamExchange = { call, peer: key, head, stream, grpc, reported: false, standing: undefined }
      if (verdict.pass) pass(exchange, open)
      else deny(exchange)
    }
    const known = admit(() => decisions.authorizeKnown(head))
    if (known) return decided(known)
    // A token that was not seen before: proving it costs time, of which every peer gets its part.
    const fate = whenItsTurn(proofs, key, stream, turn =>
      decided(turn === 'come' ? admit(() => decisions.authorize(head)) : overloadedVerdict(policy)),
    )
    if (fate === 'refused') decided(overloadedVerdict(policy))
  }
}

function fieldOf(raw: readonly string[], name: string): string | undefined {
  for (let at = 0; at + 1 < raw.length; at += 2) if (raw[at] === name) return raw[at + 1]
  return undefined
}

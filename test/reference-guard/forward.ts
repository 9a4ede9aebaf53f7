import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Dispatcher } from 'undici'
import { forwardHead } from '../../enforce/forward-head.ts'
import type { Call, Reporter } from '../../enforce/report/report.ts'
import { decisionHeader, type UpstreamFault, upstreamFailed } from '../../enforce/respond.ts'
import type { RequestHead } from '../../platform/wire/read-request.ts'
import { endEarly, requestBody } from './request-body.ts'
import { answerHead, faultOf } from './upstream.ts'
import { writeAnswer } from './write-answer.ts'

/** A call on its way through the guard. */
export interface Exchange {
  readonly call: Call
  readonly head: RequestHead
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

export interface ForwardOptions {
  readonly upstream: Dispatcher
  readonly reporter: Reporter
  isDraining(): boolean
  /** How long a caller may leave its answer unread before it loses it: it holds a connection to the app. */
  readonly unreadMs?: number
  /** Takes over both connections when the app answered 101. */
  onTunnel(exchange: Exchange, head: readonly string[], upstreamSocket: Duplex): void
}

/** Sends an admitted call to the app and its answer back, both streaming. No retries. */
export function forward(exchange: Exchange, options: ForwardOptions): void {
  const { call, head, request } = exchange
  const { decision, snapshot } = call.verdict
  options.upstream.dispatch(
    {
      method: head.method,
      path: head.target,
      headers: forwardHead(head, {
        decision,
        keepCredential: snapshot?.service?.keepCredential ?? 'Never',
        requestId: call.requestId,
        address: call.address,
      }),
      body: head.body === 'none' ? null : requestBody(request),
      ...(head.webSocket && { upgrade: 'websocket' }),
    },
    answerTo(exchange, options),
  )
}

/** What a call still has to do when its answer comes, or does not. */
interface Outcome {
  /** Reports the call, once. */
  report(status: number | undefined): void
  fail(fault: UpstreamFault): void
}

function outcomeOf(exchange: Exchange, { reporter, isDraining }: ForwardOptions): Outcome {
  const { call, response } = exchange
  let reported = false
  function report(status: number | undefined): void {
    if (!reported) reporter.report(call, status)
    reported = true
  }
  return {
    report,
    fail(fault) {
      if (response.destroyed) return
      // Half an answer cannot be taken back; a cut connection says that it was one.
      if (response.headersSent) return void response.destroy()
      const answer = upstreamFailed(fault, call.verdict, call.requestId)
      report(answer.status)
      writeAnswer(exchange, answer, isDraining())
    },
  }
}

function answerTo(exchange: Exchange, options: ForwardOptions): Dispatcher.DispatchHandler {
  const { call, head, request, response } = exchange
  const { report, fail } = outcomeOf(exchange, options)
  const decision = decisionHeader(call.verdict.decision, true)
  const flow = watchCaller(response, options.unreadMs ?? 60_000, () => report(undefined))

  return {
    onRequestStart: started => flow.begin(started),
    onResponseStart(started, status) {
      // 102 and 103 are hints for this hop: RFC 9110 section 15.2 lets a proxy drop them.
      if (status < 200) return
      const headers = answerHead(started.rawHeaders, decision)
      if (options.isDraining()) headers.push('Connection', 'close')
      try {
        response.writeHead(status, headers)
      } catch {
        started.abort(new Error('the app sent a head that cannot be passed on'))
        return
      }
      report(status)
      // The first bytes of the body go out with the head; a stream that has none yet must not keep its head back.
      process.nextTick(() => response.writableEnded || response.flushHeaders())
    },
    onResponseData(_started, chunk) {
      if (!response.write(chunk)) flow.pause()
    },
    onResponseEnd() {
      if (head.body === 'none' || request.complete) response.end()
      else endEarly(request, response)
    },
    onResponseError: (_started, error) => fail(faultOf(error)),
    onRequestUpgrade(started, status, headers, socket) {
      if (status !== 101 || !isWebSocket(headers.upgrade)) {
        socket.destroy()
        return fail('upstream_invalid')
      }
      report(status)
      flow.handOver()
      options.onTunnel(exchange, answerHead(started.rawHeaders, decision), socket)
    },
  }
}

/** Back-pressure from the caller, and its going away, told to the connection to the app. */
function watchCaller(response: ServerResponse, unreadMs: number, onGone: () => void) {
  let controller: Dispatcher.DispatchController | undefined
  let unread: NodeJS.Timeout | undefined
  let handedOver = false
  response.on('drain', () => {
    clearTimeout(unread)
    controller?.resume()
  })
  response.on('close', () => {
    clearTimeout(unread)
    if (handedOver || response.writableFinished) return
    onGone()
    controller?.abort(new Error('the client went away'))
  })
  return {
    begin(started: Dispatcher.DispatchController): void {
      controller = started
      if (response.destroyed) started.abort(new Error('the client went away'))
    },
    pause(): void {
      controller?.pause()
      clearTimeout(unread)
      unread = setTimeout(() => response.destroy(), unreadMs)
    },
    /** The connections have another owner now. */
    handOver(): void {
      handedOver = true
    },
  }
}

function isWebSocket(protocol: string | string[] | undefined): boolean {
  return typeof protocol === 'string' && protocol.toLowerCase() === 'websocket'
}

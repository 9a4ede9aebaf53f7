import type { Socket } from 'node:net'
import type { UpstreamFault } from '../../enforce/respond.ts'
import { newBody, nextData } from '../../platform/wire/body.ts'
import { inOnePiece } from '../../platform/wire/fields/one-piece.ts'
import { endOfHead } from '../../platform/wire/fields/read-fields.ts'
import { type AnswerHead, readAnswer } from '../../platform/wire/read-answer.ts'
import { nothingBefore, recall, remember } from '../../platform/wire/read-before.ts'
import { sendRequest, stopSending } from './send.ts'
import type { Upstream, UpstreamHandler, UpstreamOwner } from './state.ts'

const maxHeadBytes = 65_536
const maxHints = 32

/** A connection that nobody has asked anything on. @param since tick of now */
export function newUpstream(socket: Socket, since: number): Upstream {
  const upstream: Upstream = {
    socket,
    since,
    send: () => sendRequest(upstream),
    out: '',
    queued: false,
    before: nothingBefore(),
    handler: undefined,
    method: '',
    request: '',
    hasBody: false,
    isLast: false,
    idleFor: -1,
    heard: false,
    doubtful: false,
    asksSwitch: false,
    sent: false,
    corked: false,
    stopped: false,
    readsOn: false,
    connected: false,
    pending: undefined,
    answer: undefined,
    body: undefined,
    askedAt: since,
    idleTicks: -1,
    hints: 0,
    tunnel: undefined,
  }
  return upstream
}

/** Takes what came from the app. @param bytes good until this returns */
export function takeBytes(upstream: Upstream, bytes: Buffer, length: number, owner: UpstreamOwner): boolean {
  upstream.since = owner.tick()
  if (upstream.tunnel) {
    upstream.tunnel(Buffer.from(bytes.subarray(0, length)))
    return true
  }
  const { handler } = upstream
  // Nobody asked yet: an answer to nothing would be taken for the answer to the next request.
  if (!handler || upstream.out !== '') return fail(upstream, 'upstream_invalid')
  upstream.heard = true
  const { pending } = upstream
  if (!pending) return takeMessage(upstream, handler, bytes, length, owner)
  upstream.pending = undefined
  const all = Buffer.concat([pending, bytes.subarray(0, length)])
  return takeMessage(upstream, handler, all, all.length, owner)
}

function takeMessage(
  upstream: Upstream,
  handler: UpstreamHandler,
  bytes: Buffer,
  length: number,
  owner: UpstreamOwner,
): boolean {
  let at = 0
  while (!upstream.answer) {
    const next = takeHead(upstream, handler, bytes, at, length, owner)
    if (next < 0) return true
    at = next
  }
  const { body } = upstream
  while (body && at < length && !body.done) {
    at = nextData(body, bytes, at, length)
    if (body.broken) return fail(upstream, 'upstream_invalid')
    if (body.dataEnd > body.dataStart) handler.onData(bytes, body.dataStart, body.dataEnd)
    if (upstream.handler !== handler) return true
  }
  if (!body || body.done) return end(upstream, handler, at === length, owner)
  return handler.onPause()
}

/** @returns where the head ends; less than 0 when there is nothing more to do with these bytes */
function takeHead(
  upstream: Upstream,
  handler: UpstreamHandler,
  bytes: Buffer,
  at: number,
  length: number,
  owner: UpstreamOwner,
): number {
  const again = upstream.method === 'HEAD' ? undefined : recall(upstream.before, bytes, at, length)
  if (again) return begin(upstream, handler, again, at + (upstream.before.bytes as Buffer).length, owner)
  const most = Math.min(length, at + maxHeadBytes)
  const end = endOfHead(bytes, at, most)
  if (end === -1) {
    if (most - at === maxHeadBytes || !couldBegin(bytes.toString('latin1', at, most)))
      fail(upstream, 'upstream_invalid')
    else upstream.pending = Buffer.from(bytes.subarray(at, length))
    return -1
  }
  const text = bytes.toString('latin1', at, end + 4)
  const answer = readAnswer(at === 0 ? bytes : bytes.subarray(at), text, end - at, upstream.method)
  if (!answer || (answer.status === 101 && !switches(upstream, answer))) {
    fail(upstream, 'upstream_invalid')
    return -1
  }
  const next = end + 4
  if (answer.status === 101) {
    owner.onTunnel(upstream)
    handOver(upstream, handler, answer, Buffer.from(bytes.subarray(next, length)))
    return -1
  }
  // 100, 102 and 103 are hints for this hop: RFC 9110 section 15.2 lets a proxy drop them.
  if (answer.status < 200) {
    if (++upstream.hints <= maxHints) return next
    fail(upstream, 'upstream_invalid')
    return -1
  }
  if (upstream.method !== 'HEAD') {
    remember(upstream.before, { ...answer, fields: inOnePiece(answer.fields) }, bytes, at, next)
  }
  return begin(upstream, handler, answer, next, owner)
}

function begin(
  upstream: Upstream,
  handler: UpstreamHandler,
  answer: AnswerHead,
  next: number,
  owner: UpstreamOwner,
): number {
  upstream.answer = answer
  upstream.body = answer.framing === 'none' ? undefined : newBody(answer.framing, answer.length ?? 0, 'answer')
  // After an error many apps close the connection and do not say so.
  upstream.doubtful = answer.status >= 500
  upstream.idleTicks = answer.keepsOpen && isProved(upstream, answer) ? owner.idleTicks(answer.keepsSeconds) : -1
  // RFC 9112 section 9.5. One that is no error may be made of what is still to come.
  if (!upstream.sent && answer.status >= 400) stopSending(upstream)
  handler.onAnswer(answer)
  return upstream.handler === handler ? next : -1
}

/**
 * Whether the answer's own framing proves where it ends, and nothing is left that the app may still answer. Where there is
 * no body by rule, a faulty app writes one all the same, and late: it would be the answer to somebody else's request. Of a
 * body that it refused, or has no use for, it may take the rest for the next request.
 */
function isProved(upstream: Upstream, { status, framing }: AnswerHead): boolean {
  const { method, hasBody, isLast, sent, hints, socket } = upstream
  if (isLast || method === 'HEAD' || status === 204 || status === 205 || status === 304 || framing === 'to-close')
    return false
  return sent && hints === 0 && (!hasBody || (status < 400 && socket.writableLength === 0))
}

/** What is no answer of HTTP/1 is told at once, not when its time is over. */
function couldBegin(text: string): boolean {
  const beginning = 'HTTP/1.'
  return text.startsWith(beginning.slice(0, Math.min(text.length, beginning.length)))
}

function switches({ asksSwitch, sent }: Upstream, { upgrade }: AnswerHead): boolean {
  return asksSwitch && sent && upgrade === 'websocket'
}

function handOver(upstream: Upstream, handler: UpstreamHandler, answer: AnswerHead, firstBytes: Buffer): void {
  upstream.handler = undefined
  upstream.idleTicks = -1
  handler.onSwitch(answer, upstream, firstBytes)
}

function end(upstream: Upstream, handler: UpstreamHandler, isWhole: boolean, owner: UpstreamOwner): boolean {
  const { sent, stopped, idleTicks, socket, body } = upstream
  reset(upstream)
  // Bytes behind the answer, or a request that was cut short or not yet taken: the next answer could be another one's.
  const isClean = isWhole && sent && !stopped && socket.writableLength === 0
  if (isClean && idleTicks >= 0 && !socket.destroyed && socket.writable) owner.onIdle(upstream)
  else socket.destroy()
  handler.onEnd(body?.trailers ?? '')
  return true
}

function reset(upstream: Upstream): void {
  upstream.out = ''
  upstream.request = ''
  upstream.handler = undefined
  upstream.answer = undefined
  upstream.body = undefined
  upstream.pending = undefined
  upstream.hints = 0
}

/** The app said that nothing more comes. */
export function takeEnd(upstream: Upstream, owner: UpstreamOwner): void {
  const { handler, body, tunnel } = upstream
  if (tunnel) return
  if (handler && body?.framing === 'to-close') end(upstream, handler, false, owner)
  else fail(upstream, 'upstream_invalid')
}

/** RFC 9110 section 9.2.2. TRACE is taken from nobody. */
export const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])

/**
 * Ends the connection; whoever waits for an answer is told why there is none, or what to send once more.
 * @param written whether all of the request may have gone out
 */
export function fail(upstream: Upstream, fault: UpstreamFault, written: 'perhaps' | 'no' = 'perhaps'): boolean {
  const { handler } = upstream
  const again = requestAgain(upstream, fault, written)
  reset(upstream)
  destroy(upstream)
  if (again !== '') handler?.onLost(again)
  else handler?.onFault(fault)
  return true
}

/** @see RFC 9110 section 9.2.2 and RFC 9112 section 9.3.1 */
function requestAgain(upstream: Upstream, fault: UpstreamFault, written: 'perhaps' | 'no'): string {
  const { out, request, connected, idleFor, heard, method, hasBody } = upstream
  // There was no connection for it; once there is one, it is sent.
  if (fault === 'upstream_busy') return out === '' ? request : out
  if (fault !== 'upstream_invalid' || !connected) return ''
  // Not one byte went out: whatever it asks for was not done.
  if (out !== '') return out
  if (idleFor < 0 || heard) return ''
  return idempotent.has(method) || (written === 'no' && !hasBody) ? request : ''
}

/** Ends the connection because nobody wants the answer any more. */
export function abandon(upstream: Upstream): void {
  reset(upstream)
  destroy(upstream)
}

function destroy({ socket }: Upstream): true {
  socket.destroy()
  return true
}

import { malformedVerdict, overloadedVerdict, type Verdict } from '../../enforce/authorize.ts'
import { withoutQueryKey } from '../../enforce/query-key.ts'
import type { Call } from '../../enforce/report/report.ts'
import type { CallTrace } from '../../enforce/report/trace.ts'
import { kept } from '../../platform/wire/connection/kept-bytes.ts'
import { isPreface, prefaceLength } from '../../platform/wire/connection/preface.ts'
import { endOfHead } from '../../platform/wire/fields/read-fields.ts'
import { remember } from '../../platform/wire/read-before.ts'
import { afterTarget, checkBeginning, readHead, readRepeated } from '../../platform/wire/read-head.ts'
import { fault, maxHeaderBytes, type RequestHead } from '../../platform/wire/read-request.ts'
import { newRequestId } from '../../platform/wire/request-id.ts'
import type { CallerConnection, ListenerContext } from './caller-state.ts'
import { holdFor, holdLess, keepBytes } from './holding.ts'
import { awaitProof, endProof, enterTunnel } from './phases.ts'
import { deny, refuse, refuseBytes } from './refuse.ts'
import { pass } from './request.ts'

const tooEarly = fault('Send the handshake when all answers before it have arrived.')

/**
 * From bytes to a head, to its one verdict, and from there to a denial or to the app.
 * @param keep how to keep a part of the bytes
 * @returns false when the head has not come to its end: its bytes are kept
 */
export function takeHead(caller: CallerConnection, bytes: Buffer, length: number, keep: typeof kept): boolean {
  const { listener } = caller
  if (listener.onHttp2 && caller.served === 0 && isPreface(bytes, length)) return handOver(caller, bytes, length)
  const again = readRepeated(bytes, length, caller.before)
  if (again) {
    caller.looked = 0
    if (length > again.next) keepBytes(caller, keep(bytes, again.next, length))
    decideHead(caller, again.head)
    return true
  }
  const most = Math.min(length, maxHeaderBytes)
  const end = endOfHead(bytes, Math.max(0, caller.looked - 3), most)
  if (end === -1) {
    const text = bytes.toString('latin1', 0, most)
    const wrong = checkBeginning(text, Math.max(0, caller.looked - 1))
    caller.looked = text.length
    keepBytes(caller, keep(bytes, 0, length))
    if (wrong) refuseBytes(caller, wrong)
    else holdFor(caller)
    return false
  }
  caller.looked = 0
  if (length > end + 4) keepBytes(caller, keep(bytes, end + 4, length))
  // Of the head alone: what is kept of it must not keep what came behind it.
  const text = bytes.toString('latin1', 0, end + 4)
  const head = readHead(bytes, text, end)
  if ('refused' in head) refuse(caller, head, text.startsWith('HEAD '))
  else {
    // A connection may bring one request only.
    if (caller.served > 0) remember(caller.before, head, bytes, afterTarget(head), end + 4)
    decideHead(caller, head)
  }
  return true
}

function handOver(caller: CallerConnection, bytes: Buffer, length: number): false {
  const { listener, socket, accepted } = caller
  const begun = kept(bytes, 0, length)
  keepBytes(caller, begun)
  // The rest of the preface may still come.
  if (length < prefaceLength) return false
  listener.callers.delete(caller)
  // The other listeners do nothing more in this phase, and whoever counts connections has one too.
  socket.removeAllListeners('data')
  // The socket goes on being read as before, for HTTP/2; what else this phase does needs a tunnel of two connections.
  enterTunnel(caller, listener.onHttp2?.(accepted, begun), undefined)
  return false
}

function decideHead(caller: CallerConnection, read: RequestHead): void {
  const { listener } = caller
  const head = withoutQueryKey(read, listener.policy.snapshot())
  const startedMs = listener.clock.now()
  const { method, target } = head
  if (head.webSocket && caller.pipelined) return void refuse(caller, { refused: tooEarly, method, target })
  const trace = listener.tracing?.begin(head)
  const verdict = admitKnown(listener, head)
  if (verdict) decided(caller, head, verdict, startedMs, trace)
  else prove(caller, head, startedMs, trace)
}

/** A token that was not seen before: proving it costs time, of which every peer gets its part. */
function prove(caller: CallerConnection, head: RequestHead, startedMs: number, trace: CallTrace | undefined): void {
  const { listener, accepted } = caller
  awaitProof(caller)
  const fate = listener.proofs.take(accepted.key, turn => {
    // The caller may have gone meanwhile.
    if (caller.phase !== 'proof') return
    endProof(caller)
    try {
      decided(
        caller,
        head,
        turn === 'come' ? admit(listener, head) : overloadedVerdict(listener.policy),
        startedMs,
        trace,
      )
      if (caller.held !== 0) holdLess(caller)
      caller.goOn()
    } catch (error) {
      listener.log.error({ err: error }, 'a request could not be handled')
      caller.socket.destroy()
    }
  })
  if (fate === 'waits') holdFor(caller)
  if (fate !== 'refused') return
  endProof(caller)
  decided(caller, head, overloadedVerdict(listener.policy), startedMs, trace)
}

function decided(
  caller: CallerConnection,
  head: RequestHead,
  verdict: Verdict,
  startedMs: number,
  trace: CallTrace | undefined,
): void {
  const { method, target } = head
  const requestId = head.requestId ?? newRequestId()
  const call: Call = { verdict, method, target, requestId, address: caller.address, startedMs, trace }
  if (verdict.pass) pass(caller, head, call)
  else deny(caller, head, call)
}

function admitKnown(listener: ListenerContext, head: RequestHead): Verdict | undefined {
  try {
    return listener.decisions.authorizeKnown(head)
  } catch (error) {
    return afterBug(listener, error)
  }
}

function admit(listener: ListenerContext, head: RequestHead): Verdict {
  try {
    return listener.decisions.authorize(head)
  } catch (error) {
    return afterBug(listener, error)
  }
}

/** The decision is total: an exception is a bug, and a bug is no reason to let anybody in, or to fall over. */
function afterBug({ log, policy }: ListenerContext, error: unknown): Verdict {
  log.error({ err: error }, 'the decision threw, the call is denied')
  return { ...malformedVerdict(policy), decision: { allow: false, reason: 'policy_unsupported' } }
}

import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { malformedVerdict } from '../../enforce/authorize.ts'
import type { Policy } from '../../enforce/policy/policy.ts'
import type { Reporter } from '../../enforce/report/report.ts'
import { malformed } from '../../enforce/respond.ts'
import type { Clock } from '../../platform/clock.ts'
import { plainAddress } from '../../platform/http/peer.ts'
import type { HeadFault } from '../../platform/wire/read-request.ts'
import type { Exchange } from './forward.ts'
import { writeToSocket } from './write-answer.ts'

const faults: Readonly<Record<string, HeadFault>> = {
  HPE_HEADER_OVERFLOW: { status: 431, detail: 'The header fields are larger than 16384 bytes together.' },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, detail: 'The chunk extensions are too large.' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, detail: 'The head of the request did not arrive in time.' },
}
const notHttp: HeadFault = { status: 400, detail: 'Send HTTP/1.1 as RFC 9112 has it.' }

/**
 * Answers bytes the parser refused: a problem body where an answer can still be placed, one audit line, and the end of
 * the connection, because nobody knows where the next request would begin.
 */
export function handleBrokenBytes(
  error: Error,
  socket: Socket,
  context: { policy: Policy; reporter: Reporter; clock: Clock; exchanges: ReadonlySet<Exchange> | undefined },
): void {
  const { policy, reporter, clock, exchanges } = context
  const { code } = error as { code?: unknown }
  // A connection that broke, or that never said anything, asked for nothing; a call it broke off is told as such.
  const brokeOff = code === 'HPE_INVALID_EOF_STATE' && exchanges !== undefined
  if (code === 'ECONNRESET' || code === 'EPIPE' || brokeOff || socket.bytesRead === 0) return void socket.destroy()
  const fault = (typeof code === 'string' && faults[code]) || notHttp
  const call = {
    verdict: malformedVerdict(policy),
    method: undefined,
    target: undefined,
    requestId: randomUUID(),
    address: plainAddress(socket.remoteAddress),
    startedMs: clock.now(),
  }
  const last = exchanges && [...exchanges].at(-1)
  if (!last) {
    reporter.report(call, socket.writable ? fault.status : undefined)
    writeToSocket(socket, malformed(fault, call.requestId))
    return
  }
  // Broken in the middle of a body: the call fails as a whole. Broken after it: its answer goes out, then the end.
  reporter.report(call, undefined)
  if (last.request.complete) last.response.once('finish', () => socket.destroySoon())
  else socket.destroy()
}

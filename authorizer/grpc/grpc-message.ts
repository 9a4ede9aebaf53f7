import { constants, type ServerHttp2Stream } from 'node:http2'

/** The part of gRPC over HTTP/2 that a unary call needs: one message in, one message or one status out. */

/** https://grpc.io/docs/guides/status-codes/ */
const statuses = { ok: 0, resource_exhausted: 8, unimplemented: 12, internal: 13 } as const
export type GrpcFault = Exclude<keyof typeof statuses, 'ok'>

/** Envoy takes heads of at most 60 KiB, unless it is told otherwise; no body is sent along. */
const longestMessage = 1024 * 1024
const prefixLength = 5
const lingerMs = 250

/** Memory for one message; given back when nothing of it is kept. */
export interface MessagePlace {
  /** @returns whether there is place for so many bytes */
  take(bytes: number): boolean
  release(): void
}

/**
 * Calls back once, with the message or with what is wrong with it; never when the other side broke off. Its length comes
 * first, and place for all of it is taken then: what comes in small pieces costs no more than what comes at once. The
 * place of a whole message is for the receiver to give back.
 */
export function readMessage(
  stream: ServerHttp2Stream,
  place: MessagePlace,
  done: (message: Buffer | GrpcFault) => void,
): void {
  let begun: Buffer | undefined
  let message: Buffer | undefined
  let length = 0
  let over = false

  function end(outcome: Buffer | GrpcFault): void {
    if (over) return
    over = true
    message = undefined
    if (typeof outcome === 'string') place.release()
    done(outcome)
  }
  /** @returns what is wrong with the prefix, or undefined when there is place for what it announces */
  function opened(prefix: Buffer): GrpcFault | undefined {
    // The first byte tells of compression, which nobody offered.
    if (prefix[0] !== 0) return 'unimplemented'
    const announced = prefix.readUInt32BE(1)
    if (announced > longestMessage || !place.take(announced)) return 'resource_exhausted'
    message = Buffer.allocUnsafeSlow(announced)
    return undefined
  }
  /** @returns the prefix, when it is whole: nearly always it comes in one piece */
  function prefixWith(chunk: Buffer): Buffer {
    if (length === 0 && chunk.length >= prefixLength) return chunk
    begun ??= Buffer.alloc(prefixLength)
    chunk.copy(begun, length)
    return begun
  }
  /** @returns the fault for which nothing more is read */
  function take(chunk: Buffer): GrpcFault | undefined {
    const taken = Math.min(chunk.length, Math.max(0, prefixLength - length))
    const prefix = taken > 0 ? prefixWith(chunk) : undefined
    const at = Math.max(0, length - prefixLength)
    length += chunk.length
    if (length < prefixLength) return undefined
    const fault = prefix && opened(prefix)
    // What is too long for the message is dropped here, and told of at its end.
    if (!fault) chunk.copy(message as Buffer, at, taken)
    return length - prefixLength > longestMessage ? 'resource_exhausted' : fault
  }
  stream.on('data', (chunk: Buffer) => {
    const fault = over ? undefined : take(chunk)
    if (fault) end(fault)
  })
  stream.on('end', () => end(message && length - prefixLength === message.length ? message : 'internal'))
  stream.on('close', () => over || place.release())
}

export function frame(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(prefixLength + message.length)
  bytes[0] = 0
  bytes.writeUInt32BE(message.length, 1)
  bytes.set(message, prefixLength)
  return bytes
}

export function succeed(stream: ServerHttp2Stream, framed: Buffer): void {
  if (isGone(stream)) return
  // As names and values: an object would be taken apart and put together anew. The list is Node's from here on.
  stream.respond([':status', '200', 'content-type', 'application/grpc'], { waitForTrailers: true })
  stream.on('wantTrailers', sendStatus)
  stream.end(framed)
}

const done = { 'grpc-status': String(statuses.ok) }

function sendStatus(this: ServerHttp2Stream): void {
  if (isGone(this)) return
  this.sendTrailers(done)
  endReading(this)
}

/** A reset stream is closed before it is destroyed; an answer to it would throw. */
export function isGone(stream: ServerHttp2Stream): boolean {
  return stream.destroyed || stream.closed
}

/** "Trailers-Only": a status without a message. */
export function fail(stream: ServerHttp2Stream, fault: GrpcFault): void {
  if (isGone(stream) || stream.headersSent) return
  const headers = { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': String(statuses[fault]) }
  stream.respond(headers, { endStream: true })
  endReading(stream)
}

/**
 * What is still to come is dropped, and soon refused: RFC 9113 section 8.1. Not at once, or node:http2 would send the
 * refusal before the answer.
 */
function endReading(stream: ServerHttp2Stream): void {
  stream.resume()
  if (stream.readableEnded) return
  const timer = setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), lingerMs)
  stream.once('close', () => clearTimeout(timer))
}

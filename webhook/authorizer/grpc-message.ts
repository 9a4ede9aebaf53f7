import type { ServerHttp2Stream } from 'node:http2'

/** The part of gRPC over HTTP/2 that a unary call needs: one message in, one message or one status out. */

/** https://grpc.io/docs/guides/status-codes/ */
const statuses = { ok: 0, resource_exhausted: 8, unimplemented: 12, internal: 13 } as const
export type GrpcFault = Exclude<keyof typeof statuses, 'ok'>

/** Envoy takes heads of at most 60 KiB, unless it is told otherwise; no body is sent along. */
const longestMessage = 1024 * 1024
const prefixLength = 5

/** Calls back once, with the message or with what is wrong with it; never when the other side broke off. */
export function readMessage(stream: ServerHttp2Stream, done: (message: Buffer | GrpcFault) => void): void {
  const chunks: Buffer[] = []
  let length = 0
  let over = false
  stream.on('data', (chunk: Buffer) => {
    if (over) return
    length += chunk.length
    if (length <= longestMessage) return void chunks.push(chunk)
    over = true
    done('resource_exhausted')
  })
  stream.on('end', () => {
    if (over) return
    const bytes = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)
    const whole = bytes.length >= prefixLength && bytes.readUInt32BE(1) === bytes.length - prefixLength
    if (!whole) return done('internal')
    // The first byte tells of compression, which nobody offered.
    done(bytes[0] === 0 ? bytes.subarray(prefixLength) : 'unimplemented')
  })
}

export function frame(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(prefixLength + message.length)
  bytes[0] = 0
  bytes.writeUInt32BE(message.length, 1)
  bytes.set(message, prefixLength)
  return bytes
}

export function succeed(stream: ServerHttp2Stream, framed: Buffer): void {
  if (stream.destroyed) return
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': String(statuses.ok) }))
  stream.end(framed)
}

/** "Trailers-Only": a status without a message. */
export function fail(stream: ServerHttp2Stream, fault: GrpcFault): void {
  if (stream.destroyed || stream.headersSent) return
  const headers = { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': String(statuses[fault]) }
  stream.respond(headers, { endStream: true })
  // Nobody reads what is still to come.
  stream.resume()
}

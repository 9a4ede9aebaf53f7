import { connect } from 'node:http2'
import { connect as netConnect } from 'node:net'
import type { AppAddress } from '../upstream/target.ts'

const serving = 1
const states = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN']

/**
 * Calls `grpc.health.v1.Health/Check` over h2c. Its two messages have one field each, so they are written by hand.
 * @returns undefined when the app serves, else why not
 * @see gRPC, "GRPC Health Checking Protocol"
 */
export function checkGrpc(
  probe: { service?: string },
  address: AppAddress,
  timeoutMs: number,
): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const origin = 'path' in address ? 'http://localhost' : `http://${address.host}:${address.port}`
    const session = connect(origin, { createConnection: () => netConnect(address) })
    const finish = (settle: () => void): void => {
      clearTimeout(timer)
      session.destroy()
      settle()
    }
    const timer = setTimeout(() => finish(() => resolve('the app did not answer in time')), timeoutMs)
    // The connection's own error is the cause of its stream's.
    const fail = (error: Error): void => finish(() => reject(error.cause ?? error))
    session.on('error', fail)
    const stream = session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    const chunks: Buffer[] = []
    let status: string | undefined
    stream.on('response', headers => {
      status = headers['grpc-status'] as string | undefined
    })
    stream.on('trailers', trailers => {
      status = trailers['grpc-status'] as string | undefined
    })
    stream.on('data', (chunk: Buffer) => chunks.length < 16 && chunks.push(chunk))
    stream.on('error', fail)
    stream.on('end', () => finish(() => resolve(verdict(status, Buffer.concat(chunks)))))
    stream.end(checkRequest(probe.service ?? ''))
  })
}

/** Frame: no compression, length, message; the message: field 1, the name of the service. */
export function checkRequest(service: string): Buffer {
  const name = Buffer.from(service)
  const message = name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a]), varint(name.length), name])
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest])
    bytes.push((rest & 0x7f) | 0x80)
  }
}

function verdict(grpcStatus: string | undefined, frame: Buffer): string | undefined {
  if (grpcStatus !== '0') return `the app answered gRPC status ${Number(grpcStatus ?? 2)}`
  // Field 1 of the answer; a message without it says UNKNOWN.
  const state = frame.length >= 7 && frame[5] === 0x08 ? (frame[6] as number) : 0
  return state === serving ? undefined : `the app says ${states[state] ?? state}`
}

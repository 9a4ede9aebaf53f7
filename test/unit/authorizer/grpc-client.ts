import { type ClientHttp2Session, connect, type SecureClientSessionOptions } from 'node:http2'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  type CheckRequest,
  CheckRequestSchema,
  type CheckResponse,
  CheckResponseSchema,
} from '../../../authorizer/grpc/generated/envoy/service/auth/v3/external_auth_pb.js'
import { frame } from '../../../authorizer/grpc/grpc-message.ts'

export interface GrpcAnswer {
  /** `grpc-status`, from the trailers or, without a message, from the head. */
  readonly status: string | undefined
  readonly response: CheckResponse | undefined
}

/** One connection, as Envoy keeps it. */
export interface GrpcClient {
  check(request: CheckRequest, headers?: Record<string, string | string[]>): Promise<GrpcAnswer>
  /** Any bytes, to any path. */
  send(body: Uint8Array, headers?: Record<string, string | string[]>): Promise<GrpcAnswer>
  readonly session: ClientHttp2Session
  close(): void
}

const checkPath = '/envoy.service.auth.v3.Authorization/Check'

export function openGrpc(url: string, options: SecureClientSessionOptions = {}): GrpcClient {
  const session = connect(url, options)
  session.on('error', () => {})

  function send(body: Uint8Array, headers: Record<string, string | string[]> = {}): Promise<GrpcAnswer> {
    return new Promise((resolve, reject) => {
      const fixed = { ':method': 'POST', ':path': checkPath, 'content-type': 'application/grpc', te: 'trailers' }
      const stream = session.request({ ...fixed, ...headers })
      const chunks: Buffer[] = []
      let status: string | undefined
      stream.on('response', head => {
        status = head['grpc-status'] as string | undefined
      })
      stream.on('trailers', trailers => {
        status = trailers['grpc-status'] as string | undefined
      })
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('error', reject)
      stream.on('close', () => {
        try {
          resolve({ status, response: readResponse(Buffer.concat(chunks)) })
        } catch (error) {
          // A connection that is ended at a limit may end within an answer.
          reject(error)
        }
      })
      stream.end(body)
    })
  }
  return {
    send,
    check: (request, headers) => send(frame(toBinary(CheckRequestSchema, request)), headers),
    session,
    close: () => session.destroy(),
  }
}

function readResponse(bytes: Buffer): CheckResponse | undefined {
  return bytes.length === 0 ? undefined : fromBinary(CheckResponseSchema, bytes.subarray(5))
}

/** A check as Envoy sends it. */
export function checkOf(of: {
  target: string
  method?: string
  service?: string | undefined
  headers?: Record<string, string>
  raw?: readonly (readonly [string, string])[]
}): CheckRequest {
  const { target, method = 'GET', headers = {}, raw } = of
  const service = 'service' in of ? of.service : 'shop/orders'
  const known = raw
    ? { headerMap: { headers: raw.map(([key, value]) => ({ key, rawValue: Buffer.from(value, 'latin1') })) } }
    : { headers: { ':method': method, ':path': target, ':authority': 'orders', ...headers } }
  return create(CheckRequestSchema, {
    attributes: {
      source: { address: { address: { case: 'socketAddress', value: { address: '203.0.113.9' } } } },
      request: { http: { id: '1', method, path: target, ...known } },
      contextExtensions: service === undefined ? {} : { 'latchkey.dev/service': service },
    },
  })
}

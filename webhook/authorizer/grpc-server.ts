import type { Socket } from 'node:net'
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import type { TlsSource } from '../../platform/http/tls-source.ts'
import type { Logger } from '../../platform/log.ts'
import type { ListenAddress } from '../guard/config.ts'
import { peerOf } from '../guard/report.ts'
import { grpcAnswer } from './answer-grpc.ts'
import { CheckRequestSchema, CheckResponseSchema } from './generated/envoy/service/auth/v3/external_auth_pb.js'
import { fail, frame, readMessage, succeed } from './grpc-message.ts'
import { createHttp2Listener, type Http2Listener } from './http2-listener.ts'
import type { Judge } from './judge.ts'
import { type PeerBook, secretHeader } from './prove-peer.ts'
import { callerAddress, readCheckRequest, serviceAsked } from './read-check-request.ts'

export type GrpcServer = Pick<Http2Listener, 'listen' | 'close'>

const checkPath = '/envoy.service.auth.v3.Authorization/Check'

/** Answers Envoy's checks over gRPC: one unary call on node:http2, over TLS or, in the clear, with prior knowledge. */
export function createGrpcServer(options: {
  listen: ListenAddress
  tls?: TlsSource | undefined
  peers: PeerBook
  judge: Judge
  log: Logger
}): GrpcServer {
  const { listen, tls, peers, judge, log } = options
  const listener = createHttp2Listener({ listen, tls, log })

  function check(message: Buffer, socket: Socket, secrets: readonly string[]): Buffer {
    const request = fromBinary(CheckRequestSchema, message)
    const peer = peers.find({ socket, secrets })
    const outcome = judge.judge({
      peer,
      service: serviceAsked(request),
      asked: ({ proxy }) => (proxy === 'Envoy' ? readCheckRequest(request) : { detail: 'Only Envoy asks over gRPC.' }),
      // A stranger's word for whom it sees is worth nothing.
      address: (peer && callerAddress(request)) ?? peerOf(socket.remoteAddress),
    })
    return frame(toBinary(CheckResponseSchema, grpcAnswer(outcome)))
  }

  listener.server.on('stream', (stream, headers) => {
    stream.on('error', (error: Error) => log.debug({ err: error }, 'a check broke off'))
    // Read now: a stream knows its session only while that lives.
    const socket = stream.session?.socket
    if (!socket) return
    if (headers[':path'] !== checkPath || headers[':method'] !== 'POST') return fail(stream, 'unimplemented')
    readMessage(stream, message => {
      if (typeof message === 'string') return fail(stream, message)
      try {
        succeed(stream, check(message, socket, secretsOf(headers[secretHeader])))
      } catch (error) {
        // No CheckRequest, or a bug: either way nothing is allowed, and Envoy denies what has no answer.
        log.warn({ err: error }, 'a check could not be read')
        fail(stream, 'internal')
      }
    })
  })

  return { listen: listener.listen, close: listener.close }
}

/** node:http2 joins what was sent twice; a secret has no comma and no space. */
function secretsOf(sent: string | string[] | undefined): string[] {
  if (sent === undefined) return []
  return (typeof sent === 'string' ? [sent] : sent).flatMap(value => value.split(', '))
}

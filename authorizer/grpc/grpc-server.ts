import type { ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import type { ListenAddress } from '../../enforce/settings.ts'
import type { Clock } from '../../platform/clock.ts'
import { createBudget, type Share } from '../../platform/fair/budget.ts'
import type { HttpLimit } from '../../platform/http/limits.ts'
import type { TlsSource } from '../../platform/http/tls-source.ts'
import type { Logger } from '../../platform/log.ts'
import type { CheckRequest, Judge } from '../judge.ts'
import type { AuthorizerMetrics } from '../metrics.ts'
import type { Peer } from '../peers/peers.ts'
import { type PeerBook, secretHeader } from '../peers/prove-peer.ts'
import { grpcAnswer } from './answer-grpc.ts'
import { CheckRequestSchema, CheckResponseSchema } from './generated/envoy/service/auth/v3/external_auth_pb.js'
import { fail, frame, isGone, type MessagePlace, readMessage, succeed } from './grpc-message.ts'
import { createHttp2Listener, type Http2Listener } from './http2-listener.ts'
import { callerAddress, readCheckRequest, serviceAsked } from './read-check-request.ts'

export type GrpcServer = Pick<Http2Listener, 'listen' | 'close'>

/** Messages under way, of peers that proved who they are. One alone has most of it; beside another, half. */
const messageBytes = { sum: 64 * 1_048_576, perPeer: 48 * 1_048_576 }
const checkPath = '/envoy.service.auth.v3.Authorization/Check'

/** Answers Envoy's checks over gRPC: one unary call on node:http2, over TLS or, in the clear, with prior knowledge. */
export function createGrpcServer(options: {
  listen: ListenAddress
  tls?: TlsSource | undefined
  peers: PeerBook
  judge: Judge
  metrics: Pick<AuthorizerMetrics, 'limitHit'>
  clock: Clock
  log: Logger
}): GrpcServer {
  const { listen, tls, peers, judge, metrics, clock, log } = options
  const onLimit = (limit: HttpLimit): void => metrics.limitHit('grpc', limit)
  const listener = createHttp2Listener({ listen, tls, onLimit, clock, log })
  const messages = createBudget(messageBytes)

  async function answer(stream: ServerHttp2Stream, question: () => CheckRequest): Promise<void> {
    try {
      const outcome = await judge.judge(question())
      if (outcome) succeed(stream, frame(toBinary(CheckResponseSchema, grpcAnswer(outcome))))
    } catch (error) {
      // No CheckRequest, or a bug: either way nothing is allowed, and Envoy denies what has no answer.
      log.warn({ err: error }, 'a check could not be read')
      fail(stream, 'internal')
    }
  }

  /** Memory for one message of this peer. */
  function placeFor(peer: Peer, stream: ServerHttp2Stream): MessagePlace {
    let share: Share | undefined
    return {
      take(bytes) {
        share = messages.take(peer.name, bytes, () => {
          onLimit('bodies')
          fail(stream, 'resource_exhausted')
        })
        if (!share) onLimit('bodies')
        return share !== undefined
      },
      release: () => share?.release(),
    }
  }

  listener.server.on('stream', (stream, headers) => {
    stream.on('error', (error: Error) => log.debug({ err: error }, 'a check broke off'))
    // Read now: a stream knows its session only while that lives.
    const { session } = stream
    const socket = session?.socket
    const running = session && listener.begin(session, stream)
    if (!socket || !running) return
    // Before anything of the message is taken: it can be as long as its sender likes.
    const peer = peers.find({ socket, secrets: secretsOf(headers[secretHeader]) })
    if (!peer) {
      running.answered()
      return void answer(stream, () => stranger(stream, socket))
    }
    if (!running.prove(peer.name)) return
    if (headers[':path'] !== checkPath || headers[':method'] !== 'POST') return fail(stream, 'unimplemented')
    const place = placeFor(peer, stream)
    readMessage(stream, place, message => {
      running.answered()
      if (typeof message === 'string') fail(stream, message)
      else void answer(stream, () => questionOf(message, stream, { socket, peer })).then(place.release)
    })
  })

  return { listen: listener.listen, close: listener.close }
}

function stranger(stream: ServerHttp2Stream, { remoteAddress: address }: Socket): CheckRequest {
  const asked = () => ({ detail: 'Nothing is read of who may not ask.' })
  return { peer: undefined, service: undefined, asked, address, isGone: () => isGone(stream) }
}

function questionOf(message: Buffer, stream: ServerHttp2Stream, from: { socket: Socket; peer: Peer }): CheckRequest {
  const request = fromBinary(CheckRequestSchema, message)
  return {
    peer: from.peer,
    service: serviceAsked(request),
    asked: ({ proxy }) => (proxy === 'Envoy' ? readCheckRequest(request) : { detail: 'Only Envoy asks over gRPC.' }),
    caller: callerAddress(request),
    address: from.socket.remoteAddress,
    isGone: () => isGone(stream),
  }
}

/** node:http2 joins what was sent twice; a secret has no comma and no space. */
function secretsOf(sent: string | string[] | undefined): string[] {
  if (sent === undefined) return []
  return (typeof sent === 'string' ? [sent] : sent).flatMap(value => value.split(', '))
}

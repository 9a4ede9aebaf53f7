import type { ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { fromBinary } from '@bufbuild/protobuf'
import type { ListenAddress } from '../../enforce/settings.ts'
import type { Clock } from '../../platform/clock.ts'
import { createBudget, type Place } from '../../platform/fair/budget.ts'
import type { HttpLimit } from '../../platform/http/limits.ts'
import type { TlsSource } from '../../platform/http/tls-source.ts'
import type { Logger } from '../../platform/log.ts'
import type { CheckRequest, Judge, Outcome } from '../judge.ts'
import type { AuthorizerMetrics } from '../metrics.ts'
import type { Peer } from '../peers/peers.ts'
import { type PeerBook, secretHeader } from '../peers/prove-peer.ts'
import { framedAnswer } from './answer-grpc.ts'
import { CheckRequestSchema } from './generated/envoy/service/auth/v3/external_auth_pb.js'
import { fail, isGone, type MessagePlace, readMessage, succeed } from './grpc-message.ts'
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

  /** No CheckRequest, or a bug: either way nothing is allowed, and Envoy denies what has no answer. */
  function failed(stream: ServerHttp2Stream, error: unknown): void {
    log.warn({ err: error }, 'a check could not be read')
    fail(stream, 'internal')
  }

  function give(stream: ServerHttp2Stream, outcome: Outcome | undefined): void {
    if (outcome) succeed(stream, framedAnswer(outcome))
  }

  /** @param done what the question took may go */
  function answer(stream: ServerHttp2Stream, question: () => CheckRequest, done: () => void): void {
    try {
      const outcome = judge.judge(question())
      if (outcome instanceof Promise) {
        return void outcome
          .then(decided => give(stream, decided))
          .catch(error => failed(stream, error))
          .then(done)
      }
      give(stream, outcome)
    } catch (error) {
      failed(stream, error)
    }
    done()
  }

  /** Memory for one message of this peer. */
  function placeFor(peer: Peer, stream: ServerHttp2Stream): MessagePlace {
    let taken: Place | undefined
    return {
      take(bytes) {
        taken = messages.enter(peer.name, bytes, () => {
          onLimit('bodies')
          fail(stream, 'resource_exhausted')
        })
        if (!taken) onLimit('bodies')
        return taken !== undefined
      },
      release() {
        if (taken) messages.leave(taken)
      },
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
      return void answer(
        stream,
        () => stranger(stream, socket),
        () => {},
      )
    }
    if (!running.prove(peer.name)) return
    if (headers[':path'] !== checkPath || headers[':method'] !== 'POST') return fail(stream, 'unimplemented')
    const place = placeFor(peer, stream)
    readMessage(stream, place, message => {
      running.answered()
      if (typeof message === 'string') fail(stream, message)
      else answer(stream, () => questionOf(message, stream, { socket, peer }), place.release)
    })
  })

  return { listen: listener.listen, close: listener.close }
}

function stranger(stream: ServerHttp2Stream, { remoteAddress: address }: Socket): CheckRequest {
  const asked = () => ({ detail: 'Nothing is read of who may not ask.' })
  return { peer: undefined, service: undefined, asked, address, isGone: () => isGone(stream) }
}

function questionOf(message: Buffer, stream: ServerHttp2Stream, from: { socket: Socket; peer: Peer }): CheckRequest {
  // Envoy tells much more than is read here.
  const request = fromBinary(CheckRequestSchema, message, { readUnknownFields: false })
  return {
    peer: from.peer,
    service: serviceAsked(request),
    forwardsTarget: true,
    asked: ({ proxy }) => (proxy === 'Envoy' ? readCheckRequest(request) : { detail: 'Only Envoy asks over gRPC.' }),
    caller: callerAddress(request),
    address: from.socket.remoteAddress,
    isGone: () => isGone(stream),
  }
}

/** node:http2 joins what was sent twice; a secret has no comma and no space. */
function secretsOf(sent: string | string[] | undefined): string[] {
  if (sent === undefined) return []
  if (typeof sent === 'string' && !sent.includes(',')) return [sent]
  return (typeof sent === 'string' ? [sent] : sent).flatMap(value => value.split(', '))
}

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ListenAddress } from '../../enforce/settings.ts'
import { markProved } from '../../platform/http/exchanges.ts'
import { createServer, type HttpServer } from '../../platform/http/server.ts'
import type { TlsSource } from '../../platform/http/tls-source.ts'
import type { Logger } from '../../platform/log.ts'
import type { Judge } from '../judge.ts'
import type { AuthorizerMetrics } from '../metrics.ts'
import type { PeerBook } from '../peers/prove-peer.ts'
import { httpAnswer, writeHttpAnswer } from './answer-http.ts'
import { readForwarded, readHttpCheck, secretsIn } from './read-check.ts'

/** Proxies may pass on as large a head as they take themselves. */
const maxHeaderBytes = 65_536

/** Answers checks over HTTP: Envoy's, nginx's, haproxy's and Traefik's. Anything but `/check/…` is refused too. */
export function createCheckServer(options: {
  listen: ListenAddress
  tls?: TlsSource | undefined
  peers: PeerBook
  judge: Judge
  metrics: Pick<AuthorizerMetrics, 'limitHit'>
  log: Logger
}): HttpServer {
  const { listen, tls, peers, judge, metrics, log } = options

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', rawHeaders, socket } = request
    const check = readHttpCheck(method, url, rawHeaders)
    const peer = peers.find({ socket, secrets: secretsIn(rawHeaders) })
    // Its connection takes none of the places of strangers from here on.
    if (peer) markProved(response)
    // A body is the caller's: nobody looks at it, and it must not fill the connection.
    request.resume()
    const outcome = await judge.judge({
      peer,
      service: check.service,
      asked: ({ proxy }) => readForwarded(check, proxy),
      address: socket.remoteAddress,
      isGone: () => response.destroyed || socket.destroyed,
    })
    if (outcome) writeHttpAnswer(response, httpAnswer(outcome, peer?.proxy))
  }

  return createServer({
    name: 'check',
    ...listen,
    // Without authorities of our own Node would trust its list, and every web server of the world would be proved.
    ...(tls && { tls, clientCertificates: tls.pair()?.ca !== undefined }),
    log,
    limits: { requestMs: 10_000, headBytes: maxHeaderBytes },
    onLimit: limit => metrics.limitHit('check', limit),
    handler: answer,
  })
}

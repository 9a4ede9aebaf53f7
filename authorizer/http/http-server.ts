import type { ListenAddress } from '../../enforce/settings.ts'
import type { Clock } from '../../platform/clock.ts'
import type { TlsSource } from '../../platform/http/tls-source.ts'
import type { Logger } from '../../platform/log.ts'
import { createHeadServer, type HeadServer } from '../../platform/wire/server/server.ts'
import type { HeadAnswer, HeadRequest } from '../../platform/wire/server/state.ts'
import type { Judge } from '../judge.ts'
import type { AuthorizerMetrics } from '../metrics.ts'
import type { PeerBook } from '../peers/prove-peer.ts'
import { httpAnswer } from './answer-http.ts'
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
  clock: Clock
  log: Logger
}): HeadServer {
  const { listen, tls, peers, judge, metrics, clock, log } = options

  /** A body is the caller's: nobody looks at it. */
  function answer({ head, socket, prove, isGone }: HeadRequest): HeadAnswer | Promise<HeadAnswer | undefined> {
    const check = readHttpCheck(head)
    const peer = peers.find({ socket, secrets: secretsIn(check) })
    // Its connection takes none of the places of strangers from here on.
    if (peer) prove()
    const outcome = judge.judge({
      peer,
      service: check.service,
      asked: ({ proxy }) => readForwarded(check, proxy),
      address: socket.remoteAddress,
      isGone,
    })
    if (!(outcome instanceof Promise)) return httpAnswer(outcome, peer?.proxy)
    return outcome.then(decided => decided && httpAnswer(decided, peer?.proxy))
  }

  return createHeadServer({
    name: 'check',
    ...listen,
    tls,
    // Without authorities of our own Node would trust its list, and every web server of the world would be proved.
    clientCertificates: tls?.pair()?.ca !== undefined,
    limits: { requestMs: 10_000, headBytes: maxHeaderBytes },
    onLimit: limit => metrics.limitHit('check', limit),
    handler: answer,
    clock,
    log,
  })
}

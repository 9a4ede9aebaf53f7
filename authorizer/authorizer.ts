import type { Audit } from '../enforce/report/audit.ts'
import { createReporter } from '../enforce/report/report.ts'
import type { ListenAddress } from '../enforce/settings.ts'
import type { Clock } from '../platform/clock.ts'
import { createHealthServer } from '../platform/http/health.ts'
import type { HttpLimit } from '../platform/http/limits.ts'
import type { TlsSource } from '../platform/http/tls-source.ts'
import type { Logger } from '../platform/log.ts'
import { createGrpcServer } from './grpc/grpc-server.ts'
import { createCheckServer } from './http/http-server.ts'
import { createJudge } from './judge.ts'
import type { AuthorizerMetrics } from './metrics.ts'
import { createProofLine } from './peers/proof-line.ts'
import type { PeerBook } from './peers/prove-peer.ts'
import type { ServedService } from './served-service.ts'

/** One authorizer: its listeners. Where policies come from is not its business. */
export interface Authorizer {
  start(): Promise<AuthorizerPorts>
  /** Not ready at once; for `graceMs` it still takes checks, then it finishes what runs. */
  drain(graceMs: number, deadlineMs: number): Promise<void>
}

export interface AuthorizerPorts {
  readonly http: number | undefined
  readonly grpc: number | undefined
  readonly health: number | undefined
}

/** An authorizer that runs, wherever its policies come from. */
export interface RunningAuthorizer extends AuthorizerPorts {
  stop(): Promise<void>
}

export interface AuthorizerOptions {
  readonly listen: ListenAddress | undefined
  readonly grpcListen: ListenAddress | undefined
  readonly healthListen: ListenAddress | undefined
  readonly tls: TlsSource | undefined
  readonly services: ReadonlyMap<string, ServedService>
  readonly peers: PeerBook
  readonly audit: Audit
  readonly problemBase?: string | undefined
  readonly metrics: AuthorizerMetrics
  readonly clock: Clock
  readonly log: Logger
}

/** How long a service without a policy keeps the process from being ready. After that it is denied alone. */
const patienceMs = 30_000

export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  const { listen, grpcListen, healthListen, services, audit, problemBase, metrics, clock, log } = options
  const stray = createReporter({ audit, metrics: metrics.ofService(''), service: '', clock })
  const judge = createJudge({ services, stray, problemBase, proofs: createProofLine({ clock, log }), clock, log })
  const http = listen && createCheckServer({ ...options, listen, judge })
  const grpc = grpcListen && createGrpcServer({ ...options, listen: grpcListen, judge })
  const startedMs = clock.now()
  let draining = false

  function unready(): string | undefined {
    if (draining) return 'the authorizer is stopping'
    const waiting = [...services.values()].filter(({ policy }) => !policy.snapshot()).map(({ name }) => name)
    const patient = clock.now() - startedMs < patienceMs
    return waiting.length > 0 && patient ? `policy_missing: no snapshot of ${waiting.join(', ')} came yet` : undefined
  }

  const onLimit = (limit: HttpLimit): void => metrics.limitHit('health', limit)
  const probed = { live: () => undefined, ready: unready, metrics, onLimit, log }
  const health = healthListen && createHealthServer({ ...healthListen, ...probed })

  return {
    async start() {
      const ports = {
        http: (await http?.listen())?.port,
        grpc: (await grpc?.listen())?.port,
        health: (await health?.listen())?.port,
      }
      log.info({ services: [...services.keys()], ...ports }, 'answering proxies')
      return ports
    },
    async drain(graceMs, deadlineMs) {
      draining = true
      await new Promise<void>(resolve => clock.after(graceMs, resolve))
      await Promise.all([http?.close(deadlineMs), grpc?.close(deadlineMs)])
      await health?.close(0)
    },
  }
}

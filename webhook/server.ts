import type { Clock } from '../platform/clock.ts'
import { createServer, type HttpServer } from '../platform/http/server.ts'
import type { TlsSource } from '../platform/http/tls-source.ts'
import type { KubeClient } from '../platform/kube/client.ts'
import type { Logger } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import { createAdmissionHandler } from './admission/endpoint.ts'
import { createFindMissing } from './admission/find-missing.ts'
import { mutatePod } from './admission/mutate-pod.ts'
import { validateObject } from './admission/validate-object.ts'
import type { InjectionSettings } from './injection/guard-container.ts'
import { measured } from './measure.ts'

// Reviews come from the few addresses of the API server, so one of them may have nearly all.
const bodyLimits = { bodies: { sum: 32 * 1_048_576, perPeer: 24 * 1_048_576 } }

/** The server that the API server asks: `/validate` for our kinds, `/mutate` for labelled pods. */
export function createWebhookServer(options: {
  readonly port: number
  readonly host?: string
  readonly tls: TlsSource
  readonly settings: InjectionSettings
  readonly client: Pick<KubeClient, 'get'>
  readonly clock: Clock
  readonly log: Logger
  readonly metrics?: Metrics
}): HttpServer {
  const { port, host, tls, settings, client, clock, log, metrics } = options
  const missing = createFindMissing(client)
  const now = () => Math.floor(clock.wallMs() / 1000)
  return createServer({
    name: 'webhook',
    port,
    ...(host !== undefined && { host }),
    tls,
    log,
    ...(metrics && { metrics }),
    limits: { requestMs: 5_000, headMs: 3_000, bodyBytes: 3 * 1_048_576, ...bodyLimits },
    handler: createAdmissionHandler(
      measured(metrics, {
        '/validate': request => validateObject(request, now(), missing),
        '/mutate': request => mutatePod(request, settings),
      }),
      log,
    ),
  })
}

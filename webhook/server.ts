import type { Clock } from '../platform/clock.ts'
import { createServer, type HttpServer } from '../platform/http/server.ts'
import type { TlsSource } from '../platform/http/tls-source.ts'
import type { KubeClient } from '../platform/kube/client.ts'
import type { Logger } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import { createAudienceTaken } from './admission/audience-taken.ts'
import { createAdmissionHandler } from './admission/endpoint.ts'
import { createFindMissing } from './admission/find-missing.ts'
import { createLookAtService } from './admission/look-at-service.ts'
import { mutatePod } from './admission/mutate-pod.ts'
import { validateObject } from './admission/validate-object.ts'
import type { InjectionSettings } from './injection/guard-container.ts'
import { measured } from './measure.ts'

/** The server that the API server asks: `/validate` for our kinds, `/mutate` for labelled pods. */
export function createWebhookServer(options: {
  readonly port: number
  readonly host?: string
  readonly tls: TlsSource
  readonly settings: InjectionSettings
  readonly installation: string
  readonly client: Pick<KubeClient, 'get' | 'list'>
  readonly clock: Clock
  readonly log: Logger
  readonly metrics?: Metrics
}): HttpServer {
  const { port, host, tls, settings, client, clock, log, metrics } = options
  const missing = createFindMissing(client)
  const look = createLookAtService(client)
  const taken = createAudienceTaken(client, options.installation)
  const now = () => Math.floor(clock.wallMs() / 1000)
  return createServer({
    name: 'webhook',
    port,
    ...(host !== undefined && { host }),
    tls,
    log,
    ...(metrics && { metrics }),
    requestTimeoutMs: 5_000,
    headersTimeoutMs: 3_000,
    handler: createAdmissionHandler(
      measured(metrics, {
        '/validate': request => validateObject(request, now(), missing, taken),
        '/mutate': request => mutatePod(request, settings, look),
      }),
      log,
    ),
  })
}

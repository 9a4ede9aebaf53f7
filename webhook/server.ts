import type { Clock } from '../platform/clock.ts'
import { createServer, type HttpServer } from '../platform/http/server.ts'
import type { TlsSource } from '../platform/http/tls-source.ts'
import type { KubeClient } from '../platform/kube/client.ts'
import type { Logger } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import { createAudienceTaken } from './admission/checks/audience-taken.ts'
import { createFindMissing } from './admission/checks/find-missing.ts'
import { createLookAtService } from './admission/checks/look-at-service.ts'
import { createConclude } from './admission/conclude.ts'
import { createAdmissionHandler } from './admission/endpoint.ts'
import { createExaminer } from './admission/examiner.ts'
import type { KnownPaths } from './admission/known-paths.ts'
import { longestBytes } from './admission/read-body.ts'
import type { InjectionSettings } from './injection/guard-container.ts'
import { countReviews } from './measure.ts'

const mebibyte = 1_048_576
// Reviews come from the few addresses of the API server, so one of them may have nearly all. A review that is read takes
// many times its bytes, and all of it has to fit beside the rest into the chart's limit.
const bodyLimits = { longBodies: { sum: 16 * mebibyte, perPeer: 12 * mebibyte } }

/** The server that the API server asks: about specs of our kinds, and for guards in labelled pods. */
export function createWebhookServer(options: {
  readonly port: number
  readonly host?: string
  readonly tls: TlsSource
  readonly settings: InjectionSettings
  readonly installation: string
  readonly paths: Pick<KnownPaths, 'find'>
  readonly client: Pick<KubeClient, 'get' | 'scan' | 'raw'>
  readonly clock: Clock
  readonly log: Logger
  readonly metrics?: Metrics
}): HttpServer {
  const { port, host, tls, settings, paths, client, clock, log, metrics } = options
  const examiner = createExaminer(settings)
  const server = createServer({
    name: 'webhook',
    port,
    ...(host !== undefined && { host }),
    tls,
    log,
    ...(metrics && { metrics }),
    limits: { requestMs: 5_000, headMs: 3_000, bodyBytes: longestBytes, ...bodyLimits },
    handler: createAdmissionHandler({
      find: paths.find,
      examine: examiner.examine,
      conclude: createConclude({
        look: createLookAtService(client),
        missing: createFindMissing(client),
        taken: createAudienceTaken(client, options.installation),
      }),
      now: () => Math.floor(clock.wallMs() / 1000),
      begin: countReviews(metrics),
      log,
    }),
  })
  return {
    ...server,
    async close(drainMs) {
      await server.close(drainMs)
      examiner.stop()
    },
  }
}

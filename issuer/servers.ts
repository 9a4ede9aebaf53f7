import type { ServerResponse } from 'node:http'
import { systemClock } from '../platform/clock.ts'
import { sendProblem } from '../platform/http/problem.ts'
import { createServer, type Handler } from '../platform/http/server.ts'
import { createServingCertificate, observeExpiry } from '../platform/http/serving-certificate.ts'
import { createTlsSource } from '../platform/http/tls-source.ts'
import type { KubeClient } from '../platform/kube/client.ts'
import type { Logger } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import type { FairReviewer } from './authenticate/review-fairly.ts'
import type { Holder } from './authenticate/token-review.ts'
import { checkUrl } from './check/check-handler.ts'
import { maxCheckBytes } from './check/read-checks.ts'
import type { IssuerConfig } from './config.ts'
import { reportEnforcement } from './enforcement/enforcement.ts'
import type { Objects } from './objects.ts'
import { createPrivateHandler } from './private-server.ts'
import { createPublicHandler } from './publish/public-server.ts'
import type { Found } from './publish/routes.ts'
import type { Slices } from './slices/slices.ts'
import type { SnapshotServer } from './snapshots/snapshot-server.ts'
import type { Tokens } from './tokens/tokens.ts'
import { createUsageHandler } from './usage/serve-usage.ts'
import type { Usage } from './usage/usage.ts'

/** The three ports, with the certificate the operator writes. */
export interface Servers {
  readonly ports: { readonly public: number; readonly snapshots: number; readonly tokens: number }
  notReady(): string | undefined
  close(drainMs: number): Promise<void>
}

// A thousand guards and more; each has one connection, which is proved.
const snapshotLimits = { proved: { sum: 2_048, perPeer: 1_024 }, handshakes: { sum: 512, perPeer: 256 } }

export async function startServers(
  config: IssuerConfig,
  parts: {
    client: Pick<KubeClient, 'get'>
    log: Logger
    metrics?: Metrics
    host?: string
    find: (path: string) => Found | undefined
    objects: Objects
    slices: Slices
    snapshots: SnapshotServer
    usage: Usage
    tokens: Pick<Tokens, 'handler'>
    check: Handler
    reviewer: FairReviewer
    ready: () => boolean
  },
): Promise<Servers> {
  const { client, log, metrics, host, find, snapshots, reviewer, ready } = parts
  const tls = createTlsSource()
  if (metrics) observeExpiry(metrics.registry, tls)
  const { namespace, fullname } = config
  const certificate = createServingCertificate({
    client,
    namespace,
    name: `${fullname}-issuer-tls`,
    tls,
    clock: systemClock,
    log,
  })
  certificate.start()
  const base = { log, tls, ...(metrics && { metrics }), ...(host !== undefined && { host }) }

  function enforcement(response: ServerResponse, holder: Holder): void {
    if (holder.user.username !== config.operatorUser) {
      sendProblem(response, { status: 403, code: 'forbidden', title: 'Only the operator may ask this' })
      return
    }
    const body = JSON.stringify(reportEnforcement(parts.objects, parts.slices, snapshots.streams()))
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(body)
  }

  const open = createServer({ ...base, name: 'public', port: config.port, handler: createPublicHandler(find, ready) })
  const guarded = createServer({
    ...base,
    name: 'snapshots',
    port: config.snapshotPort,
    limits: snapshotLimits,
    handler: createPrivateHandler({
      reviewer,
      ready,
      log,
      routes: {
        '/v1/snapshots': { method: 'POST', serve: snapshots.serve },
        '/v1/enforcement': {
          method: 'GET',
          serve: (_request, response, _token, holder) => enforcement(response, holder),
        },
        '/v1/usage': { method: 'GET', serve: createUsageHandler({ ...parts, ...config, clock: systemClock }) },
      },
    }),
  })
  const oauth = createServer({
    ...base,
    name: 'tokens',
    port: config.tokenPort,
    limits: { bodyBytes: maxCheckBytes },
    handler: byPath(new URL(checkUrl(config.tokenUrl)).pathname, parts.check, parts.tokens.handler),
  })
  const [publicPort, snapshotPort, tokenPort] = await Promise.all([open.listen(), guarded.listen(), oauth.listen()])
  return {
    ports: { public: publicPort.port, snapshots: snapshotPort.port, tokens: tokenPort.port },
    notReady: certificate.fault,
    async close(drainMs) {
      await Promise.all([open, guarded, oauth].map(server => server.close(drainMs)))
      certificate.stop()
    },
  }
}

/** Checks stand beside the OAuth endpoints: who floods them takes nothing of a guard. */
function byPath(path: string, own: Handler, others: Handler): Handler {
  return (request, response) => (request.url?.split('?', 1)[0] === path ? own : others)(request, response)
}

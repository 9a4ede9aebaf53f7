import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { type HttpLimit, smallLimits } from './limits.ts'
import { createServer, type HttpServer } from './server.ts'

/**
 * Serves /livez, /readyz and /metrics over plain HTTP.
 * @param options.live why the process should be restarted, or undefined
 * @param options.ready why it should get no traffic, or undefined
 */
export function createHealthServer(options: {
  port: number
  host?: string
  live(): string | undefined
  ready(): string | undefined
  metrics?: Pick<Metrics, 'exposition'> & Partial<Pick<Metrics, 'httpLimits'>>
  /** Default: counts it in `metrics`, where those count limits. */
  onLimit?: (limit: HttpLimit) => void
  log: Logger
}): HttpServer {
  const { live, ready, metrics, log, port, host } = options
  const { onLimit = (limit: HttpLimit) => metrics?.httpLimits?.inc({ server: 'health', limit }) } = options
  const probes: Record<string, () => string | undefined> = { '/livez': live, '/readyz': ready }
  return createServer({
    name: 'health',
    port,
    ...(host !== undefined && { host }),
    log,
    limits: { ...smallLimits, requestMs: 5_000 },
    onLimit,
    async handler(request, response) {
      const path = (request.url ?? '').split('?', 1)[0] ?? ''
      const probe = Object.hasOwn(probes, path) ? probes[path] : undefined
      if (probe) {
        const reason = probe()
        response.writeHead(reason === undefined ? 200 : 503, { 'content-type': 'text/plain; charset=utf-8' })
        response.end(`${reason ?? 'ok'}\n`)
      } else if (path === '/metrics' && metrics) {
        const { contentType, body } = await metrics.exposition()
        response.writeHead(200, { 'content-type': contentType }).end(body)
      } else {
        response.writeHead(404).end()
      }
    },
  })
}

import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { GuardMetrics, Limit } from '../enforce/report/metrics.ts'
import { type HttpLimit, smallLimits } from '../platform/http/limits.ts'
import { createServer, type HttpServer } from '../platform/http/server.ts'
import type { Logger } from '../platform/log.ts'
import type { Debug } from './debug.ts'
import { type Probe, runProbe } from './probes/probes.ts'
import { socketPathOf } from './upstream/target.ts'

/**
 * The guard's own port: /livez, /startupz, /readyz, /metrics, and the app's probes under
 * /probes/<container>/<startup|readiness|liveness>. Reads only; only the declared probes reach the app.
 * @param options.ready why callers should not come here, or undefined
 * @param options.bypassed how callers could go around the guard, or undefined; the app's readiness fails by it, so that
 * there is no moment between the app's first listening and the guard's next look
 * @param options.debug answers below /debug, for callers on loopback alone; without it there are none
 */
export function createAdmin(options: {
  host?: string | undefined
  port: number
  started(): boolean
  ready(): Promise<string | undefined>
  bypassed(): Promise<string | undefined>
  /** What /readyz tells people besides, while the guard is ready: how old the policy is, why no newer one comes. */
  standing(): string | undefined
  /** Where the app listens. */
  upstream: string
  probes: readonly Probe[]
  metrics: GuardMetrics
  debug?: Debug | undefined
  log: Logger
}): HttpServer {
  const { host, port, started, ready, bypassed, metrics, debug = {}, log } = options
  const socket = socketPathOf(options.upstream)
  const probes = new Map(options.probes.map(probe => [`/probes/${probe.container}/${probe.kind}`, probe]))
  const states: Readonly<Record<string, () => string | undefined | Promise<string | undefined>>> = {
    '/livez': () => undefined,
    '/startupz': () => (started() ? undefined : 'the guard does not listen yet'),
    '/readyz': ready,
  }
  return createServer({
    name: 'admin',
    port,
    ...(host !== undefined && { host }),
    log,
    limits: { ...smallLimits, requestMs: 5_000 },
    onLimit: limit => metrics.limitHit(limitNames[limit]),
    async handler(request, response) {
      if (request.method !== 'GET' && request.method !== 'HEAD') return void response.writeHead(405).end()
      const path = (request.url ?? '').split('?', 1)[0] ?? ''
      const state = Object.hasOwn(states, path) ? states[path] : undefined
      const probe = probes.get(path)
      if (state) return answer(response, await state(), path === '/readyz' ? options.standing() : undefined)
      if (probe)
        return answer(
          response,
          (await runProbe(probe, socket)) ?? (probe.kind === 'readiness' ? await bypassed() : undefined),
        )
      const summary = Object.hasOwn(debug, path) && isLocal(request.socket) ? debug[path] : undefined
      if (summary) {
        response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' })
        return void response.end(`${JSON.stringify(summary(), null, 2)}\n`)
      }
      if (path !== '/metrics') return void response.writeHead(404).end()
      const { contentType, body } = await metrics.exposition()
      response.writeHead(200, { 'content-type': contentType }).end(body)
    },
  })
}

/** As the port for callers calls what is alike; its `connections` say that callers find no place, and raise an alarm. */
const limitNames: Readonly<Record<HttpLimit, Limit>> = {
  connections: 'memory',
  handshakes: 'memory',
  bodies: 'memory',
  answers: 'memory',
  handshake_timeout: 'head_timeout',
  head_timeout: 'head_timeout',
  body_timeout: 'body_idle',
  unread: 'unread',
  pipelined: 'flood',
}

/** The kernel lets no packet with a loopback address in from outside: both ends on loopback is this pod. */
function isLocal({ localAddress, remoteAddress }: Socket): boolean {
  return [localAddress, remoteAddress].every(address => /^(::ffff:)?127\.|^::1$/.test(address ?? ''))
}

function answer(response: ServerResponse, problem: string | undefined, standing?: string): void {
  response.writeHead(problem === undefined ? 200 : 503, { 'content-type': 'text/plain; charset=utf-8' })
  response.end(`${problem ?? (standing === undefined ? 'ok' : `ok, but ${standing}`)}\n`)
}

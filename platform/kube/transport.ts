import http from 'node:http'
import https from 'node:https'
import { text } from 'node:stream/consumers'
import type { Metrics } from '../metrics.ts'
import type { KubeAccess, KubeConnection } from './access.ts'
import { goThrough } from './proxy/go-through.ts'
import type { DatedAnswer } from './server-clock.ts'

/** HTTP to one API server over kept-alive connections. No retries of what the server answered. */
export interface Transport {
  /** @throws Error on network faults and after the request timeout; every HTTP status is a result. */
  send(method: string, path: string, options?: SendOptions): Promise<Answer>
  /** As `send`, but resolves with the headers and leaves the body to the caller, without a time limit. */
  open(path: string, signal: AbortSignal): Promise<http.IncomingMessage>
  close(): void
}

export interface SendOptions {
  body?: string
  contentType?: string
  /** What the answer should be; JSON unless given. */
  accept?: string
  signal?: AbortSignal
}

export interface Answer {
  status: number
  headers: http.IncomingHttpHeaders
  body: string
}

export interface TransportOptions {
  userAgent: string
  /** For a whole answer, or a watch's headers. */
  requestTimeoutMs: number
  metrics?: Metrics
  /** Told of the time of every answer. */
  heard?(answer: DatedAnswer): void
}

// 64 in flight is where the API server's write rate levels off; a burst of reconciles must not open a socket each.
const pool = { keepAlive: true, keepAliveMsecs: 30_000, maxSockets: 64, scheduling: 'lifo' } as const

/** @param connection asked before each request, so that renewed credentials are used from then on */
export function createTransport(connection: KubeConnection, options: TransportOptions): Transport {
  const agents = createAgents()

  async function request(method: string, path: string, send: SendOptions, kind: 'short' | 'watch') {
    const access = await connection.access()
    const attempt = () => start(method, path, send, { access, agent: agents.of(access, kind), options })
    try {
      return await attempt()
    } catch (error) {
      // The server may close an idle connection in the moment we write to it. Only what reads is sent again here.
      if (method !== 'GET' || !(error as { reusedSocket?: boolean }).reusedSocket || send.signal?.aborted) throw error
      return attempt()
    }
  }

  return {
    async send(method, path, send = {}) {
      const { response, finish } = await request(method, path, send, 'short')
      try {
        const body = await text(response)
        return { status: response.statusCode ?? 0, headers: response.headers, body }
      } finally {
        finish()
      }
    },
    async open(path, signal) {
      const { response, finish } = await request('GET', path, { signal }, 'watch')
      finish()
      return response
    },
    close: agents.destroy,
  }
}

interface Started {
  response: http.IncomingMessage
  /** Ends the request's time limit. */
  finish(): void
}

function start(
  method: string,
  path: string,
  send: SendOptions,
  by: { access: KubeAccess; agent: http.Agent; options: TransportOptions },
): Promise<Started> {
  const { access, agent, options } = by
  const secure = access.server.startsWith('https:')
  const count = (code: string): void => options.metrics?.restRequests.inc({ code, method })
  const sentMs = Date.now()
  return new Promise((resolve, reject) => {
    const request = (secure ? https : http).request(`${access.server}${path}`, {
      method,
      agent,
      headers: headersOf(access, send, options.userAgent),
      ...(secure && access.tls),
      ...(send.signal && { signal: send.signal }),
    })
    const timer = setTimeout(
      () => request.destroy(new Error(`${method}: no answer within ${options.requestTimeoutMs} ms`)),
      options.requestTimeoutMs,
    )
    const finish = (): void => clearTimeout(timer)
    request.on('error', error => {
      finish()
      count('<error>')
      reject(Object.assign(error, { reusedSocket: request.reusedSocket }))
    })
    request.on('response', response => {
      count(String(response.statusCode))
      compareClocks(response.headers.date, sentMs, options)
      resolve({ response, finish })
    })
    request.end(send.body)
  })
}

/** Keys and tokens say when they were made: by whose clock shows when the API server's says otherwise. */
function compareClocks(date: string | undefined, sentMs: number, { metrics, heard }: TransportOptions): void {
  const receivedMs = Date.now()
  const theirs = Date.parse(date ?? '')
  if (!Number.isNaN(theirs)) metrics?.clockAhead.set(Math.round((receivedMs - theirs) / 1_000))
  heard?.({ date, sentMs, receivedMs })
}

function headersOf(access: KubeAccess, send: SendOptions, userAgent: string): http.OutgoingHttpHeaders {
  // The wildcard is for what is no API object: `/openid/v1/jwks` gives a JWK Set or nothing, `/readyz` gives text.
  const accept = send.accept ?? 'application/json, */*;q=0.1'
  const headers: http.OutgoingHttpHeaders = { ...access.headers, accept, 'user-agent': userAgent }
  if (send.body !== undefined) {
    headers['content-type'] = send.contentType ?? 'application/json'
    headers['content-length'] = String(Buffer.byteLength(send.body))
  }
  return headers
}

/** Watches have their own pool: they hold their connections for minutes and must not starve requests. */
function createAgents() {
  const made = new Map<string, http.Agent>()
  return {
    of(access: KubeAccess, kind: 'short' | 'watch'): http.Agent {
      const secure = access.server.startsWith('https:')
      const name = `${kind} ${secure} ${access.proxy ?? ''}`
      const existing = made.get(name)
      if (existing) return existing
      const options = {
        ...pool,
        ...(kind === 'watch' && { maxSockets: Number.POSITIVE_INFINITY }),
      }
      const agent = secure ? new https.Agent(options) : new http.Agent(options)
      if (access.proxy !== undefined) goThrough(access.proxy, agent)
      made.set(name, agent)
      return agent
    },
    destroy(): void {
      for (const agent of made.values()) agent.destroy()
      made.clear()
    },
  }
}

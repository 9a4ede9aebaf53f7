import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import type { KubeConnection } from '../../../platform/kube/access.ts'

/** What goes wrong with a request to the API server, or with its answer. */
export type Fault =
  | 'reset' // the connection breaks in the middle of the answer
  | 'hang' // the connection stays and nothing more comes
  | 'gone' // 410 as HTTP status
  | 'gone in stream' // 410 as ERROR event
  | 'too many requests' // 429 with Retry-After
  | 'half a line' // the stream ends in order, inside an event
  | 'garbage' // a line that is no event
  | 'slow' // a few bytes at a time
  | 'unavailable' // 503 without a Status
  | 'refused' // the connection is closed before any answer
  | 'mute' // the request is taken, and nothing comes

export const faults: readonly Fault[] = [
  'reset',
  'hang',
  'gone',
  'gone in stream',
  'too many requests',
  'half a line',
  'garbage',
  'slow',
  'unavailable',
  'refused',
]

export interface FaultProxy {
  /** For a client to use instead of the API server. */
  connection: KubeConnection
  /** From now on this share of requests suffers the fault; connections that are open break. */
  suffer(fault: Fault, share: number): void
  /** No more faults; streams that suffer one stay as they are. */
  calm(): void
  /** Epoch ms of each request that came. */
  readonly requests: { at: number; watch: boolean }[]
  /** How many requests suffered a fault. */
  suffered(): number
  close(): Promise<void>
}

const status = (code: number, reason: string) =>
  JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason })
const json = { 'content-type': 'application/json' }

/** A plain HTTP proxy in front of the real API server. All but the faults is the real thing. */
export async function startFaultProxy(upstream: KubeConnection): Promise<FaultProxy> {
  const access = await upstream.access()
  const agent = new https.Agent({ keepAlive: true, ...access.tls })
  const requests: FaultProxy['requests'] = []
  let current: { fault: Fault; share: number } | undefined
  let suffered = 0

  function forward(
    request: IncomingMessage,
    response: ServerResponse,
    onAnswer: (answer: IncomingMessage) => void,
  ): void {
    const { host: _, connection: __, ...headers } = request.headers
    const { method } = request
    const options = { agent, headers: { ...headers, ...access.headers }, ...(method && { method }) }
    const outgoing = https.request(`${access.server}${request.url}`, options, onAnswer)
    outgoing.on('error', () => request.socket.destroy())
    response.on('close', () => outgoing.destroy())
    request.pipe(outgoing)
  }

  const server = http.createServer((request, response) => {
    const watch = request.url?.includes('watch=true') ?? false
    requests.push({ at: Date.now(), watch })
    const fault = current && Math.random() < current.share ? current.fault : undefined
    if (fault) suffered++
    response.on('error', () => undefined)
    if (fault && refuse(fault, request, response)) return
    forward(request, response, answer => {
      response.writeHead(answer.statusCode ?? 502, withoutLength(answer))
      response.flushHeaders()
      answer.on('error', () => response.destroy())
      if (fault) spoil(fault, answer, request, response, watch)
      else answer.pipe(response)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo

  return {
    connection: { access: async () => ({ server: `http://127.0.0.1:${port}`, headers: {}, tls: {} }) },
    suffer: (fault, share) => {
      current = { fault, share }
      server.closeAllConnections()
    },
    calm: () => {
      current = undefined
    },
    requests,
    suffered: () => suffered,
    close: async () => {
      agent.destroy()
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

function withoutLength(answer: IncomingMessage) {
  const { 'content-length': _, 'transfer-encoding': __, connection: ___, ...headers } = answer.headers
  return headers
}

/** Faults that come instead of an answer. */
function refuse(fault: Fault, request: IncomingMessage, response: ServerResponse): boolean {
  if (fault === 'gone') response.writeHead(410, json).end(status(410, 'Expired'))
  else if (fault === 'too many requests')
    response.writeHead(429, { ...json, 'retry-after': '1' }).end(status(429, 'TooManyRequests'))
  else if (fault === 'unavailable')
    response.writeHead(503, { 'content-type': 'text/plain' }).end('upstream connect error')
  else if (fault === 'refused') request.socket.destroy()
  else if (fault === 'mute') return true
  else return false
  return true
}

/** Faults in the middle of an answer: the first bytes, or the first moments, are the server's own. */
function spoil(
  fault: Fault,
  answer: IncomingMessage,
  request: IncomingMessage,
  response: ServerResponse,
  watch: boolean,
): void {
  const end = (last: string | Buffer | undefined): void => {
    answer.unpipe(response)
    answer.destroy()
    response.end(last)
  }
  if (fault === 'slow') {
    void trickle(answer, response)
    return
  }
  if (fault === 'half a line') {
    let left = 3
    answer.on('data', (chunk: Buffer) => {
      if (--left > 0) response.write(chunk)
      else end(chunk.subarray(0, Math.max(1, chunk.length >> 1)))
    })
    answer.on('end', () => response.end())
    return
  }
  answer.pipe(response, { end: false })
  answer.on('end', () => response.end())
  setTimeout(() => {
    if (fault === 'reset') request.socket.resetAndDestroy()
    else if (fault === 'hang') answer.unpipe(response)
    else if (fault === 'garbage' && watch) end('{"type":"ADDED","object":{"metadata":\n')
    else if (fault === 'gone in stream' && watch) end(`{"type":"ERROR","object":${status(410, 'Expired')}}\n`)
  }, Math.random() * 300)
}

async function trickle(answer: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      for (let at = 0; at < chunk.length && !response.destroyed; at += 97) {
        response.write(chunk.subarray(at, at + 97))
        await new Promise(resolve => setTimeout(resolve, 2))
      }
    }
    response.end()
  } catch {
    response.destroy()
  }
}

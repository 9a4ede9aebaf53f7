import { createServer as createHttp1 } from 'node:http'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  createServer as createHttp2,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { alice } from './policy-rows.ts'
import { listen, type Rig, startGuard } from './rig.ts'

/** What a test opened, to be closed in reverse order by `cleanUp`. */
export const cleanups: (() => unknown)[] = []
export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
}

/** A request as an app saw it, whichever protocol it speaks. */
export interface Seen {
  readonly method: string
  readonly path: string
  readonly raw: readonly string[]
  body: string
  ended: boolean
  broken: boolean
  /** Whether the one who asked has gone. */
  gone: boolean
  trailers: readonly string[]
}
export interface Reply {
  head(status: number, fields?: Record<string, string | string[]>): void
  write(bytes: Buffer | string): boolean
  end(bytes?: Buffer | string, trailers?: Record<string, string>): void
  break(code?: number): void
}
export type Answering = (seen: Seen, reply: Reply) => void
export interface TestApp {
  readonly port: number
  readonly protocol: 'http1' | 'h2c'
  readonly seen: Seen[]
}
export const plain: Answering = (seen, reply) => {
  reply.head(200, { 'x-path': seen.path })
  reply.end('from the app')
}

function seenOf(method: string, path: string, raw: string[]): Seen {
  return { method, path, raw, body: '', ended: false, broken: false, gone: false, trailers: [] }
}

/** @param early answers before the body has come */
export async function http1App(answering: Answering = plain, early = false): Promise<TestApp> {
  const seen: Seen[] = []
  const server = createHttp1((request, response) => {
    const { method = '', url = '', rawHeaders } = request
    const one = seenOf(method, url, rawHeaders)
    seen.push(one)
    let trailing: Record<string, string> = {}
    const reply: Reply = {
      head: (status, fields = {}) => void response.writeHead(status, fields),
      write: bytes => response.write(bytes),
      end(bytes = '', trailers = {}) {
        trailing = trailers
        response.addTrailers(trailing)
        response.end(bytes)
      },
      break: () => request.socket.destroy(),
    }
    request.on('data', chunk => (one.body += chunk))
    request.on('error', () => {
      one.broken = true
    })
    response.on('close', () => {
      one.gone = true
    })
    request.on('end', () => {
      one.ended = true
      if (!early) answering(one, reply)
    })
    if (early) answering(one, reply)
  })
  const app = await listen(server)
  cleanups.push(app.close)
  return { port: app.port, protocol: 'http1', seen }
}

export async function h2cApp(answering: Answering = plain, early = false): Promise<TestApp> {
  const seen: Seen[] = []
  const server = createHttp2()
  const sessions = new Set<{ destroy(): void }>()
  server.on('session', session => {
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
  })
  server.on('stream', (stream: ServerHttp2Stream, headers, _flags, raw: string[]) => {
    const one = seenOf(String(headers[':method']), String(headers[':path']), raw)
    seen.push(one)
    let trailing: Record<string, string> = {}
    const reply: Reply = {
      head: (status, fields = {}) => stream.respond({ ':status': status, ...fields }, { waitForTrailers: true }),
      write: bytes => stream.write(bytes),
      end(bytes = '', trailers = {}) {
        trailing = trailers
        stream.end(bytes)
      },
      break: (code = constants.NGHTTP2_INTERNAL_ERROR) => stream.close(code),
    }
    stream.on('wantTrailers', () => stream.sendTrailers(trailing))
    stream.on('error', () => {})
    stream.on('aborted', () => {
      one.broken = true
    })
    stream.on('close', () => {
      one.gone = true
    })
    stream.on('trailers', (_trailers, _trailerFlags, flat) => {
      one.trailers = flat
    })
    stream.on('data', chunk => (one.body += chunk))
    stream.on('end', () => {
      one.ended = !stream.aborted
      if (!early && one.ended) answering(one, reply)
    })
    if (early) answering(one, reply)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => {
    for (const session of sessions) session.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, protocol: 'h2c', seen }
}
export const apps = { http1: http1App, h2c: h2cApp }

export async function guarding(
  app: Pick<TestApp, 'port' | 'protocol'>,
  options: Parameters<typeof startGuard>[1] = {},
): Promise<Rig> {
  const rig = await startGuard(app.port, { upstreamProtocol: app.protocol, ...options })
  cleanups.push(rig.close)
  return rig
}

export function session(rig: Rig): ClientHttp2Session {
  const client = connect(`http://127.0.0.1:${rig.port}`)
  client.on('error', () => {})
  cleanups.push(() => client.destroy())
  return client
}

export interface Got {
  readonly status: number
  readonly raw: readonly string[]
  readonly body: string
  readonly trailers: readonly string[]
  readonly resetWith: number
  header(name: string): string | undefined
}

export function outcomeOf(stream: ClientHttp2Stream): Promise<Got> {
  return new Promise(resolve => {
    let raw: readonly string[] = []
    let trailers: readonly string[] = []
    let body = ''
    stream.on('response', (_headers, _flags, flat) => (raw = flat))
    stream.on('trailers', (_headers, _flags, flat) => (trailers = flat))
    stream.on('data', chunk => (body += chunk))
    stream.on('error', () => {})
    const header = (name: string): string | undefined => raw[raw.indexOf(name) + 1]
    stream.on('close', () =>
      resolve({
        status: Number(header(':status')),
        raw,
        body,
        trailers,
        resetWith: stream.rstCode,
        header: name => (raw.includes(name) ? header(name) : undefined),
      }),
    )
  })
}

export function ask(
  client: ClientHttp2Session,
  fields: Record<string, string | string[]> = {},
  body?: string | Buffer,
  token: string | undefined = alice.token(),
): Promise<Got> {
  const stream = client.request({
    ':path': '/api/x',
    ':authority': 'orders',
    ...(body !== undefined && { ':method': 'POST' }),
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...fields,
  })
  const outcome = outcomeOf(stream)
  stream.end(body)
  return outcome
}
export const names = (raw: readonly string[]): string[] =>
  raw.filter((_, at) => at % 2 === 0).map(name => name.toLowerCase())
export const fieldOf = (raw: readonly string[], name: string): string | undefined =>
  raw[names(raw).indexOf(name) * 2 + 1]

import { mkdtemp, writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Frame, Held, Hello, Seen } from '../../core/rows/frames.ts'
import { sliceHash } from '../../core/rows/hash.ts'
import type { Row } from '../../core/rows/rows.ts'
import { createAuthority, createServerCertificate } from '../../platform/x509.ts'

/** One guard's stream, as the issuer's side sees it. */
export interface Stream {
  readonly authorization: string | undefined
  readonly hello: Hello['hello']
  readonly held: Held['held'][]
  send(frame: Frame): void
  /** Bytes as they are. */
  raw(bytes: string): void
  cut(): void
}

/** Speaks frames over TLS like the issuer, and whatever else a test wants. */
export interface FrameServer {
  readonly url: string
  readonly caFile: string
  readonly tokenFile: string
  readonly folder: string
  readonly streams: Stream[]
  /** What to do with the next streams. */
  serve(each: (stream: Stream, response: ServerResponse) => void): void
  /** Answers with this status and code instead of a stream. */
  refuse(status: number, code: string, headers?: Readonly<Record<string, string>>): void
  close(): Promise<void>
}

export async function startFrameServer(): Promise<FrameServer> {
  const folder = await mkdtemp(join(tmpdir(), 'frames-'))
  const now = new Date()
  const authority = await createAuthority({ commonName: 'test', now, lifetimeMs: 3_600_000 })
  const pair = await createServerCertificate({ authority, hosts: ['localhost'], now, lifetimeMs: 3_600_000 })
  const caFile = join(folder, 'ca.crt')
  const tokenFile = join(folder, 'token')
  await writeFile(caFile, authority.certificate)
  await writeFile(tokenFile, 'first-token\n')
  const streams: Stream[] = []
  let each: (stream: Stream, response: ServerResponse) => void = () => {}
  let refusal: { status: number; code: string; headers: Readonly<Record<string, string>> } | undefined

  const server = createServer({ cert: pair.certificate, key: pair.privateKey }, (request, response) => {
    if (refusal) {
      response.writeHead(refusal.status, { 'content-type': 'application/problem+json', ...refusal.headers })
      return void response.end(JSON.stringify({ code: refusal.code }))
    }
    readGuard(request, response, stream => {
      streams.push(stream)
      each(stream, response)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    caFile,
    tokenFile,
    folder,
    streams,
    serve(next) {
      refusal = undefined
      each = next
    },
    refuse(status, code, headers = {}) {
      refusal = { status, code, headers }
    },
    close: () => closed(server),
  }
}

function readGuard(request: IncomingMessage, response: ServerResponse, onHello: (stream: Stream) => void): void {
  const held: Held['held'][] = []
  let rest = ''
  let greeted = false
  response.writeHead(200, { 'content-type': 'application/x-ndjson' })
  response.flushHeaders()
  request.on('error', () => {})
  request.on('data', chunk => {
    rest += chunk
    const lines = rest.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const value = JSON.parse(line)
      if (greeted) held.push(value.held)
      else {
        greeted = true
        onHello({
          authorization: request.headers.authorization,
          hello: value.hello,
          held,
          send: frame => void response.write(`${JSON.stringify(frame)}\n`),
          raw: bytes => void response.write(bytes),
          cut: () => void response.destroy(),
        })
      }
    }
  })
}

function closed(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

export function full(rows: readonly Row[], seen: Seen): Frame & { readonly hash: string } {
  return { full: { rows }, seen, hash: sliceHash(rows) }
}

/** What changes `from` into `to`. */
export function delta(from: readonly Row[], to: readonly Row[], remove: readonly string[], seen: Seen): Frame {
  return { delta: { upsert: to.filter(row => !from.includes(row)), remove }, seen, hash: sliceHash(to) }
}

export function heartbeat(rows: readonly Row[], seen: Seen): Frame {
  return { heartbeat: true, seen, hash: sliceHash(rows) }
}

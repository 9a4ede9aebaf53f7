import net from 'node:net'
import tls from 'node:tls'
import { afterEach } from 'vitest'
import type { HttpLimits } from '../../../../platform/http/limits.ts'
import { createServer, type HttpServer, type HttpServerOptions } from '../../../../platform/http/server.ts'
import { createTlsSource } from '../../../../platform/http/tls-source.ts'
import { createAuthority, createServerCertificate } from '../../../../platform/x509.ts'
import { createQuietLog } from '../quiet-log.ts'

const host = '127.0.0.1'
export const quick: Partial<HttpLimits> = { handshakeMs: 200, headMs: 200, requestMs: 300, idleMs: 200, answerMs: 200 }
const ends: (() => void | Promise<void>)[] = []

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const now = new Date()
const authority = await createAuthority({ commonName: 'a.test', now, lifetimeMs: 3_600_000 })
const issued = await createServerCertificate({ authority, hosts: ['a.test'], now, lifetimeMs: 3_600_000 })
const pair = { cert: issued.certificate, key: issued.privateKey }

export type Handler = HttpServerOptions['handler']
export const hello: Handler = (_request, response) => void response.end('hello')

export async function serve(handler: Handler, limits: Partial<HttpLimits> = quick, secure?: 'tls') {
  const met: string[] = []
  const server: HttpServer = createServer({
    ...{ name: 'test', host, port: 0, log: createQuietLog().log, handler, limits },
    ...(secure && { tls: createTlsSource(pair) }),
    onLimit: limit => met.push(limit),
  })
  ends.push(() => server.close(0))
  const { port } = await server.listen()
  return { port, met, server }
}

/** A peer; `from` is the last byte of its address. */
export function connect(port: number, from = 1): net.Socket {
  const socket = net.connect({ host, port, localAddress: `127.0.0.${from}` })
  socket.on('error', () => {})
  ends.push(() => void socket.destroy())
  return socket
}

export function connectSecurely(port: number, from = 1): tls.TLSSocket {
  const socket = tls.connect({ socket: connect(port, from), rejectUnauthorized: false })
  socket.on('error', () => {})
  return socket
}

/** Sends it byte by byte, for as long as the connection lives. */
export function drip(socket: net.Socket, text: string): void {
  let at = 0
  const timer = setInterval(() => socket.write(text.charAt(at++ % text.length)), 40)
  socket.on('close', () => clearInterval(timer))
}

/** Bytes that nobody will read any more make a reset of an end; both are an end. */
export function closed(socket: net.Socket): Promise<void> {
  return new Promise(resolve => {
    if (socket.destroyed) resolve()
    else socket.once('close', () => resolve())
  })
}

export async function answerOf(socket: net.Socket): Promise<string> {
  let text = ''
  socket.on('data', chunk => {
    text += chunk
  })
  await closed(socket)
  return text
}

export const headOf = (lines: string) => `${lines}\r\nHost: a.test\r\n`

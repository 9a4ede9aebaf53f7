import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import type { TlsSource } from './tls-source.ts'

export type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

export interface HttpServerOptions {
  /** In logs and metrics. */
  name: string
  host?: string
  /** 0 lets the system choose. */
  port: number
  /** Without it: plain HTTP. */
  tls?: TlsSource
  handler: Handler
  /** For the whole request, headers and body, to arrive. */
  requestTimeoutMs?: number
  headersTimeoutMs?: number
  keepAliveTimeoutMs?: number
  maxHeaderBytes?: number
  log: Logger
  metrics?: Metrics
}

export interface HttpServer {
  listen(): Promise<{ port: number }>
  /** Fires when `close` was called: long-lived answers, such as streams, are to end then. */
  readonly closing: AbortSignal
  /** Finishes running requests, ends idle connections, and after `drainMs` all others. */
  close(drainMs: number): Promise<void>
}

export function createServer(_options: HttpServerOptions): HttpServer {
  throw new Error('not there yet')
}

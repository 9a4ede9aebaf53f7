import { isIP } from 'node:net'
import type { UpstreamFault } from '../../enforce/respond.ts'
import type { Logger } from '../../platform/log.ts'

/** Where the app is, and what it gets. */
export interface UpstreamOptions {
  /** `http:` or `https:`, host and port. */
  origin: string
  /** For the answer to begin. */
  headersTimeoutMs: number
  /** Default 5 s. */
  connectTimeoutMs?: number | undefined
  /** Connections at a time, tunnels apart: those are as many as callers' connections. Default 1,024. */
  maxConnections?: number | undefined
  /** PEM of the CA that vouches for an https app; default: those that Node trusts. */
  ca?: string | undefined
  log: Logger
}

/** What a connection to the app is opened with. */
export function targetOf({ origin, ca }: UpstreamOptions) {
  const { protocol, hostname, port } = new URL(origin)
  const host = hostname.replace(/^\[|\]$/g, '')
  const plain = { host, port: Number(port || (protocol === 'https:' ? 443 : 80)), noDelay: true }
  const named = isIP(host) === 0 && { servername: host }
  return {
    plain,
    tls:
      protocol === 'https:'
        ? { ...plain, ...named, ...(ca !== undefined && { ca }), ALPNProtocols: ['http/1.1'] }
        : undefined,
  }
}

const unreachable = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT'])

/** What an error of a connection to the app means to a caller. */
export function faultOf(error: Error, connected: boolean): UpstreamFault {
  const { code } = error as { code?: unknown }
  return !connected && typeof code === 'string' && unreachable.has(code) ? 'upstream_unreachable' : 'upstream_invalid'
}

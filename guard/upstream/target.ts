import { connect, isIP, type NetConnectOpts, type Socket } from 'node:net'
import { socketPathFault } from '../../core/api/guarded-pod.ts'
import type { UpstreamFault } from '../../enforce/respond.ts'
import type { Logger } from '../../platform/log.ts'

/** Where the app is, and what it gets. */
export interface UpstreamOptions {
  /** `http:` or `https:`, host and port; or `unix:` and the path of a socket. */
  origin: string
  /** For the answer to begin. */
  headersTimeoutMs: number
  /** Default 5 s. */
  connectTimeoutMs?: number | undefined
  /** Connections at a time, tunnels apart: those are as many as callers' connections. Default 1,024. */
  maxConnections?: number | undefined
  /** PEM of the CA that vouches for an https app; default: those that Node trusts. */
  ca?: string | undefined
  /** Told why a connection to the app did not come about. */
  onNoConnection?: ((error: Error) => void) | undefined
  log: Logger
}

/** A port, or a Unix socket. */
export type AppAddress = { readonly host: string; readonly port: number } | { readonly path: string }

const unix = 'unix:'

/** What {@link readUpstream} takes. */
export const upstreamForm = 'an http or https URL, or unix: and an absolute path of at most 104 characters'

/** @returns undefined when it is neither a URL nor the path of a Unix socket */
export function readUpstream(given: string): string | undefined {
  if (given.startsWith(unix)) return socketPathFault(given.slice(unix.length)) === undefined ? given : undefined
  const url = URL.canParse(given) ? new URL(given) : undefined
  const isPlain = url && !url.username && !url.password && !url.search && !url.hash
  return isPlain && /^https?:$/.test(url.protocol) ? given.replace(/\/+$/, '') : undefined
}

/** @returns the path of the Unix socket that the app listens on, when it listens on one */
export function socketPathOf(upstream: string): string | undefined {
  return upstream.startsWith(unix) ? upstream.slice(unix.length) : undefined
}

/** Opens a connection to an app on a Unix socket, for what makes its own to all others. */
export function connectSocket(path: string): () => Socket {
  return () => connect({ path })
}

/** What a connection to the app is opened with. */
export function targetOf({ origin, ca }: UpstreamOptions) {
  const path = socketPathOf(origin)
  if (path !== undefined) return { plain: { path } satisfies NetConnectOpts, tls: undefined }
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
/** Of Unix sockets: connect(2) and path_resolution(7). */
const unreachableSocket = new Set(['ENOENT', 'EACCES', 'EPERM', 'ENOTDIR', 'ELOOP', 'EPROTOTYPE', 'ENOTSOCK'])

/** What an error of a connection to the app means to a caller. */
export function faultOf(error: Error, connected: boolean): UpstreamFault {
  const { code } = error as { code?: unknown }
  if (connected || typeof code !== 'string') return 'upstream_invalid'
  if (isFull(error)) return 'upstream_busy'
  return unreachable.has(code) || unreachableSocket.has(code) ? 'upstream_unreachable' : 'upstream_invalid'
}

/** Whether the app has as many connections before it as it lets wait: over TCP the kernel would try again by itself. */
export function isFull(error: Error): boolean {
  return (error as { code?: unknown }).code === 'EAGAIN'
}

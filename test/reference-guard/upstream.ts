import { type Dispatcher, Pool } from 'undici'
import type { UpstreamFault } from '../../enforce/respond.ts'
import { foldName, hopByHop } from '../../platform/wire/fields/reserved-fields.ts'

/** Connections to the app: kept alive, one request at a time on each, never a second try. */
export function createUpstream(options: {
  origin: string
  headersTimeoutMs: number
  connectTimeoutMs?: number
}): Dispatcher {
  return new Pool(options.origin, {
    pipelining: 1,
    connectTimeout: options.connectTimeoutMs ?? 5_000,
    headersTimeout: options.headersTimeoutMs,
    // Server-sent events may be silent for hours; a client that goes away ends them.
    bodyTimeout: 0,
    // Shorter than any server in use: reusing a connection that the app is closing would cost the caller a 502, and
    // a new one over loopback costs nothing.
    keepAliveTimeout: 1_000,
    keepAliveMaxTimeout: 4_000,
    allowH2: false,
    maxHeaderSize: 65_536,
  })
}

/** What an error of the pool means to a caller. */
export function faultOf(error: Error): UpstreamFault {
  const { code } = error as { code?: unknown }
  switch (code) {
    case 'UND_ERR_HEADERS_TIMEOUT':
    case 'UND_ERR_BODY_TIMEOUT':
      return 'upstream_timeout'
    case 'ECONNREFUSED':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'ETIMEDOUT':
    case 'UND_ERR_CONNECT_TIMEOUT':
      return 'upstream_unreachable'
    default:
      return 'upstream_invalid'
  }
}

/**
 * The head of the app's answer as the caller gets it, as flat name, value pairs: without what belongs to one hop, and
 * with the guard's own decision instead of one that an app makes up.
 */
export function answerHead(rawHeaders: Dispatcher.DispatchController['rawHeaders'], decision: string): string[] {
  const raw = Array.isArray(rawHeaders) ? rawHeaders : []
  const pairs: [string, string][] = []
  const listed = new Set<string>()
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = textOf(raw[at])
    const value = textOf(raw[at + 1])
    if (name.toLowerCase() === 'connection') {
      for (const option of value.split(',')) listed.add(option.trim().toLowerCase())
    }
    pairs.push([name, value])
  }
  const out: string[] = []
  for (const [name, value] of pairs) {
    const lower = name.toLowerCase()
    if (hopByHop.has(lower) || listed.has(lower) || foldName(lower) === 'latchkey-decision') continue
    out.push(name, value)
  }
  out.push('Latchkey-Decision', decision)
  return out
}

function textOf(value: Buffer | string | undefined): string {
  return typeof value === 'string' ? value : (value?.toString('latin1') ?? '')
}

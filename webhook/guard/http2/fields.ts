import type { RequestHead } from '../read-request.ts'
import { foldName, hopByHop, isReserved } from '../reserved-fields.ts'

/** Fields that mean something only before the body: in trailers they could undo what was decided. */
const neverTrailing = new Set([
  'authorization',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'host',
  'set-cookie',
])

/**
 * The head the app receives over HTTP/2, as flat pairs.
 * @param forwarded what an app behind HTTP/1 would receive: see forwardHead
 */
export function requestFields(head: RequestHead, forwarded: readonly string[]): string[] {
  const out = [':method', head.method, ':scheme', 'http', ':authority', head.host, ':path', head.target]
  for (let at = 0; at + 1 < forwarded.length; at += 2) {
    const name = (forwarded[at] as string).toLowerCase()
    if (name !== 'host') out.push(name, forwarded[at + 1] as string)
  }
  // It belongs to this hop and is said anew: servers of gRPC look for it.
  if (head.names.includes('te')) out.push('te', 'trailers')
  return out
}

/** The head of the app's answer as the caller gets it: without pseudo fields, those of a hop, and a decision not ours. */
export function answerFields(raw: readonly string[], decision: string): string[] {
  const listed = connectionOptions(raw)
  const out: string[] = []
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] as string).toLowerCase()
    if (name.startsWith(':') || hopByHop.has(name) || listed.has(name) || foldName(name) === 'latchkey-decision')
      continue
    out.push(name, raw[at + 1] as string)
  }
  out.push('latchkey-decision', decision)
  return out
}

/** Trailers that may go on, in either direction. */
export function trailerFields(raw: readonly string[]): Record<string, string[]> {
  const out: Record<string, string[]> = Object.create(null)
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] as string).toLowerCase()
    if (name.startsWith(':') || hopByHop.has(name) || neverTrailing.has(name) || isReserved(name)) continue
    out[name] = [...(out[name] ?? []), raw[at + 1] as string]
  }
  return out
}

function connectionOptions(raw: readonly string[]): ReadonlySet<string> {
  const listed = new Set<string>()
  for (let at = 0; at + 1 < raw.length; at += 2) {
    if ((raw[at] as string).toLowerCase() !== 'connection') continue
    for (const option of (raw[at + 1] as string).split(',')) listed.add(option.trim().toLowerCase())
  }
  return listed
}

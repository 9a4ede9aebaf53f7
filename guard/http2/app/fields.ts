import { credentialHeaders } from '../../../core/credential/read.ts'
import { foldName, hopByHop, isReserved } from '../../../platform/wire/fields/reserved-fields.ts'
import type { AnswerHead } from '../../../platform/wire/read-answer.ts'
import type { RequestHead } from '../../../platform/wire/read-request.ts'

/** Fields that mean something only before the body: in trailers they could undo what was decided. */
const neverTrailing = new Set([
  ...credentialHeaders,
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

/** The fields of an app's answer over HTTP/2 that pass: no pseudo fields, none of a hop, and no decision not ours. */
export function answerFields(raw: readonly string[]): string[] {
  const out: string[] = []
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] as string).toLowerCase()
    if (name.startsWith(':') || hopByHop.has(name) || foldName(name) === 'latchkey-decision') continue
    out.push(name, raw[at + 1] as string)
  }
  return out
}

/** The fields of the last answers that were read: what the app says again is one and the same head. */
const fieldsOf = new WeakMap<AnswerHead, readonly string[]>()

/** The same of an answer over HTTP/1.1, in which what does not pass is left out already. */
export function http1AnswerFields(answer: AnswerHead): readonly string[] {
  let fields = fieldsOf.get(answer)
  if (!fields) {
    fields = pairsOf(answer.fields)
    if (answer.length !== undefined) fields = [...fields, 'content-length', String(answer.length)]
    fieldsOf.set(answer, fields)
  }
  return fields
}

/** @param lines as the guard writes them: name, colon, blank, value, line end */
export function pairsOf(lines: string): string[] {
  const out: string[] = []
  for (let at = 0; at < lines.length; ) {
    const end = lines.indexOf('\r\n', at)
    if (end === -1) break
    const colon = lines.indexOf(':', at)
    out.push(lines.slice(at, colon).toLowerCase(), lines.slice(colon + 1, end).trim())
    at = end + 2
  }
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

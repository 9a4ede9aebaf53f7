import { type Field, readFields, token } from './read-fields.ts'

/** One request as the strict reading has it. Text has one character per byte. */
export interface ReadRequest {
  readonly method: string
  readonly target: string
  readonly version: '1.0' | '1.1'
  readonly fields: readonly Field[]
  readonly body: string
  readonly framing: 'none' | 'sized' | 'chunked'
  /** What Content-Length says, also where the body is not all there. */
  readonly length: number
  readonly trailers: readonly Field[]
  /** A WebSocket handshake: what follows it is no request once it was answered by 101. */
  readonly webSocket: boolean
  /** The connection ends with its answer. */
  readonly closes: boolean
}

export type Step =
  | { readonly kind: 'request'; readonly request: ReadRequest; readonly next: number }
  /** The text ends in the middle. */
  | { readonly kind: 'incomplete'; readonly begun?: ReadRequest }
  | { readonly kind: 'fault'; readonly why: string; readonly begun?: ReadRequest }

/** What one connection's bytes mean: the requests up to where the meaning ends, and how it ends. */
export interface Reading {
  readonly requests: readonly ReadRequest[]
  /** Where each of them ends in the text. */
  readonly ends: readonly number[]
  readonly end: 'clean' | 'incomplete' | 'fault' | 'closed'
  /** The last request where only its head and a part of its body could be read. */
  readonly begun?: ReadRequest
  readonly why?: string
  readonly text: string
}

/**
 * Reads a connection's bytes as RFC 9112 has them, and stops at the first that can be read in another way. It shares no
 * line with the guard: where the two differ, one of them is wrong.
 */
export function readRequests(text: string): Reading {
  const requests: ReadRequest[] = []
  const ends: number[] = []
  let at = skipEmptyLines(text, 0)
  while (at < text.length) {
    const step = readRequest(text, at)
    if (step.kind !== 'request') {
      const { kind: end, ...found } = step
      return { text, requests, ends, end, ...found }
    }
    requests.push(step.request)
    at = step.next
    ends.push(at)
    if (step.request.closes) return { text, requests, ends, end: 'closed' }
    at = skipEmptyLines(text, at)
  }
  return { text, requests, ends, end: 'clean' }
}

/** RFC 9112 section 2.2: empty lines before a request line mean nothing. */
function skipEmptyLines(text: string, from: number): number {
  let at = from
  while (text.startsWith('\r\n', at)) at += 2
  return at
}

const requestLine = /^([^ ]+) ([\x21-\x7e\x80-\xff]+) HTTP\/1\.([01])$/

/** Reads the one request that begins at `from`. */
export function readRequest(text: string, from: number): Step {
  const lineEnd = text.indexOf('\r\n', from)
  const line = text.slice(from, lineEnd === -1 ? text.length : lineEnd)
  if (/[\r\n\0]/.test(line.replace(/\r$/, ''))) return fault('a bare CR, LF or NUL in the request line')
  if (lineEnd === -1) return { kind: 'incomplete' }
  const [, method = '', target = '', minor] = requestLine.exec(line) ?? []
  if (!token.test(method)) return fault('no request line')
  if (method === 'CONNECT') return fault('CONNECT')
  const head = readFields(text, lineEnd + 2)
  if (head.kind !== 'fields') return head
  const version = minor === '1' ? '1.1' : '1.0'
  const framing = framingOf(head.fields, version)
  if (typeof framing === 'object') return framing
  const partial = {
    method,
    target,
    version,
    fields: head.fields,
    ...ofConnection(head.fields, method, version),
  } as const
  if (framing === 'chunked') return readChunked(text, head.next, { ...partial, framing, length: 0 })
  const body = text.slice(head.next, head.next + framing)
  const request = {
    ...partial,
    body,
    framing: framing === 0 ? 'none' : 'sized',
    length: framing,
    trailers: [],
  } as const
  if (body.length < framing) return { kind: 'incomplete', begun: request }
  return { kind: 'request', request, next: head.next + framing }
}

function fault(why: string): Step & { kind: 'fault' } {
  return { kind: 'fault', why }
}

/** Values of all fields of this name. */
export function valuesOf(fields: readonly Field[], name: string): string[] {
  return fields.filter(field => field.name.toLowerCase() === name).map(({ value }) => value)
}

/** @see RFC 9112 section 6.3 */
function framingOf(fields: readonly Field[], version: '1.0' | '1.1'): number | 'chunked' | (Step & { kind: 'fault' }) {
  if (valuesOf(fields, 'host').length !== 1) return fault('not one Host')
  const codings = valuesOf(fields, 'transfer-encoding')
  const lengths = valuesOf(fields, 'content-length')
  if (codings.length + lengths.length > 1) return fault('more than one framing field')
  if (codings.length === 1) {
    return version === '1.1' && codings[0]?.toLowerCase() === 'chunked' ? 'chunked' : fault('a transfer coding')
  }
  if (lengths.length === 0) return 0
  return /^[0-9]{1,15}$/.test(lengths[0] ?? '') ? Number(lengths[0]) : fault('a bad Content-Length')
}

function ofConnection(fields: readonly Field[], method: string, version: '1.0' | '1.1') {
  const options = valuesOf(fields, 'connection').flatMap(value =>
    value.split(',').map(part => part.trim().toLowerCase()),
  )
  const upgrades = valuesOf(fields, 'upgrade').map(value => value.toLowerCase())
  const webSocket = method === 'GET' && options.includes('upgrade') && upgrades.includes('websocket')
  const persistent = version === '1.1' || options.includes('keep-alive')
  return { webSocket, closes: options.includes('close') || !persistent }
}

const chunkLine = /^([0-9A-Fa-f]+)([\t ]*;[\t\x20-\x7e\x80-\xff]*)?$/

function readChunked(text: string, from: number, head: Omit<ReadRequest, 'body' | 'trailers'>): Step {
  let body = ''
  let at = from
  const stop = (kind: 'incomplete' | 'fault', why = ''): Step => {
    const begun = { ...head, body, trailers: [] }
    return kind === 'fault' ? { kind, why, begun } : { kind, begun }
  }
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at)
    const line = text.slice(at, lineEnd === -1 ? text.length : lineEnd)
    if (/[\r\n]/.test(line.replace(/\r$/, ''))) return stop('fault', 'a bare CR or LF in a chunk line')
    if (lineEnd === -1) return stop('incomplete')
    const size = chunkLine.exec(line)?.[1]
    if (size === undefined) return stop('fault', 'a bad chunk line')
    const length = Number.parseInt(size, 16)
    if (length === 0) {
      const trailers = readFields(text, lineEnd + 2)
      if (trailers.kind === 'incomplete') return stop('incomplete')
      if (trailers.kind === 'fault') return stop('fault', trailers.why)
      return { kind: 'request', request: { ...head, body, trailers: trailers.fields }, next: trailers.next }
    }
    at = lineEnd + 2 + length
    body += text.slice(lineEnd + 2, at)
    if (!'\r\n'.startsWith(text.slice(at, at + 2))) return stop('fault', 'a chunk longer than its size')
    if (text.length < at + 2) return stop('incomplete')
    at += 2
  }
}

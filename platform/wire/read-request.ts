import { type FieldName, fieldName, slots } from './fields/field-name.ts'

/** A request's head as it came off the wire, before anybody read a meaning into it. */
export interface RawHead {
  readonly method: string
  readonly target: string
  readonly version: string
  /** Name, value, name, value, as sent: RFC 9110 section 5.3 order, duplicates kept. */
  readonly raw: readonly string[]
}

/**
 * The one view of a request's head. The decision is made from it and the forwarded head is written from it, so that
 * both sides of the guard cannot read a request differently.
 */
export interface RequestHead {
  readonly method: string
  /** Origin form, byte for byte. */
  readonly target: string
  /** What was cut out of the query of the target, where the service takes API keys there. */
  readonly queryKey?: string
  readonly host: string
  /** Lower case; `fields` and `values` run beside it. */
  readonly names: readonly string[]
  readonly fields: readonly FieldName[]
  readonly values: readonly string[]
  readonly authorization: string | undefined
  readonly requestId: string | undefined
  readonly body: 'none' | 'sized' | 'chunked'
  /** Bytes of a sized body; 0 for any other. */
  readonly length: number
  readonly expectContinue: boolean
  /** A WebSocket handshake: RFC 6455 section 4.1. Every other upgrade is refused or, for h2c, not taken up. */
  readonly webSocket: boolean
  /** Lower-case names that Connection lists: they end here. */
  readonly connection: ReadonlySet<string>
  readonly version: '1.0' | '1.1'
  /** Whether the caller takes another answer on its connection: RFC 9112 section 9.3. */
  readonly keepsOpen: boolean
}

/** Why a head cannot be read in one way only. `detail` never repeats what was sent. */
export interface HeadFault {
  readonly status: 400 | 408 | 413 | 414 | 417 | 431
  readonly detail: string
}

export const maxFields = 100
export const maxTargetLength = 8_192
export const maxHeaderBytes = 16_384

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: control bytes are what it looks for
const controlByte = /[\x00-\x08\x0a-\x1f\x7f]/
const hostPattern = /^([A-Za-z0-9]([A-Za-z0-9._-]{0,253}[A-Za-z0-9.])?|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?$/
const requestIdPattern = /^[A-Za-z0-9._-]{1,64}$/
const lengthPattern = /^[0-9]{1,15}$/

export const fault = (detail: string, status: HeadFault['status'] = 400): HeadFault => ({ status, detail })

/** Fields in the order in which they came, and the values of those that the guard reads. */
export interface Fields {
  readonly names: string[]
  readonly known: FieldName[]
  readonly values: string[]
  /** Bits of the single fields that were there. */
  seen: number
  host: string | undefined
  authorization: string | undefined
  /** The values of all Connection fields, as one list. */
  connection: string | undefined
  contentLength: string | undefined
  transferEncoding: string | undefined
  upgrade: string | undefined
  expect: string | undefined
  requestId: string | undefined
}

export function noFields(): Fields {
  return {
    names: [],
    known: [],
    values: [],
    seen: 0,
    host: undefined,
    authorization: undefined,
    connection: undefined,
    contentLength: undefined,
    transferEncoding: undefined,
    upgrade: undefined,
    expect: undefined,
    requestId: undefined,
  }
}

/** Which fields may be in a head. */
export interface FieldRules {
  /** Bits of those that may come once only. */
  readonly once: number
  readonly most: number
}

/** Of a head that is passed on: every field that means one thing comes once. */
const strict: FieldRules = { once: -1, most: maxFields }

/** Takes in one more field. @param value without white space around it and without control bytes */
export function addField(fields: Fields, name: FieldName, value: string, rules = strict): HeadFault | undefined {
  const single = name.single & rules.once
  if (single !== 0) {
    if ((fields.seen & single) !== 0) return fault(`Send the header ${name.lower} once.`)
    fields.seen |= single
  }
  if (fields.names.length === rules.most) return tooManyFields(rules.most)
  fields.names.push(name.lower)
  fields.known.push(name)
  fields.values.push(value)
  if (name.slot !== slots.other) keep(fields, name.slot, value)
  return undefined
}

const tooManyFields = (most: number): HeadFault => fault(`There are more than ${most} header fields.`, 431)

function keep(fields: Fields, slot: number, value: string): void {
  switch (slot) {
    case slots.host:
      fields.host = value
      break
    case slots.authorization:
      fields.authorization = value
      break
    case slots.connection:
      fields.connection = fields.connection === undefined ? value : `${fields.connection},${value}`
      break
    case slots.contentLength:
      fields.contentLength = value
      break
    case slots.transferEncoding:
      fields.transferEncoding = value
      break
    case slots.upgrade:
      fields.upgrade = value
      break
    case slots.expect:
      fields.expect = value
      break
    case slots.requestId:
      fields.requestId ??= value
      break
  }
}

/** @returns the one reading of a head that another parser took apart, or why there is none. Pure. */
export function readRequest({ method, target, version, raw }: RawHead): RequestHead | HeadFault {
  const line = checkLine(method, target, version)
  if (line) return line
  if (raw.length / 2 > maxFields) return tooManyFields(maxFields)
  const fields = noFields()
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const sent = raw[at] as string
    const value = raw[at + 1] as string
    if (!token.test(sent)) return fault('A header name has characters that header names cannot have.')
    if (controlByte.test(value)) return fault('A header value has control bytes.')
    const wrong = addField(fields, fieldName(sent), value)
    if (wrong) return wrong
  }
  return readMeaning(method, target, version as RequestHead['version'], fields)
}

export function checkLine(method: string, target: string, version: string): HeadFault | undefined {
  if (version !== '1.1' && version !== '1.0') return fault('Use HTTP/1.1.')
  if (!isMethod(method)) return fault('This method is not taken here.')
  if (target.length > maxTargetLength) return fault(`The target is longer than ${maxTargetLength} bytes.`, 414)
  // Absolute form would name a second authority, `*` no path: RFC 9112 section 3.2.
  if (!target.startsWith('/')) return fault('Send the target in origin form: a path that begins with a slash.')
  return undefined
}

/** Registered methods are all so; an app that folds case would read another one than the rules do. */
const methodPattern = /^[A-Z][A-Z-]{0,31}$/
const notTaken: ReadonlySet<string> = new Set(['CONNECT', 'TRACE', 'PRI'])

function isMethod(method: string): boolean {
  return method === 'GET' || (methodPattern.test(method) && !notTaken.has(method))
}

/** What the fields say together: host, framing, connection, upgrade. */
export function readMeaning(
  method: string,
  target: string,
  version: RequestHead['version'],
  fields: Fields,
): RequestHead | HeadFault {
  const { host, expect, requestId } = fields
  if (host === undefined || !hostPattern.test(host)) return fault('Send one valid Host header.')
  const connection = readConnection(fields.connection)
  if ('status' in connection) return connection
  const body = readBody(fields, version)
  if (typeof body !== 'string') return body
  const webSocket = fields.upgrade !== undefined && readUpgrade(fields.upgrade, connection, method, version, body)
  if (typeof webSocket !== 'boolean') return webSocket
  if (!isExpected(expect)) return badExpect

  return {
    method,
    target,
    host,
    names: fields.names,
    fields: fields.known,
    values: fields.values,
    authorization: fields.authorization,
    requestId: requestId !== undefined && requestIdPattern.test(requestId) ? requestId : undefined,
    body,
    length: body === 'sized' ? Number(fields.contentLength) : 0,
    // An HTTP/1.0 client does not know 100: RFC 9110 section 10.1.1.
    expectContinue: expect !== undefined && version === '1.1',
    webSocket,
    connection,
    version,
    keepsOpen: keepsOpen(connection, version),
  }
}

/** RFC 9110 section 10.1.1: it compares without case; Java's HttpClient writes 100-Continue. */
export function isExpected(expect: string | undefined): boolean {
  return expect === undefined || expect.toLowerCase() === '100-continue'
}
export const badExpect = fault('Expect takes 100-continue only.', 417)

/** RFC 9112 section 9.3. */
export function keepsOpen(connection: ReadonlySet<string>, version: RequestHead['version']): boolean {
  return !connection.has('close') && (version === '1.1' || connection.has('keep-alive'))
}

const none: ReadonlySet<string> = new Set()
const keepAlive: ReadonlySet<string> = new Set(['keep-alive'])

export function readConnection(value: string | undefined): ReadonlySet<string> | HeadFault {
  if (value === undefined) return none
  if (value === 'keep-alive') return keepAlive
  const listed = new Set<string>()
  for (const option of value.split(',')) {
    const name = option.trim().toLowerCase()
    if (name === '') continue
    if (!token.test(name)) return fault('Connection lists something that is no header name.')
    // Taken away they would change what the request is or where it ends.
    if (name === 'host' || name.startsWith('content-')) return fault('Connection lists an end-to-end header.')
    listed.add(name)
  }
  return listed
}

/** @see RFC 9112 section 6.3 */
export function readBody(
  { transferEncoding, contentLength }: Fields,
  version: RequestHead['version'],
): RequestHead['body'] | HeadFault {
  if (transferEncoding !== undefined) {
    if (version === '1.0' || contentLength !== undefined || transferEncoding.toLowerCase() !== 'chunked') {
      return fault('Send either Content-Length or, over HTTP/1.1, Transfer-Encoding: chunked.')
    }
    return 'chunked'
  }
  if (contentLength === undefined) return 'none'
  if (!lengthPattern.test(contentLength)) return fault('Content-Length takes decimal digits only.')
  return Number(contentLength) === 0 ? 'none' : 'sized'
}

function readUpgrade(
  upgrade: string,
  connection: ReadonlySet<string>,
  method: string,
  version: RequestHead['version'],
  body: RequestHead['body'],
): boolean | HeadFault {
  if (!connection.has('upgrade')) return false
  const protocol = upgrade.toLowerCase()
  // Not taken up, as RFC 9110 section 7.8 allows: the answer comes in HTTP/1.1, and no tunnel opens.
  if (protocol === 'h2c') return false
  const handshake = protocol === 'websocket' && method === 'GET' && body === 'none' && version === '1.1'
  return handshake || fault('The only upgrade taken is websocket, by GET and without a body.')
}

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
  readonly host: string
  /** Lower case; `values` and `sent` run beside it. */
  readonly names: readonly string[]
  readonly sent: readonly string[]
  readonly values: readonly string[]
  readonly authorization: string | undefined
  readonly requestId: string | undefined
  readonly body: 'none' | 'sized' | 'chunked'
  readonly expectContinue: boolean
  /** A WebSocket handshake: RFC 6455 section 4.1. Every other upgrade is refused or, for h2c, not taken up. */
  readonly webSocket: boolean
  /** Lower-case names that Connection lists: they end here. */
  readonly connection: ReadonlySet<string>
}

/** Why a head cannot be read in one way only. `detail` never repeats what was sent. */
export interface HeadFault {
  readonly status: 400 | 408 | 413 | 414 | 417 | 431
  readonly detail: string
}

export const maxFields = 100
export const maxTargetLength = 8_192
export const maxHeaderBytes = 16_384

/**
 * Fields that mean one thing: two of them would let the guard and the app each pick another one.
 * @see RFC 9110 section 5.3
 */
const single: ReadonlySet<string> = new Set([
  'authorization',
  'content-length',
  'content-location',
  'content-range',
  'content-type',
  'cookie',
  'expect',
  'from',
  'host',
  'if-modified-since',
  'if-range',
  'if-unmodified-since',
  'max-forwards',
  'origin',
  'proxy-authorization',
  'range',
  'referer',
  'sec-websocket-key',
  'sec-websocket-version',
  'transfer-encoding',
  'upgrade',
  'user-agent',
])

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: control bytes are what it looks for
const controlByte = /[\x00-\x08\x0a-\x1f\x7f]/
const hostPattern = /^([A-Za-z0-9]([A-Za-z0-9._-]{0,253}[A-Za-z0-9.])?|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?$/
const requestIdPattern = /^[A-Za-z0-9._-]{1,64}$/

const fault = (detail: string, status: HeadFault['status'] = 400): HeadFault => ({ status, detail })

/** @returns the one reading of a head, or why there is none. Pure. */
export function readRequest(input: RawHead): RequestHead | HeadFault {
  const line = checkLine(input)
  if (line) return line
  const fields = readFields(input.raw)
  if ('status' in fields) return fields
  const { one } = fields

  const host = one.get('host')
  if (host === undefined || !hostPattern.test(host)) return fault('Send one valid Host header.')
  const connection = readConnection(fields)
  if ('status' in connection) return connection
  const body = readBody(one, input.version)
  if (typeof body !== 'string') return body
  const webSocket = readUpgrade(one, connection, input, body)
  if (typeof webSocket !== 'boolean') return webSocket
  const expect = one.get('expect')
  if (expect !== undefined && expect !== '100-continue') return fault('Expect takes 100-continue only.', 417)
  const requestId = one.get('x-request-id')

  return {
    method: input.method,
    target: input.target,
    host,
    names: fields.names,
    sent: fields.sent,
    values: fields.values,
    authorization: one.get('authorization'),
    requestId: requestId !== undefined && requestIdPattern.test(requestId) ? requestId : undefined,
    body,
    // An HTTP/1.0 client does not know 100: RFC 9110 section 10.1.1.
    expectContinue: expect !== undefined && input.version === '1.1',
    webSocket,
    connection,
  }
}

function checkLine({ method, target, version, raw }: RawHead): HeadFault | undefined {
  if (version !== '1.1' && version !== '1.0') return fault('Use HTTP/1.1.')
  if (!token.test(method) || method === 'CONNECT' || method === 'TRACE') return fault('This method is not taken here.')
  if (target.length > maxTargetLength) return fault(`The target is longer than ${maxTargetLength} bytes.`, 414)
  // Absolute form would name a second authority, `*` no path: RFC 9112 section 3.2.
  if (!target.startsWith('/')) return fault('Send the target in origin form: a path that begins with a slash.')
  if (raw.length / 2 > maxFields) return fault(`There are more than ${maxFields} header fields.`, 431)
  return undefined
}

interface Fields {
  readonly names: string[]
  readonly sent: string[]
  readonly values: string[]
  /** First value of each name; for `single` names the only one. */
  readonly one: Map<string, string>
}

function readFields(raw: readonly string[]): Fields | HeadFault {
  const fields: Fields = { names: [], sent: [], values: [], one: new Map() }
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const sent = raw[at] as string
    const value = raw[at + 1] as string
    if (!token.test(sent)) return fault('A header name has characters that header names cannot have.')
    if (controlByte.test(value)) return fault('A header value has control bytes.')
    const name = sent.toLowerCase()
    if (fields.one.has(name)) {
      if (single.has(name)) return fault(`Send the header ${name} once.`)
    } else fields.one.set(name, value)
    fields.names.push(name)
    fields.sent.push(sent)
    fields.values.push(value)
  }
  return fields
}

const none: ReadonlySet<string> = new Set()

function readConnection({ names, values, one }: Fields): ReadonlySet<string> | HeadFault {
  if (!one.has('connection')) return none
  const listed = new Set<string>()
  for (let at = 0; at < names.length; at++) {
    if (names[at] !== 'connection') continue
    for (const option of (values[at] as string).split(',')) {
      const name = option.trim().toLowerCase()
      if (name === '') continue
      if (!token.test(name)) return fault('Connection lists something that is no header name.')
      // Taken away they would change what the request is or where it ends.
      if (name === 'host' || name.startsWith('content-')) return fault('Connection lists an end-to-end header.')
      listed.add(name)
    }
  }
  return listed
}

/** @see RFC 9112 section 6.3 */
function readBody(one: Map<string, string>, version: string): RequestHead['body'] | HeadFault {
  const coding = one.get('transfer-encoding')
  const length = one.get('content-length')
  if (coding !== undefined) {
    if (version === '1.0' || length !== undefined || coding.toLowerCase() !== 'chunked') {
      return fault('Send either Content-Length or, over HTTP/1.1, Transfer-Encoding: chunked.')
    }
    return 'chunked'
  }
  if (length === undefined) return 'none'
  if (!/^[0-9]{1,15}$/.test(length)) return fault('Content-Length takes decimal digits only.')
  return Number(length) === 0 ? 'none' : 'sized'
}

function readUpgrade(
  one: Map<string, string>,
  connection: ReadonlySet<string>,
  { method, version }: RawHead,
  body: RequestHead['body'],
): boolean | HeadFault {
  const protocol = one.get('upgrade')?.toLowerCase()
  if (protocol === undefined || !connection.has('upgrade')) return false
  // Not taken up, as RFC 9110 section 7.8 allows: the answer comes in HTTP/1.1, and no tunnel opens.
  if (protocol === 'h2c') return false
  const handshake = protocol === 'websocket' && method === 'GET' && body === 'none' && version === '1.1'
  return handshake || fault('The only upgrade taken is websocket, by GET and without a body.')
}

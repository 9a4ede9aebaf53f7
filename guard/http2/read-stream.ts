import { type HeadFault, type RequestHead, readRequest } from '../../platform/wire/read-request.ts'

const fault = (detail: string): HeadFault => ({ status: 400, detail })

/** Fields that frame a message in HTTP/1 or belong to its connection: RFC 9113 section 8.2.2. */
const ofConnection = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
])

/** The pseudo-header fields of a request, and nothing else: RFC 9113 section 8.3.1. `:protocol` is extended CONNECT. */
interface Pseudo {
  ':method'?: string
  ':scheme'?: string
  ':authority'?: string
  ':path'?: string
}
const pseudoNames: ReadonlySet<string> = new Set([':method', ':scheme', ':authority', ':path'])

interface Split {
  readonly pseudo: Pseudo
  /** Flat name, value pairs; the crumbs of `cookie` put together. */
  readonly fields: string[]
  readonly host: string | undefined
}

/**
 * Reads the head of a stream in the same one view, and by the same rules, as a head of HTTP/1: what was decided on is
 * what is forwarded, whatever either side speaks. What the library below checks too is checked here again: a later
 * version of it may think otherwise.
 * @param raw flat name, value pairs as they came, pseudo-header fields first
 * @param endsHere whether the stream has no body
 */
export function readStream(raw: readonly string[], endsHere: boolean): RequestHead | HeadFault {
  const split = splitFields(raw)
  if ('status' in split) return split
  const { pseudo, fields, host } = split
  const { ':method': method, ':scheme': scheme, ':authority': authority = host, ':path': target } = pseudo
  if (method === undefined || target === undefined) return fault('Send :method and :path.')
  if (scheme !== 'http' && scheme !== 'https') return fault('Send the :scheme http or https.')
  if (authority === undefined) return fault('Send :authority.')
  if (host !== undefined && host !== authority) return fault('Host and :authority differ.')
  const head = readRequest({ method, target, version: '1.1', raw: ['host', authority, ...fields] })
  if ('status' in head) return head
  if (endsHere) return head.body === 'none' ? head : fault('There is a length and no body.')
  // A length of 0 is a length: an app must not be told of chunks beside it.
  return { ...head, body: head.names.includes('content-length') ? 'sized' : 'chunked' }
}

function splitFields(raw: readonly string[]): Split | HeadFault {
  const pseudo: Pseudo = {}
  const fields: string[] = []
  let host: string | undefined
  let cookieAt = -1
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] as string
    const value = raw[at + 1] as string
    if (name.startsWith(':')) {
      if (!pseudoNames.has(name) || name in pseudo || fields.length > 0 || host !== undefined)
        return fault('Send :method, :scheme, :authority and :path once each, before all other fields.')
      pseudo[name as keyof Pseudo] = value
    } else if (name !== name.toLowerCase()) return fault('Send header names in lower case.')
    else if (ofConnection.has(name) || (name === 'te' && value.toLowerCase() !== 'trailers'))
      return fault('Send no header fields of a connection; TE is trailers.')
    else if (name === 'host') {
      if (host !== undefined) return fault('Send the header host once.')
      host = value
    } else if (name === 'cookie' && cookieAt >= 0) fields[cookieAt] += `; ${value}`
    else {
      if (name === 'cookie') cookieAt = fields.length + 1
      fields.push(name, value)
    }
  }
  return { pseudo, fields, host }
}

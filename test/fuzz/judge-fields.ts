import type { Decided } from './guard-process.ts'
import type { Field } from './read-fields.ts'
import { type ReadRequest, valuesOf } from './read-requests.ts'

/** RFC 9110 section 7.6.1, and what old software adds. Written from the documents, not from the guard. */
const oneHop = new Set([
  'connection',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])
const framing = new Set([...oneHop, 'authorization', 'content-length', 'content-type', 'cookie', 'host'])
const reserved =
  /^(latchkey-.*|x-api-key|x-forwarded-.*|x-envoy-.*|x-middleware-.*|x-original-.*|x-rewrite-.*|x-accel-.*|x-sendfile-.*|(x-)?script-name|path-info|(x-)?remote-user|x-(url-)?scheme|proxy|forwarded|(x-|true-)client-ip|x-cluster-client-ip|x-real-ip|x-request-id|x-(http-)?method(-override)?)$/

/** Names that the guard writes itself, each with what it may say. */
type Own = ReadonlyMap<string, (value: string) => boolean>

export interface Forwarding {
  readonly forward: ReadRequest
  readonly source: ReadRequest
  readonly decided: Decided
  readonly peer: string
}

/** @returns a sentence for each field that the app should not have got, or not so */
export function fieldFaults(forwarding: Forwarding): string[] {
  const { forward, source } = forwarding
  const own = ownFields(forwarding)
  const ended = new Set(valuesOf(source.fields, 'connection').flatMap(list => list.split(',').map(lower)))
  const left = [...source.fields]
  const faults: string[] = []
  for (const field of forward.fields) {
    const name = lower(field.name)
    const allows = own.get(name)
    if (allows) {
      if (!allows(field.value)) faults.push(`${field.name}: ${field.value} is not what was decided`)
      continue
    }
    const at = left.findIndex(({ name: sent, value }) => lower(sent) === name && value === field.value)
    if (at === -1) faults.push(`${field.name} is nobody's`)
    else left.splice(at, 1)
    if (oneHop.has(name) || ended.has(name)) faults.push(`${field.name} belongs to one hop`)
    if (isReserved(name)) faults.push(`${field.name} is reserved`)
  }
  return [...faults, ...missing(forwarding), ...doubled(forward.fields, own)]
}

function ownFields({ source, decided, peer }: Forwarding): Own {
  const [host] = valuesOf(source.fields, 'host')
  const known = decided.clientId
  const identity = (expected: string) => (value: string) => known !== undefined && value === expected
  return new Map(
    Object.entries({
      host: value => value === host,
      connection: value =>
        value.toLowerCase() === (source.webSocket ? 'upgrade' : 'keep-alive') || value.toLowerCase() === 'close',
      upgrade: value => source.webSocket && value.toLowerCase() === 'websocket',
      'content-length': value => Number(value) === (source.framing === 'chunked' ? source.body.length : source.length),
      'transfer-encoding': value => value === 'chunked',
      'x-forwarded-for': value => value === peer,
      'x-request-id': value => value === decided.requestId,
      'latchkey-client': identity(known ?? ''),
      'latchkey-subject': identity(known ?? ''),
      'latchkey-roles': identity('caller'),
      'latchkey-attributes': identity('tenant=acme'),
    } satisfies Record<string, (value: string) => boolean>),
  )
}

/** Whom the app is told of must be told. */
function missing({ forward, decided }: Forwarding): string[] {
  const told = valuesOf(forward.fields, 'latchkey-client').length
  const expected = ['x-forwarded-for', 'x-request-id'].filter(name => valuesOf(forward.fields, name).length !== 1)
  if (decided.clientId !== undefined && told !== 1) expected.push('latchkey-client')
  return [
    ...expected.map(name => `${name} is missing`),
    ...(forward.trailers.length > 0 ? ['trailers came through'] : []),
  ]
}

function doubled(fields: readonly Field[], own: Own): string[] {
  const names = fields.map(({ name }) => lower(name)).filter(name => own.has(name))
  return names.filter((name, at) => names.indexOf(name) !== at).map(name => `${name} is there twice`)
}

/** Also by a name that CGI, WSGI or Rack would read as one of these. */
function isReserved(name: string): boolean {
  const folded = name.replace(/[^a-z0-9]/g, '-')
  return reserved.test(folded) || name === 'authorization' || (folded !== name && framing.has(folded))
}

function lower(text: string): string {
  return text.trim().toLowerCase()
}

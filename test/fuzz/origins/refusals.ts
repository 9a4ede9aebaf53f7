import type { ReadRequest } from '../read-requests.ts'
import { valuesOf } from '../read-requests.ts'
import type { Origin } from './seen.ts'

/** A server may refuse what the guard lets through: the app then sees no request, which harms nobody. Each is known. */
interface Refusal {
  readonly origin: string
  readonly status: number
  readonly why: string
  readonly applies: (request: ReadRequest) => boolean
}

/** Fields of which nginx takes one. */
const nginxOnce = ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range', 'content-range']

const refusals: readonly Refusal[] = [
  {
    origin: 'haproxy',
    status: 400,
    why: 'haproxy keeps the length of a field name in one byte',
    applies: ({ fields }) => fields.some(({ name }) => name.length > 255),
  },
  {
    origin: 'haproxy',
    status: 400,
    why: 'haproxy takes a WebSocket handshake only with a key of 24 characters',
    applies: ({ webSocket, fields }) => webSocket && valuesOf(fields, 'sec-websocket-key').join().length !== 24,
  },
  {
    origin: 'nginx',
    status: 400,
    why: 'nginx takes no Host with an empty label in it',
    applies: ({ fields }) => valuesOf(fields, 'host').some(host => host.includes('..')),
  },
  {
    origin: 'nginx',
    status: 400,
    why: 'nginx takes some fields once, to which RFC 9110 would allow a list',
    applies: ({ fields }) => nginxOnce.some(name => valuesOf(fields, name).length > 1),
  },
]

/** Whether this server is known to refuse such a request: its connection then ends. */
export function mayRefuse(origin: Origin, request: ReadRequest): boolean {
  return refusals.some(known => known.origin === origin.name && known.applies(request))
}

/** @returns undefined for a refusal that is known */
export function refusalOf(origin: Origin, status: number, request: ReadRequest): string | undefined {
  const isKnown = refusals.some(
    known => known.origin === origin.name && known.status === status && known.applies(request),
  )
  return isKnown ? undefined : `status ${status}`
}

import { credentialHeaders } from '../../../core/credential/read.ts'
import { boundedMemo } from './bounded-memo.ts'
import { hopByHop, isReserved } from './reserved-fields.ts'

/** Fields of a request whose value the guard reads, by the place it is kept in. */
export const slots = {
  other: 0,
  host: 1,
  authorization: 2,
  connection: 3,
  contentLength: 4,
  transferEncoding: 5,
  upgrade: 6,
  expect: 7,
  requestId: 8,
} as const

/** What is known of a field by its name alone. */
export interface FieldName {
  readonly lower: string
  readonly sent: string
  /** A bit of its own where two of them would let the guard and the app each pick another one; else 0. */
  readonly single: number
  readonly slot: number
  /** Whether it is not passed on, on any branch. */
  readonly endsHere: boolean
  /** Whether a credential stands in it: that is taken off. */
  readonly holdsCredential: boolean
}

/**
 * Fields that mean one thing.
 * @see RFC 9110 section 5.3
 */
const singles = [
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
]
const singleBits: ReadonlyMap<string, number> = new Map(singles.map((name, at) => [name, 1 << at]))

/** The bits of some of them. */
export function singlesOf(names: readonly string[]): number {
  return names.reduce((bits, name) => bits | (singleBits.get(name) ?? 0), 0)
}

const slotOf: ReadonlyMap<string, number> = new Map([
  ['host', slots.host],
  ['authorization', slots.authorization],
  ['connection', slots.connection],
  ['content-length', slots.contentLength],
  ['transfer-encoding', slots.transferEncoding],
  ['upgrade', slots.upgrade],
  ['expect', slots.expect],
  ['x-request-id', slots.requestId],
])

/** @param sent a token: RFC 9110 section 5.1 */
export const fieldName: (sent: string) => FieldName = boundedMemo(2_048, sent => {
  const lower = sent.toLowerCase()
  return {
    lower,
    sent,
    single: singleBits.get(lower) ?? 0,
    slot: slotOf.get(lower) ?? slots.other,
    endsHere: hopByHop.has(lower) || isReserved(lower),
    holdsCredential: credentialHeaders.has(lower),
  }
})

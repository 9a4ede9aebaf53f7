import { hexDigit, tokenCharacter, valueCharacter } from './fields/characters.ts'

/**
 * Where one message's body ends. A plain record that moves on with the bytes: it is asked for every piece, so it makes
 * nothing.
 */
export interface Body {
  readonly framing: 'sized' | 'chunked' | 'to-close'
  readonly of: 'request' | 'answer'
  /** Bytes to come: of the body, or of the present chunk. */
  left: number
  state: ChunkState
  /** Digits of the present size, bytes behind it, or bytes of all trailers so far. */
  count: number
  /** Lines of the trailers of an answer, each with its line end. */
  trailers: string
  /** The piece of data that was found last: half open, empty when there was none. */
  dataStart: number
  dataEnd: number
  done: boolean
  /** The bytes are no body of this framing; nobody knows where the next message begins. */
  broken: boolean
}

type ChunkState =
  | 'size'
  | 'size-blank'
  | 'extension'
  | 'size-lf'
  | 'data'
  | 'data-cr'
  | 'data-lf'
  | 'line'
  | 'trailer-name'
  | 'trailer-value'
  | 'trailer-lf'
  | 'end-lf'

const maxSizeDigits = 8
/** Of one chunk, blanks included: RFC 9112 section 7.1.1 asks for a bound. */
const maxExtensionBytes = 4_096
const maxTrailerBytes = 8_192
const cr = 0x0d
const lf = 0x0a
const colon = 0x3a
const semicolon = 0x3b
const space = 0x20
const tab = 0x09

export function newBody(framing: Body['framing'], length: number, of: Body['of'] = 'request'): Body {
  return {
    framing,
    of,
    left: length,
    state: 'size',
    count: 0,
    trailers: '',
    dataStart: 0,
    dataEnd: 0,
    done: framing === 'sized' && length === 0,
    broken: false,
  }
}

/**
 * Moves on to the next piece of data, at most to `end`. Chunks are read strictly: hexadecimal digits, CR, LF, the data,
 * CR, LF; no extensions, no white space, no bare line ends. Behind the size of an answer's chunk blanks and an extension
 * may stand, which are checked and lost: common servers pad sizes, recipients must ignore extensions, and the caller gets
 * chunks that are framed anew. Trailers are checked; those of an answer are kept.
 * @returns where to go on; the caller looks at `dataStart`, `dataEnd`, `done` and `broken` after each call
 * @see RFC 9112 section 7.1
 */
export function nextData(body: Body, bytes: Uint8Array, at: number, end: number): number {
  body.dataStart = at
  body.dataEnd = at
  if (body.framing === 'chunked') return nextChunk(body, bytes, at, end)
  body.dataEnd = body.framing === 'sized' ? Math.min(end, at + body.left) : end
  body.left -= body.framing === 'sized' ? body.dataEnd - at : 0
  body.done = body.framing === 'sized' && body.left === 0
  return body.dataEnd
}

function nextChunk(body: Body, bytes: Uint8Array, from: number, end: number): number {
  let at = from
  while (at < end) {
    if (body.state === 'data') {
      body.dataStart = at
      body.dataEnd = Math.min(end, at + body.left)
      body.left -= body.dataEnd - at
      if (body.left === 0) body.state = 'data-cr'
      return body.dataEnd
    }
    step(body, bytes[at] as number)
    at++
    if (body.done || body.broken) break
  }
  body.dataStart = at
  body.dataEnd = at
  return at
}

/** One byte of framing. */
function step(body: Body, byte: number): void {
  switch (body.state) {
    case 'size':
      return void takeSize(body, byte)
    case 'size-blank':
    case 'extension':
      return void takeExtension(body, byte)
    case 'size-lf':
      if (byte !== lf) return void fail(body)
      body.count = 0
      body.state = body.left === 0 ? 'line' : 'data'
      return
    case 'data-cr':
      return void expect(body, byte, cr, 'data-lf')
    case 'data-lf':
      return void expect(body, byte, lf, 'size')
    case 'end-lf':
      if (byte !== lf) return void fail(body)
      body.done = true
      return
    default:
      return void takeTrailer(body, byte)
  }
}

function takeSize(body: Body, byte: number): void {
  const digit = hexDigit[byte] as number
  if (digit < 16) {
    body.left = body.left * 16 + digit
    body.count++
    if (body.count > maxSizeDigits) fail(body)
  } else if (byte === cr && body.count > 0) body.state = 'size-lf'
  else if (body.of === 'answer' && body.count > 0) {
    body.count = 0
    body.state = 'size-blank'
    takeExtension(body, byte)
  } else fail(body)
}

function takeExtension(body: Body, byte: number): void {
  body.count++
  if (byte === cr) body.state = 'size-lf'
  else if (body.count > maxExtensionBytes) fail(body)
  else if (body.state === 'size-blank') {
    if (byte === semicolon) body.state = 'extension'
    else if (byte !== space && byte !== tab) fail(body)
  } else if (valueCharacter[byte] !== 1) fail(body)
}

function takeTrailer(body: Body, byte: number): void {
  body.count++
  if (body.count > maxTrailerBytes) return void fail(body)
  if (body.of === 'answer' && !(body.state === 'line' && byte === cr)) body.trailers += String.fromCharCode(byte)
  switch (body.state) {
    case 'line':
      if (byte === cr) body.state = 'end-lf'
      else if (tokenCharacter[byte] === 1) body.state = 'trailer-name'
      else fail(body)
      return
    case 'trailer-name':
      if (byte === colon) body.state = 'trailer-value'
      else if (tokenCharacter[byte] !== 1) fail(body)
      return
    case 'trailer-value':
      if (byte === cr) body.state = 'trailer-lf'
      else if (valueCharacter[byte] !== 1) fail(body)
      return
    default:
      return void expect(body, byte, lf, 'line')
  }
}

function expect(body: Body, byte: number, expected: number, next: ChunkState): void {
  if (byte !== expected) return void fail(body)
  body.state = next
}

function fail(body: Body): void {
  body.broken = true
}

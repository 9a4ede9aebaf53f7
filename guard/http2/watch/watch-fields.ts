import { tokenCharacter, valueCharacter } from '../../../platform/wire/fields/characters.ts'
import { allMarked, couldBeWrong, type Marks } from './huffman.ts'

/** What was found in a block of fields: nothing, fields that cannot be, or such a field that others may refer to. */
type Found = 'nothing' | 'malformed' | 'malformed and kept'

/** What is wrong with pseudo fields and capitals nghttp2 does not pass over. */
const nameMarks: Marks = { first: changed(tokenCharacter, [':'], 1), inner: tokenCharacter, last: tokenCharacter }
const noBlank = changed(valueCharacter, [' ', '\t'], 0)
/** RFC 9113 section 8.2.1: blanks at the ends are as bad as control bytes. */
const valueMarks: Marks = { first: noBlank, inner: valueCharacter, last: noBlank }

function changed(marks: Uint8Array, characters: readonly string[], mark: 0 | 1): Uint8Array {
  const copy = Uint8Array.from(marks)
  for (const character of characters) copy[character.charCodeAt(0)] = mark
  return copy
}

/** Where the block is being read. */
interface Place {
  readonly bytes: Uint8Array
  readonly end: number
  at: number
}

/**
 * Looks for fields whose name or value has bytes that fields cannot have. nghttp2 leaves such fields out and says nothing
 * (RFC 9113 section 8.2.1: the request is malformed). A block that cannot be read is nghttp2's to refuse.
 * @see RFC 7541 section 6
 */
export function lookAtBlock(bytes: Uint8Array, from: number, end: number): Found {
  const place: Place = { bytes, end, at: from }
  let found: Found = 'nothing'
  while (place.at < end) {
    const first = bytes[place.at] as number
    if (first >= 0x80) integer(place, 0x7f)
    else if (first >= 0x20 && first < 0x40) integer(place, 0x1f)
    else {
      const isKept = first >= 0x40
      const hasName = integer(place, isKept ? 0x3f : 0x0f) > 0
      const isGood = (hasName || text(place, 'name')) && text(place, 'value')
      if (!isGood && isKept) return 'malformed and kept'
      if (!isGood) found = 'malformed'
    }
  }
  return found
}

/** RFC 7541 section 5.1. */
function integer(place: Place, prefix: number): number {
  let value = (place.bytes[place.at++] as number) & prefix
  if (value < prefix) return value
  for (let shift = 1; place.at < place.end; shift *= 128) {
    const byte = place.bytes[place.at++] as number
    value += (byte & 0x7f) * shift
    if (byte < 0x80) return value
  }
  return value
}

/** RFC 7541 section 5.2. @returns whether it holds nothing that it must not hold */
function text(place: Place, of: 'name' | 'value'): boolean {
  const { bytes } = place
  if (place.at >= place.end) return true
  const isCoded = (bytes[place.at] as number) >= 0x80
  const length = integer(place, 0x7f)
  const from = place.at
  const to = Math.min(place.end, from + length)
  place.at = to
  if (to === from) return of === 'value'
  const marks = of === 'name' ? nameMarks : valueMarks
  if (!isCoded) return allPlain(bytes, from, to, marks)
  return (of === 'value' && !couldBeWrong(bytes, from, to)) || allMarked(bytes, from, to, marks)
}

function allPlain(bytes: Uint8Array, from: number, to: number, { first, inner, last }: Marks): boolean {
  if (first[bytes[from] as number] !== 1 || last[bytes[to - 1] as number] !== 1) return false
  for (let at = from + 1; at < to; at++) if (inner[bytes[at] as number] !== 1) return false
  return true
}

const headers = 0x1
const continuation = 0x9
const endHeaders = 0x4
const padded = 0x8
const priority = 0x20
const frameHead = 9
const prefaceLength = 24
/** Beyond these nghttp2 ends the connection anyway: RFC 9113 section 4.2, and what it takes of fields. */
const maxFrameBytes = 16_384
const maxBlockBytes = 65_536

/**
 * Reads what comes on a connection of HTTP/2, before nghttp2 does, for blocks of fields.
 * @param onMalformed told of the stream before nghttp2 sees the block
 * @param onLost told when the connection cannot be used on
 * @returns takes the bytes as they come, the preface first
 */
export function createFieldWatch(onMalformed: (stream: number) => void, onLost: () => void): (bytes: Buffer) => void {
  let skip = prefaceLength
  let rest: Buffer | undefined
  let block: Buffer | undefined

  function takeFrame(bytes: Buffer, at: number, length: number): void {
    const type = bytes[at + 3] as number
    const flags = bytes[at + 4] as number
    const isFirst = type === headers
    let from = at + frameHead
    let to = from + length
    if (isFirst && (flags & padded) !== 0) to -= bytes[from++] as number
    if (isFirst && (flags & priority) !== 0) from += 5
    const isWhole = (flags & endHeaders) !== 0
    if (isFirst && isWhole) return void judge(bytes, from, to, bytes.readUInt32BE(at + 5))
    const piece = bytes.subarray(from, Math.max(from, to))
    block = isFirst || !block ? Buffer.from(piece) : Buffer.concat([block, piece])
    if (block.length > maxBlockBytes) return void onLost()
    if (!isWhole) return
    judge(block, 0, block.length, bytes.readUInt32BE(at + 5))
    block = undefined
  }

  function judge(bytes: Buffer, from: number, to: number, stream: number): void {
    const found = lookAtBlock(bytes, from, to)
    if (found === 'malformed and kept') onLost()
    else if (found === 'malformed') onMalformed(stream & 0x7fffffff)
  }

  return piece => {
    const bytes = rest ? Buffer.concat([rest, piece]) : piece
    rest = undefined
    let at = Math.min(skip, bytes.length)
    skip -= at
    while (at < bytes.length) {
      if (bytes.length - at < frameHead) break
      const length = bytes.readUIntBE(at, 3)
      const type = bytes[at + 3]
      if ((type !== headers && type !== continuation) || length > maxFrameBytes) {
        const next = Math.min(bytes.length, at + frameHead + length)
        skip = at + frameHead + length - next
        at = next
        continue
      }
      if (bytes.length - at < frameHead + length) break
      takeFrame(bytes, at, length)
      at += frameHead + length
    }
    if (at < bytes.length) rest = Buffer.from(bytes.subarray(at))
  }
}

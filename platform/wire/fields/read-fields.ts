import { tokenCharacter } from './characters.ts'

const colon = 0x3a
const cr = 0x0d
const lf = 0x0a
const space = 0x20
const tab = 0x09
const del = 0x7f

/** Where the parts of one field stand in a text. */
export interface FieldPlace {
  nameEnd: number
  valueStart: number
  valueEnd: number
  /** Where the next line begins. */
  next: number
}

/**
 * Finds the parts of the field that begins at `at`: a token, a colon right behind it, a value without control bytes, CR
 * and LF. Nothing else is one; no line folds. Bytes are looked at, because that is several times faster than looking at
 * the characters of a string.
 * @returns what is wrong, or undefined when `place` holds them
 * @see RFC 9112 section 5
 */
export function placeField(bytes: Uint8Array, at: number, place: FieldPlace): 'name' | 'value' | undefined {
  let index = at
  while (tokenCharacter[bytes[index] as number] === 1) index++
  if (index === at || bytes[index] !== colon) return 'name'
  place.nameEnd = index
  let code = bytes[++index] as number
  while (code === space || code === tab) code = bytes[++index] as number
  place.valueStart = index
  while ((code >= space && code !== del) || code === tab) code = bytes[++index] as number
  if (code !== cr || bytes[index + 1] !== lf) return 'value'
  place.next = index + 2
  let last = index
  while (last > place.valueStart && isBlank(bytes[last - 1] as number)) last--
  place.valueEnd = last
  return undefined
}

const emptyLine = Buffer.from('\r\n\r\n', 'latin1')

/** @returns where the CR LF CR LF begins that ends a head, or -1 when it is not between `from` and `to` */
export function endOfHead(bytes: Buffer, from: number, to: number): number {
  const found = bytes.subarray(from, to).indexOf(emptyLine)
  return found === -1 ? -1 : from + found
}

function isBlank(code: number): boolean {
  return code === space || code === tab
}

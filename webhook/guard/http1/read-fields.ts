import { tokenCharacter, valueCharacter } from './characters.ts'

const colon = 0x3a
const cr = 0x0d
const lf = 0x0a
const space = 0x20
const tab = 0x09

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
 * and LF. Nothing else is one; no line folds.
 * @param text one character per byte
 * @returns what is wrong, or undefined when `place` holds them
 * @see RFC 9112 section 5
 */
export function placeField(text: string, at: number, place: FieldPlace): 'name' | 'value' | undefined {
  let index = at
  while (tokenCharacter[text.charCodeAt(index)] === 1) index++
  if (index === at || text.charCodeAt(index) !== colon) return 'name'
  place.nameEnd = index
  let code = text.charCodeAt(++index)
  while (code === space || code === tab) code = text.charCodeAt(++index)
  place.valueStart = index
  while (valueCharacter[code] === 1) code = text.charCodeAt(++index)
  if (code !== cr || text.charCodeAt(index + 1) !== lf) return 'value'
  place.next = index + 2
  let last = index
  while (last > place.valueStart && isBlank(text.charCodeAt(last - 1))) last--
  place.valueEnd = last
  return undefined
}

function isBlank(code: number): boolean {
  return code === space || code === tab
}

/** Reads an object in JSON as it comes: the elements of its long lists one by one, and what is around them. */
export interface ElementReader {
  /**
   * @returns the position behind the object when it ended within these bytes, undefined when it goes on
   * @throws Error when it is no JSON, or has more than one line
   */
  read(bytes: Buffer, from: number): number | undefined
  /** What was read when it ended; the next one can begin. @throws Error when it is no JSON */
  take(): Elements
  /** Bytes of the object so far. */
  size(): number
}

export interface Elements {
  /** The object without the elements: their lists are empty. */
  readonly around: unknown
  /** Of each list, in the order of their places. */
  readonly lists: readonly (readonly unknown[])[]
}

const char = { newline: 0x0a, quote: 0x22, comma: 0x2c, backslash: 0x5c }
const square = 0x5b
const closingSquare = 0x5d
const curly = 0x7b
const closingCurly = 0x7d

/**
 * A list of a hundred thousand rows is never one text, nor read in one go: each element is read when its last byte came.
 * Structure is told by bytes alone, so that a character may be cut anywhere.
 * @param depth how many brackets are open in the lists; everything deeper belongs to an element
 * @param keep what stays of an element, of which the rest is dropped at once
 */
export function createElementReader(
  depth: number,
  keep: (element: unknown) => unknown = element => element,
): ElementReader {
  let level = 0
  let isText = false
  let isEscaped = false
  let isInList = false
  let size = 0
  let around: Buffer[] = []
  let element: Buffer[] = []
  let lists: unknown[][] = []

  function endElement(rest: Buffer, ends: 'list' | 'element'): void {
    const text = element.length === 0 ? rest.toString('utf8') : Buffer.concat([...element, rest]).toString('utf8')
    element = []
    const list = lists.at(-1)
    // Nothing between two brackets is an empty list; nothing anywhere else is what no parser takes.
    if (ends === 'list' && list?.length === 0 && text.trim() === '') return
    list?.push(keep(JSON.parse(text)))
  }

  /** @returns the position of the quote that ends the text, or behind the last byte */
  function skipText(bytes: Buffer, from: number): number {
    for (let at = from; at < bytes.length; at++) {
      const byte = bytes[at]
      if (isEscaped) isEscaped = false
      else if (byte === char.backslash) isEscaped = true
      else if (byte === char.quote) {
        isText = false
        return at
      } else if (byte === char.newline) throw new Error('a line ends within a text')
    }
    return bytes.length
  }

  /** Puts away what was read up to here. */
  function putAway(bytes: Buffer, from: number, to: number): void {
    if (from < to) (isInList ? element : around).push(bytes.subarray(from, to))
  }

  /** Where the part that is being read goes on, after the byte there was looked at. */
  function look(bytes: Buffer, start: number, at: number): number {
    const byte = bytes[at]
    if (byte === char.newline && level > 0) throw new Error('a line ends before its object')
    if (byte === char.quote) isText = true
    else if (byte === char.comma && isInList && level === depth) {
      endElement(bytes.subarray(start, at), 'element')
      return at + 1
    } else if (byte === square || byte === curly) {
      level++
      if (level !== depth || byte !== square) return start
      putAway(bytes, start, at + 1)
      isInList = true
      lists.push([])
      return at + 1
    } else if (byte === closingSquare || byte === closingCurly) {
      level--
      if (!isInList || level !== depth - 1) return start
      endElement(bytes.subarray(start, at), 'list')
      isInList = false
      return at
    }
    return start
  }

  function read(bytes: Buffer, from: number): number | undefined {
    let start = from
    for (let at = from; at < bytes.length; at++) {
      if (isText) {
        at = skipText(bytes, at)
        continue
      }
      if (level === 0) {
        if (bytes[at] === char.newline) {
          start = at + 1
          continue
        }
        if (bytes[at] !== curly) throw new Error('there is no object')
      }
      start = look(bytes, start, at)
      if (level > 0) continue
      putAway(bytes, start, at + 1)
      size += at + 1 - from
      return at + 1
    }
    putAway(bytes, start, bytes.length)
    size += bytes.length - from
    return undefined
  }

  return {
    read,
    size: () => size,
    take() {
      const text = Buffer.concat(around).toString('utf8')
      const taken = lists
      around = []
      lists = []
      size = 0
      return { around: JSON.parse(text), lists: taken }
    },
  }
}

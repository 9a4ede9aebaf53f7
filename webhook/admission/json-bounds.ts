const quote = 0x22
const comma = 0x2c
const backslash = 0x5c
const openers = [0x5b, 0x7b]
const closers = [0x5d, 0x7d]

/**
 * What JSON text has too much of: levels, or values, each of which takes many times its bytes when it is read. Looked at
 * before it is parsed, in one pass and without recursion.
 */
export function exceeded(json: Buffer, { levels, values }: { levels: number; values: number }) {
  let depth = 0
  let count = 0
  for (let at = 0; at < json.length; at++) {
    const byte = json[at] as number
    if (byte === quote) at = endOfString(json, at)
    else if (byte === comma) count++
    else if (openers.includes(byte)) {
      depth++
      count++
      if (depth > levels) return 'levels'
    } else if (closers.includes(byte)) depth--
    if (count > values) return 'values'
  }
  return undefined
}

/** Index of the closing quote; the end of the text when there is none, which the parser then says. */
function endOfString(json: Buffer, start: number): number {
  for (let at = start + 1; at < json.length; at++) {
    if (json[at] === backslash) at++
    else if (json[at] === quote) return at
  }
  return json.length
}

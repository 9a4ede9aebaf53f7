const quote = 0x22
const backslash = 0x5c
const openers = [0x5b, 0x7b]
const closers = [0x5d, 0x7d]

/** Whether JSON text nests deeper than `limit`: looked at before it is parsed, in one pass and without recursion. */
export function isDeeperThan(json: Buffer, limit: number): boolean {
  let depth = 0
  for (let at = 0; at < json.length; at++) {
    const byte = json[at] as number
    if (byte === quote) at = endOfString(json, at)
    else if (openers.includes(byte)) {
      depth++
      if (depth > limit) return true
    } else if (closers.includes(byte)) depth--
  }
  return false
}

/** Index of the closing quote; the end of the text when there is none, which the parser then says. */
function endOfString(json: Buffer, start: number): number {
  for (let at = start + 1; at < json.length; at++) {
    if (json[at] === backslash) at++
    else if (json[at] === quote) return at
  }
  return json.length
}

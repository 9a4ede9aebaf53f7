/** Deeper JSON than this is in no token that we take. */
const maxDepth = 8

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads a JSON object in the strict form: UTF-8, no byte order mark, at most 8 levels, no member twice in one object
 * (also when written with escapes). One pass, before JSON.parse sees it, so that depth cannot exhaust the stack.
 * @returns undefined when it is anything else
 * @see RFC 7515 section 4, RFC 8259 section 8.1
 */
export function readJsonObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const text = utf8.decode(bytes)
    if (!isUnambiguous(text)) return undefined
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

/**
 * Follows strings and brackets only; whether the rest is JSON is for JSON.parse to say. Members are the strings that
 * follow `{` or, in an object, `,`.
 */
function isUnambiguous(text: string): boolean {
  const levels: (Set<string> | undefined)[] = []
  let expectsMember = false
  for (let index = 0; index < text.length; index++) {
    switch (text.charCodeAt(index)) {
      case 0x22: {
        const end = endOfString(text, index)
        if (end < 0) return false
        const members = levels[levels.length - 1]
        if (expectsMember && members) {
          const name = memberName(text.slice(index, end + 1))
          if (members.has(name)) return false
          members.add(name)
          expectsMember = false
        }
        index = end
        break
      }
      case 0x7b:
      case 0x5b: {
        if (levels.length === maxDepth) return false
        const isObject = text.charCodeAt(index) === 0x7b
        levels.push(isObject ? new Set() : undefined)
        expectsMember = isObject
        break
      }
      case 0x7d:
      case 0x5d:
        levels.pop()
        expectsMember = false
        break
      case 0x2c:
        expectsMember = levels[levels.length - 1] !== undefined
        break
    }
  }
  return true
}

/** Index of the closing quote, or -1. */
function endOfString(text: string, start: number): number {
  for (let index = start + 1; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code === 0x22) return index
    if (code === 0x5c) index++
  }
  return -1
}

/** What the member is called after its escapes; a bad escape throws, as JSON.parse would later. */
function memberName(quoted: string): string {
  return quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1)
}

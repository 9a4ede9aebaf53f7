/** Deeper JSON than this is in no token that we take. */
const maxDepth = 8

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads a JSON object in the strict form: UTF-8, no byte order mark, at most 8 levels, no member twice in one object,
 * no member whose name is written with escapes. Depth is looked at before JSON.parse sees the text, so that it cannot
 * exhaust the stack; a member that came twice is one less in what JSON.parse made than in the text. V8's JSON.parse may
 * take a name with escapes for another one that it read before (docs/decisions/0028).
 * @returns undefined when it is anything else
 * @see RFC 7515 section 4, RFC 8259 section 8.1
 */
export function readJsonObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const text = utf8.decode(bytes)
    const members = membersIn(text)
    if (members < 0) return undefined
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    return membersOf(value) === members ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/**
 * Follows strings and brackets only; whether the rest is JSON is for JSON.parse to say. If it is, each colon outside a
 * string belongs to one member.
 * @returns how many members there are, or -1 when the text is too deep, a string has no end or a name has escapes
 */
function membersIn(text: string): number {
  let depth = 0
  let members = 0
  let isEscaped = false
  const anyEscapes = text.includes('\\')
  for (let index = 0; index < text.length; index++) {
    switch (text.charCodeAt(index)) {
      case 0x22: {
        const end = endOfString(text, index)
        if (end < 0) return -1
        isEscaped = anyEscapes && text.slice(index, end).includes('\\')
        index = end
        break
      }
      case 0x3a:
        if (isEscaped) return -1
        members++
        break
      case 0x7b:
      case 0x5b:
        if (++depth > maxDepth) return -1
        break
      case 0x7d:
      case 0x5d:
        depth--
        break
    }
  }
  return members
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

/** Members of all objects in a value that JSON.parse made. */
function membersOf(value: object): number {
  const within: unknown[] = Object.values(value)
  let members = Array.isArray(value) ? 0 : within.length
  for (const one of within) if (typeof one === 'object' && one !== null) members += membersOf(one)
  return members
}

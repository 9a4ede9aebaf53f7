/**
 * Parses JSON that can be read in one way only: no deeper than said, no member twice in one object, no member whose name
 * is written with escapes. Depth is looked at before JSON.parse sees the text, so that it cannot exhaust the stack; a
 * member that came twice is one less in what JSON.parse made than in the text. V8's JSON.parse may take a name with
 * escapes for another one that it read before (docs/decisions/0028).
 * @returns the value, and how many values and names it is made of; undefined when the text is anything else
 * @see RFC 8259 section 4
 */
export function parseStrictJson(text: string, maxDepth: number): { value: unknown; nodes: number } | undefined {
  const members = membersIn(text, maxDepth)
  if (members === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    const found = { members: 0, nodes: 0 }
    count(value, found)
    return found.members === members ? { value, nodes: found.nodes } : undefined
  } catch {
    return undefined
  }
}

/**
 * Follows strings and brackets only; whether the rest is JSON is for JSON.parse to say. If it is, each colon outside a
 * string belongs to one member.
 * @returns how many members there are; undefined when the text is too deep, a string has no end or a name has escapes
 */
function membersIn(text: string, maxDepth: number): number | undefined {
  let depth = 0
  let members = 0
  // Escapes are looked for name by name: behind a look at the whole text V8 may flatten it anew for each character.
  let isEscaped = false
  for (let index = 0; index < text.length; index++) {
    switch (text.charCodeAt(index)) {
      case 0x22: {
        const start = index
        index = endOfString(text, start)
        if (index < 0) return undefined
        isEscaped = hasEscape(text, start, index)
        break
      }
      case 0x3a:
        if (isEscaped) return undefined
        members++
        break
      case 0x7b:
      case 0x5b:
        if (++depth > maxDepth) return undefined
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

function hasEscape(text: string, start: number, end: number): boolean {
  for (let index = start; index < end; index++) if (text.charCodeAt(index) === 0x5c) return true
  return false
}

function count(value: unknown, found: { members: number; nodes: number }): void {
  found.nodes++
  if (typeof value !== 'object' || value === null) return
  const within: readonly unknown[] = Object.values(value)
  if (!Array.isArray(value)) {
    found.members += within.length
    found.nodes += within.length
  }
  for (const one of within) count(one, found)
}

/**
 * The value of a text that is JSON, when YAML would give the very same: no deeper and no larger than said, no member
 * twice, no name written with escapes (V8's JSON.parse may read such a name wrongly, docs/decisions/0028).
 * @returns undefined for anything else; what is wrong with it, or whether it is YAML, is for others to say
 */
export function readJson(text: string, limits: { depth: number; nodes: number }): { value: unknown } | undefined {
  if (!/^[ \t\r\n]*[{["]/.test(text)) return undefined
  const members = membersIn(text, limits.depth)
  if (members === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    const found = { members: 0, nodes: 0 }
    count(value, found)
    return found.members === members && found.nodes <= limits.nodes ? { value } : undefined
  } catch {
    return undefined
  }
}

/** Follows strings and brackets only; if the text is JSON, each colon outside a string belongs to one member. */
function membersIn(text: string, maxDepth: number): number | undefined {
  let depth = 0
  let members = 0
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

const remembered = new WeakMap<readonly unknown[], string>()
const worthRemembering = 64

/** Says what the canonical text of a long list is, where it was made elsewhere. The list must never change. */
export function rememberCanonicalJson(list: readonly unknown[], text: string): void {
  if (list.length >= worthRemembering) remembered.set(list, text)
}

/** JSON with sorted keys, so that equal values give equal text. */
export function canonicalJson(value: unknown): string {
  if (typeof value === 'string') return quote(value)
  if (Array.isArray(value)) {
    const known = value.length < worthRemembering ? undefined : remembered.get(value)
    return known ?? `[${value.map(item => canonicalJson(item ?? null)).join(',')}]`
  }
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null'
  let text = ''
  for (const key of sortedKeys(value)) {
    const member = (value as Record<string, unknown>)[key]
    if (member !== undefined) text += `${text === '' ? '' : ','}${quote(key)}:${canonicalJson(member)}`
  }
  return `{${text}}`
}

/** Of a longer list so many items are one piece. */
const itemsInPiece = 64

/** The text of `canonicalJson` in pieces, which are short where a member of the object is a long list of short things. */
export function* canonicalPieces(value: unknown): Generator<string> {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return yield canonicalJson(value)
  let text = '{'
  let comma = ''
  for (const key of sortedKeys(value)) {
    const member = (value as Record<string, unknown>)[key]
    if (member === undefined) continue
    text += `${comma}${quote(key)}:`
    comma = ','
    if (!Array.isArray(member) || member.length <= itemsInPiece || remembered.has(member)) {
      text += canonicalJson(member)
      continue
    }
    for (let from = 0; from < member.length; from += itemsInPiece) {
      const items = canonicalJson(member.slice(from, from + itemsInPiece))
      yield `${text}${from === 0 ? '[' : ','}${items.slice(1, -1)}`
      text = ''
    }
    text = ']'
  }
  yield `${text}}`
}

/** Equal as JSON, whatever the order of members. */
export function isSameJson(a: unknown, b: unknown): boolean {
  return canonicalJson(a) === canonicalJson(b)
}

/** Printable ASCII but quote and backslash: what stands in JSON as it is. Half the work of a slice is in such texts. */
const plain = /^[ !#-[\]-~]*$/

function quote(text: string): string {
  return plain.test(text) ? `"${text}"` : JSON.stringify(text)
}

/** By insertion: rows have few keys, and Array.sort without a comparison makes strings of them first. */
function sortedKeys(value: object): string[] {
  const keys = Object.keys(value)
  if (keys.length > 16) return keys.sort()
  for (let index = 1; index < keys.length; index++) {
    const key = keys[index] as string
    let at = index
    while (at > 0 && (keys[at - 1] as string) > key) keys[at] = keys[--at] as string
    keys[at] = key
  }
  return keys
}

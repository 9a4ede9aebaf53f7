/** Of printable ASCII, what RFC 3986 allows in no path. Each may stand there escaped. */
const toBeEscaped = new Set('"<>[]^`{|}#')
const unreserved = /[A-Za-z0-9\-._~]/

/**
 * Why a target is `path_malformed`, for people: which character, and where. The words are those of this file: of what was
 * sent there is one printable ASCII character in them at most.
 * @param target that `readTarget` refused
 */
export function pathFault(target: string): string {
  const mark = target.indexOf('?')
  const path = mark === -1 ? target : target.slice(0, mark)
  return (
    characterFault(path) ??
    escapeFault(path) ??
    segmentFault(path) ??
    'The query holds a space, #, a control byte or a byte beyond ASCII: send it percent-encoded. The path is in order.'
  )
}

function characterFault(path: string): string | undefined {
  const [character] = /[^A-Za-z0-9\-._~!$&'()*+,=:@/%]/.exec(path) ?? []
  if (character === undefined) return undefined
  if (character === ';') return 'The path holds ;, which some servers cut off at. It cannot be sent, nor can %3B.'
  if (character === '\\') return 'The path holds a backslash, which some servers take for a slash. It cannot be sent.'
  if (!toBeEscaped.has(character)) return 'The path holds a space, a control byte or a byte beyond ASCII.'
  return `The path holds ${character}, which no URI has there as it is: send ${escapeOf(character)}.`
}

function escapeFault(path: string): string | undefined {
  for (const [found] of path.matchAll(/%.{0,2}/gs)) {
    const byte = /^%[0-9A-Fa-f]{2}$/.test(found) ? Number.parseInt(found.slice(1), 16) : undefined
    if (byte === undefined) return 'The path holds a % that begins no escape.'
    const character = String.fromCharCode(byte)
    if (byte < 0x20 || byte === 0x7f) return 'The path holds an escape of a control byte.'
    if (unreserved.test(character)) return `The path holds an escape of ${character}, which needs none: send it plain.`
    if ('/\\;%'.includes(character)) return `The path holds ${escapeOf(character)}, which an app could read otherwise.`
  }
  try {
    decodeURIComponent(path)
    return undefined
  } catch {
    return 'The path holds escapes that are not UTF-8.'
  }
}

function segmentFault(path: string): string | undefined {
  const segments = path.split('/').slice(1)
  if (segments.some(segment => segment === '.' || segment === '..')) return 'The path holds a dot segment.'
  return segments.slice(0, -1).includes('') ? 'The path holds an empty segment: two slashes in a row.' : undefined
}

function escapeOf(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
}

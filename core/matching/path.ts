/** A request target that can be read in one way only. `path + query` is the target, byte for byte. */
export interface Target {
  readonly path: string
  /** With its question mark; empty when there is none. */
  readonly query: string
  /** Percent-decoded; a trailing slash is an empty last one. */
  readonly segments: readonly string[]
}

const slash = 0x2f
const dot = 0x2e
const percent = 0x25
const question = 0x3f
const hash = 0x23

/** Bytes that stand in a path as they are: RFC 3986 pchar without `;`, which some servers cut off at. */
const plain = bytesOf("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,=:@")
/** Bytes that must not be escaped: unreserved ones (RFC 3986 section 2.3), and those that read otherwise unescaped. */
const neverEscaped = bytesOf('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/\\;%')

/**
 * Reads a request target in the one normal form. Nothing is rewritten: what could be read in two ways is refused, so
 * that the path decided on is the path forwarded.
 * @param target as on the wire, one character per byte
 * @returns `request_malformed` for anything but origin form, `path_malformed` for what is not in normal form: an
 *   escape of an unreserved character, of `/`, `\`, `;`, `%` or of a control byte; a bad escape or one that is not
 *   UTF-8; an empty segment but the last; a dot segment; any other byte that RFC 3986 does not allow in a path, and
 *   `;`; `#`, controls, spaces and non-ASCII bytes in the query
 * @see RFC 9112 section 3.2.1, RFC 3986 section 3.3; threats P01, P02, P03, P04, P35
 */
export function readTarget(target: string): Target | 'request_malformed' | 'path_malformed' {
  if (target.charCodeAt(0) !== slash) return 'request_malformed'
  const segments: string[] = []
  let start = 1
  let index = 1
  // One look at each character of the target itself: at those of a part cut from it, V8 looks more slowly.
  for (; index < target.length; index++) {
    const code = target.charCodeAt(index)
    if (plain[code] === 1) continue
    if (code === question) break
    if (code === percent) return readEscaped(target)
    if (code !== slash || isDots(target, start, index) || index === start) return 'path_malformed'
    segments.push(target.slice(start, index))
    start = index + 1
  }
  if (isDots(target, start, index) || !isPlainQuery(target, index)) return 'path_malformed'
  segments.push(target.slice(start, index))
  return targetOf(target, index, segments)
}

/** The same for a path with escapes, segment by segment. */
function readEscaped(target: string): Target | 'path_malformed' {
  const segments: string[] = []
  const mark = target.indexOf('?')
  const end = mark === -1 ? target.length : mark
  const parts = target.slice(1, end).split('/')
  for (const [at, part] of parts.entries()) {
    const segment = readSegment(part)
    if (segment === undefined || (segment === '' && at < parts.length - 1)) return 'path_malformed'
    segments.push(segment)
  }
  return isPlainQuery(target, end) ? targetOf(target, end, segments) : 'path_malformed'
}

function targetOf(target: string, end: number, segments: readonly string[]): Target {
  if (end === target.length) return { path: target, query: '', segments }
  return { path: target.slice(0, end), query: target.slice(end), segments }
}

/** Whether what stands there is a dot segment. */
function isDots(target: string, start: number, end: number): boolean {
  if (target.charCodeAt(start) !== dot) return false
  return end - start === 1 || (end - start === 2 && target.charCodeAt(start + 1) === dot)
}

/**
 * One segment of a path, percent-decoded.
 * @returns undefined when it is not in normal form; an empty segment is, its place decides
 */
export function readSegment(raw: string): string | undefined {
  if (raw === '.' || raw === '..') return undefined
  let isEscaped = false
  for (let index = 0; index < raw.length; index++) {
    const code = raw.charCodeAt(index)
    if (plain[code] === 1) continue
    if (code !== percent || !isGoodEscape(raw, index)) return undefined
    isEscaped = true
    index += 2
  }
  return isEscaped ? decode(raw) : raw
}

function isGoodEscape(raw: string, index: number): boolean {
  const high = hexDigit(raw.charCodeAt(index + 1))
  const low = hexDigit(raw.charCodeAt(index + 2))
  if (high < 0 || low < 0) return false
  const byte = high * 16 + low
  return byte >= 0x20 && byte !== 0x7f && neverEscaped[byte] !== 1
}

/** Refuses what is not UTF-8: overlong forms, surrogates, cut-off sequences (RFC 3629 section 3). */
function decode(raw: string): string | undefined {
  try {
    return decodeURIComponent(raw)
  } catch {
    return undefined
  }
}

/** Some servers cut at `#`; controls, spaces and bytes beyond ASCII have no place in a request line. */
function isPlainQuery(target: string, from: number): boolean {
  for (let index = from; index < target.length; index++) {
    const code = target.charCodeAt(index)
    if (code <= 0x20 || code >= 0x7f || code === hash) return false
  }
  return true
}

/** -1 also for NaN, past the end. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  if (code >= 0x41 && code <= 0x46) return code - 0x37
  if (code >= 0x61 && code <= 0x66) return code - 0x57
  return -1
}

function bytesOf(characters: string): Uint8Array {
  const table = new Uint8Array(256)
  for (const character of characters) table[character.charCodeAt(0)] = 1
  return table
}

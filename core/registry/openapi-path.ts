import { parseTemplate } from '../matching/template.ts'
import type { Faults, Place } from './openapi-value.ts'

/** A path of a document as a template. */
export interface PathTemplate {
  readonly path: string
  /** What each parameter of the document is called in the template. */
  readonly names: ReadonlyMap<string, string>
}

const plainName = /^[A-Za-z]\w{0,31}$/
const longestName = 32
/** As of a template. */
export const longestPath = 512

/**
 * Parameters are whole segments. Their names are the document's where templates take them; others become names that
 * nothing else in the path has: `{order-id}` is `{order_id}`, `{_id}` is `{p_id}`, and what is longer than 32 is cut.
 * @returns undefined after a fault was added
 */
export function templateOf(path: string, place: Place, faults: Faults): PathTemplate | undefined {
  if (!path.startsWith('/')) return void faults.add(place, 'a path begins with /')
  if (path.length > longestPath) return void faults.add(place, `a path has at most ${longestPath} characters`)
  const segments = path.split('/')
  const parameters: string[] = []
  for (const segment of segments) {
    const [, name] = /^\{([^{}]*)\}$/.exec(segment) ?? []
    const fault = name === undefined ? faultOfLiteral(segment) : faultOfName(name, parameters)
    if (fault !== undefined) return void faults.add(place, fault)
    if (name !== undefined) parameters.push(name)
  }
  const names = namesFor(parameters)
  const template = segments.map(segment => {
    const name = names.get(segment.slice(1, -1))
    return name !== undefined && segment.startsWith('{') ? `{${name}}` : segment
  })
  const fault = faultOfPath(template.join('/'))
  return fault === undefined ? { path: template.join('/'), names } : void faults.add(place, fault)
}

/** Why a path is none that a request can have in normal form. @param path a template, or the path of a server's URL */
export function faultOfPath(path: string): string | undefined {
  const marks = faultOfMarks(path)
  if (marks !== undefined) return marks
  if (path.includes('//')) return 'an empty segment; write one slash'
  return 'fault' in parseTemplate(path)
    ? 'a segment is not in normal form; write no dot segments, plain characters as they are, all others as escapes'
    : undefined
}

/** Why a path or URL ends before its end. */
export function faultOfMarks(text: string): string | undefined {
  const [mark] = /[?#]/.exec(text) ?? []
  if (mark === undefined) return undefined
  const [part, escaped] = mark === '?' ? ['query', '%3F'] : ['fragment', '%23']
  return `no path has a ${part}; leave out what follows ${mark}, or write ${escaped} where the character is meant`
}

function faultOfLiteral(segment: string): string | undefined {
  if (/[{}]/.test(segment)) {
    return 'a parameter must be a whole segment, such as /{id}; guards compare whole segments, not parts such as {name}:cancel, so give it a path of its own'
  }
  return segment.includes('*') ? 'a star; write each path out, or %2A where a star is meant' : undefined
}

function faultOfName(name: string, before: readonly string[]): string | undefined {
  if (name === '') return 'a parameter has no name'
  // RFC 6570 gives such forms more than one segment, or a query; others give them a pattern.
  if (/^\.|[+#/;?&=,!@|*:]/.test(name))
    return 'a parameter is a name in braces; forms such as {+name} and {name*} are not read, so write out each path that the app has'
  return before.includes(name) ? 'a parameter stands twice in the path; rename one' : undefined
}

function namesFor(parameters: readonly string[]): Map<string, string> {
  const taken = new Set(parameters.filter(name => plainName.test(name)))
  const names = new Map<string, string>()
  for (const parameter of parameters) {
    names.set(parameter, plainName.test(parameter) ? parameter : freeName(parameter, taken))
  }
  return names
}

function freeName(parameter: string, taken: Set<string>): string {
  const plain = parameter
    .replaceAll(/[^A-Za-z0-9_]/g, '_')
    .replace(/^(?![A-Za-z])/, 'p')
    .slice(0, longestName)
  let free = plain
  for (let count = 2; taken.has(free); count++) {
    const suffix = `_${count}`
    free = plain.slice(0, longestName - suffix.length) + suffix
  }
  taken.add(free)
  return free
}

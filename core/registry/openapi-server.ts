import { checkFields } from './openapi-fields.ts'
import { faultOfMarks, faultOfPath } from './openapi-path.ts'
import { listAt, objectAt, type Reading } from './openapi-reading.ts'
import type { Place } from './openapi-value.ts'

const longestUrl = 512

/**
 * The path of the first server's URL, without a trailing slash: every path of what lists the servers is below it.
 * Variables have their defaults. An empty list is one server at `/`, and so is none at all in the document.
 * @param place of the list
 * @returns undefined after a fault was added
 * @see OpenAPI Specification 3.1, sections 4.8.1 (document), 4.8.5 and 4.8.6 (server)
 */
export function basePathOf(servers: unknown, place: Place, reading: Reading): string | undefined {
  const list = listAt(servers, place, reading)
  if (!list) return undefined
  if (list.length === 0) return ''
  const at = [...place, '0']
  const server = objectAt(list[0], at, reading)
  if (!server) return undefined
  checkFields(server, 'server', at, reading.faults)
  const url = withDefaults(server, at, reading)
  return url === undefined ? undefined : pathOf(url, [...at, 'url'], reading)
}

function pathOf(url: string, place: Place, { faults }: Reading): string | undefined {
  if (url.length > longestUrl) return void faults.add(place, `a URL has at most ${longestUrl} characters`)
  const marks = faultOfMarks(url)
  if (marks !== undefined) return void faults.add(place, marks)
  // Of the relative ones only these say nothing: where the document lies is not known here.
  const [whole, path = ''] = /^(?:[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*|\.\/?$|(?![^/])(?!\/\/))(\/.*)?$/s.exec(url) ?? []
  if (whole === undefined) return void faults.add(place, faultOfRelative(url))
  if (/[{}*]/.test(path)) return void faults.add(place, 'a brace or star in the path that belongs to no variable')
  const fault = faultOfPath(path || '/')
  return fault === undefined ? path.replace(/\/$/, '') : void faults.add(place, fault)
}

function faultOfRelative(url: string): string {
  if (url.startsWith('//')) return 'two slashes; write one before a path, or https:// before a host'
  const path = url.replace(/^\.\//, '').replace(/\/$/, '')
  // With a dot or colon in it, the first part may be meant as a host.
  const absolute = /^[\w~-]+(\/[\w~-]+)*$/.test(path) ? `/${path}` : '/ and the path, or https:// and the host'
  return `a relative URL, and what it is relative to is not known here; write ${absolute}`
}

function withDefaults(server: Record<string, unknown>, place: Place, reading: Reading): string | undefined {
  if (typeof server.url !== 'string' || server.url.length > longestUrl) {
    return void reading.faults.add([...place, 'url'], `expected a text of at most ${longestUrl} characters`)
  }
  let isWhole = true
  let url = ''
  // Every second part is the name of a variable.
  for (const [at, part] of server.url.split(/\{([^{}]+)\}/).entries()) {
    const value = at % 2 === 0 ? part : defaultOf(part, server.variables, [...place, 'variables'], reading)
    if (value === undefined) isWhole = false
    // API gateways export `https://host/{stage}` with the default `/prod`.
    else url += at % 2 === 1 && endsInPath(url) ? value.replace(/^\//, '') : value
    if (url.length > longestUrl) break
  }
  return isWhole ? url : undefined
}

/** Whether the URL so far ends with one slash, which is not that before a host. */
function endsInPath(url: string): boolean {
  return /(^|[^/:])\/$/.test(url)
}

function defaultOf(name: string, variables: unknown, place: Place, reading: Reading): string | undefined {
  const all = objectAt(variables ?? {}, place, reading)
  if (!all) return undefined
  const at = [...place, name]
  if (!Object.hasOwn(all, name)) {
    reading.faults.add(at, 'the URL has this variable, but it is not described here; give it a default')
    return undefined
  }
  const variable = objectAt(all[name], at, reading)
  if (!variable) return undefined
  checkFields(variable, 'server variable', at, reading.faults)
  if (typeof variable.default === 'string' && variable.default.length <= longestUrl) return variable.default
  const isNumber = typeof variable.default === 'number' || typeof variable.default === 'boolean'
  reading.faults.add(
    [...at, 'default'],
    isNumber ? 'expected a text; put it in quotes' : `expected a text of at most ${longestUrl} characters`,
  )
  return undefined
}

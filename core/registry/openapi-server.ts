import { checkFields } from './openapi-fields.ts'
import { listAt, objectAt, type Reading } from './openapi-reading.ts'
import type { Place } from './openapi-value.ts'

const longestUrl = 512

/**
 * The path of the first server's URL, without a trailing slash: every path of what lists the servers is below it.
 * Variables have their defaults. A document without servers, or with an empty list, has one at `/`.
 * @param place of the list
 * @returns undefined after a fault was added
 * @see OpenAPI Specification 3.1, sections 4.8.1 (document), 4.8.5 and 4.8.6 (server)
 */
export function basePathOf(servers: unknown, place: Place, reading: Reading): string | undefined {
  if (servers === undefined) return ''
  const list = listAt(servers, place, reading)
  if (!list) return undefined
  if (list.length === 0 && place.length === 1) return ''
  const at = [...place, '0']
  const server = objectAt(list[0], at, reading)
  if (!server) return undefined
  checkFields(server, 'server', at, reading.faults)
  const url = withDefaults(server, at, reading)
  return url === undefined ? undefined : pathOf(url, [...at, 'url'], reading)
}

function pathOf(url: string, place: Place, { faults }: Reading): string | undefined {
  if (url.length > longestUrl) return void faults.add(place, `a URL has at most ${longestUrl} characters`)
  const [whole, path = ''] = /^(?:[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*|(?=\/(?!\/)))(\/[^?#]*)?$/.exec(url) ?? []
  if (whole === undefined) {
    return void faults.add(place, 'expected an absolute URL or a path that begins with /, without query and fragment')
  }
  if (/[{}*]/.test(path)) {
    faults.add(place, 'a brace or star in the path that belongs to no variable')
    return undefined
  }
  return path.replace(/\/$/, '')
}

function withDefaults(server: Record<string, unknown>, place: Place, reading: Reading): string | undefined {
  if (typeof server.url !== 'string' || server.url.length > longestUrl) {
    return void reading.faults.add([...place, 'url'], `expected a text of at most ${longestUrl} characters`)
  }
  let isWhole = true
  const url = server.url.replaceAll(/\{([^{}]+)\}/g, (_, name: string) => {
    const value = defaultOf(name, server.variables, [...place, 'variables'], reading)
    if (value === undefined) isWhole = false
    return value ?? ''
  })
  return isWhole ? url : undefined
}

function defaultOf(name: string, variables: unknown, place: Place, reading: Reading): string | undefined {
  const all = objectAt(variables ?? {}, place, reading)
  if (!all) return undefined
  const at = [...place, name]
  if (!Object.hasOwn(all, name)) {
    reading.faults.add(at, 'the URL has this variable, but it is not described here')
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

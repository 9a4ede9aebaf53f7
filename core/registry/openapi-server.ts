import { type Fault, faultAt, isRecord } from './openapi-value.ts'

const place = ['servers', '0', 'url']

/**
 * The path of the first server's URL, without a trailing slash: every path of the document is below it. Variables have
 * their defaults.
 */
export function basePathOf(document: Record<string, unknown>): { path: string } | Fault {
  if (document.servers === undefined) return { path: '' }
  const server = Array.isArray(document.servers) ? document.servers[0] : undefined
  // An empty list means one server at `/`.
  if (Array.isArray(document.servers) && server === undefined) return { path: '' }
  if (!isRecord(server) || typeof server.url !== 'string') return faultAt(place, 'expected a URL')
  const url = withDefaults(server.url, server.variables)
  const [, path] = /^(?:[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*|(?=\/(?!\/)))(\/[^?#]*)?$/.exec(url) ?? []
  if (path === undefined) {
    return /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*$/.test(url)
      ? { path: '' }
      : faultAt(place, 'expected an absolute URL or a path that begins with /, without query and fragment')
  }
  const base = path.replace(/\/$/, '')
  return /[{}*]/.test(base) ? faultAt(place, 'a variable has no default') : { path: base }
}

function withDefaults(url: string, variables: unknown): string {
  return url.replaceAll(/\{([^{}]+)\}/g, (whole, name: string) => {
    const variable = isRecord(variables) && Object.hasOwn(variables, name) ? variables[name] : undefined
    return isRecord(variable) && typeof variable.default === 'string' ? variable.default : whole
  })
}

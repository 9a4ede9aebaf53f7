import type { RouteRow } from '../snapshot/rows.ts'
import { permissionOf } from './openapi-security.ts'
import { basePathOf } from './openapi-server.ts'
import { type Fault, faultAt, isRecord } from './openapi-value.ts'
import { createRouteNames } from './route-name.ts'

const operationsAtMost = 2_000
// TRACE, and what OpenAPI 3.2 calls additional operations, have no route: no route matches them, so they are denied.
const methods = ['get', 'head', 'post', 'put', 'patch', 'delete', 'options', 'query'] as const
type Method = (typeof methods)[number]

/**
 * The routes of an OpenAPI 3 document: one per operation, named by operationId or by method and path. `security`
 * scopes become permissions: `resource:action`, or an action on the service itself when the scope has no colon.
 * `security: []` makes nothing public: it leaves out the permission, and a path rule of a Role must allow the call.
 * Public is only what spec.public names. The extension `x-latchkey-mode` of an operation is its route's mode.
 * @param document as a YAML or JSON parser gave it; nothing about it is trusted
 * @param service name of the GuardedService
 * @returns the routes, or what is wrong and where
 * @see OpenAPI Specification 3.1, sections 4.8.8 (paths), 4.8.10 (operation), 4.8.30 (security requirement)
 */
export function openApiRoutes(document: unknown, service: string): { routes: RouteRow[] } | Fault {
  if (!isRecord(document)) return { fault: 'The document is not an object.' }
  if (typeof document.openapi !== 'string' || !/^3\.\d+\.\d+/.test(document.openapi)) {
    return faultAt(['openapi'], 'expected version 3; other versions are not read')
  }
  const base = basePathOf(document)
  if ('fault' in base) return base
  if (!isRecord(document.paths)) return faultAt(['paths'], 'expected an object with the paths')
  const names = createRouteNames()
  const routes: RouteRow[] = []
  for (const [path, item] of Object.entries(document.paths)) {
    // Extensions may stand beside the paths.
    if (path.startsWith('x-')) continue
    const read = routesOfPath(document, base.path, path, item, service)
    if ('fault' in read) return read
    for (const { operationId, route } of read.routes) routes.push({ ...route, name: names.next(operationId, route) })
    if (routes.length > operationsAtMost) return faultAt(['paths'], `more than ${operationsAtMost} operations`)
  }
  return routes.length === 0 ? faultAt(['paths'], 'no operation') : { routes }
}

interface OperationRoute {
  readonly operationId?: string
  readonly route: Omit<RouteRow, 'name'>
}

function routesOfPath(
  document: Record<string, unknown>,
  base: string,
  path: string,
  item: unknown,
  service: string,
): { routes: OperationRoute[] } | Fault {
  const place = ['paths', path]
  if (!isRecord(item)) return faultAt(place, 'expected an object')
  if ('$ref' in item) return faultAt([...place, '$ref'], 'references of paths are not read; write the path out')
  if ('servers' in item) return faultAt([...place, 'servers'], 'servers of one path are not read')
  const template = templateOf(path, place)
  if ('fault' in template) return template
  const routes: OperationRoute[] = []
  for (const method of methods) {
    const operation = item[method]
    if (operation === undefined) continue
    const at = [...place, method]
    if (!isRecord(operation)) return faultAt(at, 'expected an object')
    if ('servers' in operation) return faultAt([...at, 'servers'], 'servers of one operation are not read')
    const permission = permissionOf(operation.security ?? document.security, service, at)
    if (permission && 'fault' in permission) return permission
    const mode = operation['x-latchkey-mode']
    if (mode !== undefined && mode !== 'Enforce' && mode !== 'Audit') {
      return faultAt([...at, 'x-latchkey-mode'], 'expected Enforce or Audit')
    }
    routes.push({
      ...(typeof operation.operationId === 'string' && { operationId: operation.operationId }),
      route: {
        path: base + template.path === '' ? '/' : base + template.path,
        methods: [method.toUpperCase()],
        ...(permission && { permission }),
        variants: 'Refuse',
        ...(mode && { mode }),
      },
    })
  }
  return withoutHead(routes, place)
}

/** HEAD follows GET: a HEAD operation beside a GET says nothing new, and must not say anything else. */
function withoutHead(routes: OperationRoute[], place: string[]): { routes: OperationRoute[] } | Fault {
  const of = (method: Uppercase<Method>) => routes.find(({ route }) => route.methods[0] === method)
  const [get, head] = [of('GET'), of('HEAD')]
  if (!get || !head) return { routes }
  if (JSON.stringify(get.route.permission) !== JSON.stringify(head.route.permission)) {
    return faultAt([...place, 'head', 'security'], 'HEAD follows GET and needs the same security')
  }
  if (get.route.mode !== head.route.mode) {
    return faultAt([...place, 'head', 'x-latchkey-mode'], 'HEAD follows GET and needs the same mode')
  }
  return { routes: routes.filter(route => route !== head) }
}

/** Parameters are whole segments; what OpenAPI allows in their names and templates do not becomes `_`. */
function templateOf(path: string, place: string[]): { path: string } | Fault {
  if (!path.startsWith('/')) return faultAt(place, 'a path begins with /')
  const seen = new Set<string>()
  const segments: string[] = []
  for (const segment of path.split('/')) {
    const [, name] = /^\{([^{}]+)\}$/.exec(segment) ?? []
    if (name === undefined) {
      if (/[{}*]/.test(segment)) return faultAt(place, 'a parameter must be a whole segment, such as /{id}')
      segments.push(segment)
      continue
    }
    const parameter = name.replaceAll(/[^A-Za-z0-9_]/g, '_')
    if (!/^[A-Za-z]\w{0,31}$/.test(parameter) || seen.has(parameter)) {
      return faultAt(place, 'each parameter needs a name of its own: a letter, then up to 31 letters, digits or _')
    }
    seen.add(parameter)
    segments.push(`{${parameter}}`)
  }
  const template = segments.join('/')
  return { path: template === '/' ? '' : template }
}

import { isRecord } from '../base/is-record.ts'
import type { RouteRow } from '../rows/rows.ts'
import { tellConflicts } from './openapi-conflicts.ts'
import { checkFields, methods } from './openapi-fields.ts'
import { type Inherited, inheritedFrom, readOperation } from './openapi-operation.ts'
import { longestPath, templateOf } from './openapi-path.ts'
import { objectAt, type Reading, workAtMost } from './openapi-reading.ts'
import { basePathOf } from './openapi-server.ts'
import { createFaults, type Fault, type FaultKind, type Place } from './openapi-value.ts'
import { createRouteNames } from './route-name.ts'

const operationsAtMost = 2_000

/** A route that has no name yet. */
interface OperationRoute {
  readonly operationId?: string
  readonly place: Place
  readonly route: Omit<RouteRow, 'name'>
}

/**
 * The routes of an OpenAPI 3.0, 3.1 or 3.2 document: one per operation, named by operationId or by method and path.
 * `security` scopes become permissions: `resource:action`, or an action on the service itself when the scope has no
 * colon. `security: []` makes nothing public: it leaves out the permission, and a path rule of a Role must allow the
 * call. Public is only what spec.public names. What is not understood where something is decided is a fault.
 * @param document as a YAML or JSON parser gave it; nothing about it is trusted
 * @param service name of the GuardedService
 * @returns the routes, or all that is wrong and where
 * @see OpenAPI Specification 3.1, sections 4.8.8 (paths), 4.8.9 (path item); threats S09
 */
export function openApiRoutes(
  document: unknown,
  service: string,
): { routes: RouteRow[] } | (Fault & { readonly kind: FaultKind }) {
  if (!isRecord(document)) return { fault: 'The document is not an object.', kind: 'mistake' }
  const faults = createFaults()
  const reading = { document, service, faults, work: { left: workAtMost } }
  if (typeof document.openapi !== 'string' || !/^3\.[0-2](\.\d+)?(-[\w.]+)?$/.test(document.openapi)) {
    faults.add(['openapi'], 'expected a text such as 3.1.0: versions 3.0, 3.1 and 3.2 are read')
    return faults.told() ?? { routes: [] }
  }
  checkFields(document, 'document', [], faults)
  const found = routesOfPaths(reading)
  tellConflicts(found, faults)
  const names = createRouteNames()
  const routes = found.map(({ operationId, route }) => ({ ...route, name: names.next(operationId, route) }))
  return faults.told() ?? { routes }
}

function routesOfPaths(reading: Reading): OperationRoute[] {
  const { document, faults } = reading
  // Without its path the rest is read all the same: what else is wrong is told at once.
  const base = document.servers === undefined ? '' : (basePathOf(document.servers, ['servers'], reading) ?? '')
  const paths = objectAt(document.paths === undefined ? {} : document.paths, ['paths'], reading)
  const inherited = inheritedFrom(reading)
  const routes: OperationRoute[] = []
  for (const [path, item] of Object.entries(paths ?? {})) {
    // Extensions may stand beside the paths.
    if (path.startsWith('x-') && !/^x-latchkey-/i.test(path)) continue
    if (faults.isFull() || reading.work.left < 0) break
    routes.push(...routesOfPath(path, item, { base, inherited }, reading))
    if (routes.length > operationsAtMost) {
      faults.add(['paths'], `more than ${operationsAtMost} operations`)
      return routes
    }
  }
  if (paths && routes.length === 0 && !faults.told()) faults.add(['paths'], faultOfNone(document))
  return routes
}

/** A valid document may say nothing that a guard could use. */
function faultOfNone({ webhooks }: Reading['document']): string {
  const none = 'the document has no operation that a guard could stand before'
  return webhooks === undefined
    ? `${none}; add those that the service answers`
    : `${none}, since webhooks are requests that the service makes; add the paths that it answers`
}

interface OfDocument {
  /** Path of its server. */
  readonly base: string
  readonly inherited: Inherited
}

function routesOfPath(
  path: string,
  given: unknown,
  { base, inherited }: OfDocument,
  reading: Reading,
): OperationRoute[] {
  const place = ['paths', path]
  const { faults } = reading
  const template = templateOf(path, place, faults)
  const item = objectAt(given, place, reading)
  if (!item) return []
  checkFields(item, 'path item', place, faults)
  checkAdditional(item.additionalOperations, [...place, 'additionalOperations'], reading)
  const below = Object.hasOwn(item, 'servers') ? basePathOf(item.servers, [...place, 'servers'], reading) : base
  const names = template?.names ?? new Map<string, string>()
  const routes: OperationRoute[] = []
  for (const method of methods) {
    if (!Object.hasOwn(item, method)) continue
    const at = [...place, method]
    const operation = readOperation(item[method], { base: below, names, place: at, inherited }, reading)
    if (operation?.base === undefined || !template) continue
    const { operationId, rest } = operation
    const whole = operation.base + template.path
    if (whole.length > longestPath) {
      faults.add(at, `with the path of its server it has more than ${longestPath} characters; shorten one`)
      continue
    }
    const route = { path: whole, methods: [method.toUpperCase()], ...rest }
    routes.push({ route, place: at, ...(operationId !== undefined && { operationId }) })
  }
  return withoutHead(routes, place, reading)
}

/** Methods that routes do not have: no rule of a Role can name them. Those that they have must not hide among them. */
function checkAdditional(additional: unknown, place: Place, reading: Reading): void {
  if (additional === undefined) return
  const operations = objectAt(additional, place, reading) ?? {}
  for (const name of Object.keys(operations)) {
    const method = methods.find(one => one === name.toLowerCase())
    if (method) reading.faults.add([...place, name], `it is a field of the path; write ${method} there`)
  }
}

/** HEAD follows GET: a HEAD operation beside a GET says nothing new, and must not say anything else. */
function withoutHead(routes: OperationRoute[], place: Place, { faults }: Reading): OperationRoute[] {
  const of = (method: string) => routes.find(({ route }) => route.methods[0] === method)
  const [get, head] = [of('GET'), of('HEAD')]
  if (!get || !head) return routes
  const members = [
    ['security', 'permission', 'needs the same security'],
    ['x-latchkey-mode', 'mode', 'needs the same mode'],
    ['x-latchkey-variants', 'variants', 'needs the same variants'],
    ['servers', 'path', 'needs the same path'],
  ] as const
  for (const [field, member, what] of members) {
    if (JSON.stringify(get.route[member]) === JSON.stringify(head.route[member])) continue
    faults.add([...place, 'head', field], `HEAD follows GET and ${what}`)
  }
  return routes.filter(route => route !== head)
}

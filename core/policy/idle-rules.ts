import type { RoleRule } from '../api/role.ts'
import type { RouteRow } from '../snapshot/rows.ts'
import { methodMask } from './methods.ts'
import { nearestText } from './nearest-text.ts'
import { parseResource, parseTemplate, type Template, type TemplateFault } from './template.ts'
import {
  addTemplate,
  createTemplateTrie,
  overlapping,
  type Steps,
  type TemplateTrie,
  withoutColons,
} from './template-trie.ts'

/** A service that rules name, with its routes; undefined where they are not known. */
export type RoutesOf = (service: string) => readonly RouteRow[] | undefined

/** Routes that rules are compared with. */
interface Routes {
  readonly all: readonly RouteRow[]
  readonly paths: TemplateTrie<RouteRow>
  /** By action. */
  readonly permissions: ReadonlyMap<string, TemplateTrie<RouteRow>>
}

// One pass over one Role: a step is a segment that is read or compared, and all of them take a few milliseconds. What
// lies beyond is not judged, which says nothing wrong.
const mostSteps = 20_000
const mostTold = 3

/**
 * The paths and permissions of rules that can match no route of any of their services, each as a sentence with what
 * comes nearest; at most three, then how many more. A rule is passed over where some service of it is not known.
 */
export function findIdleRules(rules: readonly RoleRule[], routesOf: RoutesOf): string[] {
  const steps = { left: mostSteps }
  const known = new Map<string, Routes | undefined>()
  const routesFor = (service: string): Routes | undefined => {
    const routes = known.has(service) ? known.get(service) : indexOf(routesOf(service), steps)
    known.set(service, routes)
    return routes
  }
  const found = rules.flatMap((rule, index) => {
    const services = rule.services.map(routesFor)
    if (services.includes(undefined) || steps.left <= 0) return []
    return idleIn(rule, `spec.rules[${index}]`, services as Routes[], steps)
  })
  const told = found.slice(0, mostTold).map(say => say())
  return found.length > mostTold ? [...told, `And ${found.length - mostTold} more.`] : told
}

function indexOf(routes: readonly RouteRow[] | undefined, steps: Steps): Routes | undefined {
  if (!routes) return undefined
  const paths = createTemplateTrie<RouteRow>()
  const permissions = new Map<string, TemplateTrie<RouteRow>>()
  for (const route of routes) {
    if (steps.left <= 0) return undefined
    add(paths, parseTemplate(route.path), route, steps)
    if (!route.permission) continue
    const { action, resource } = route.permission
    const trie = permissions.get(action) ?? createTemplateTrie<RouteRow>()
    permissions.set(action, trie)
    add(trie, parseResource(resource), route, steps)
  }
  return { all: routes, paths, permissions }
}

function add(trie: TemplateTrie<RouteRow>, template: Template | TemplateFault, route: RouteRow, steps: Steps): void {
  steps.left -= readingSteps
  if (!('fault' in template)) addTemplate(trie, template, route, steps)
}

/** Reading a template costs about as much as comparing so many segments. */
const readingSteps = 4

type Say = () => string

function idleIn(rule: RoleRule, at: string, services: readonly Routes[], steps: Steps): Say[] {
  const names = rule.services.join(', ')
  const { methods = [], paths = [], permissions = [] } = rule
  return [
    ...paths.flatMap((path, index) => {
      const why = idlePath(path, methods, services, names, steps)
      return why ? [() => `${at}.paths[${index}]: ${why()}`] : []
    }),
    ...permissions.flatMap(({ action, resources }, position) =>
      resources.flatMap((resource, index) => {
        const why = idlePermission(action, resource, services, names, steps)
        return why ? [() => `${at}.permissions[${position}].resources[${index}]: ${why()}`] : []
      }),
    ),
  ]
}

function idlePath(
  path: string,
  methods: readonly string[],
  services: readonly Routes[],
  names: string,
  steps: Steps,
): Say | undefined {
  steps.left -= readingSteps
  const template = parseTemplate(path)
  if ('fault' in template || steps.left <= 0) return undefined
  const meant = withoutColons(path)
  // Without routes every path is the app's own business, and only what nobody calls is known to open nothing.
  const free = services.some(({ all }) => all.length === 0)
  if (free && meant === undefined) return undefined
  const met = services.flatMap(({ paths }) => [...overlapping(paths, template, steps)])
  if (steps.left <= 0) return undefined
  const open = met.filter(({ permission }) => !permission)
  const mask = methodMask(methods)
  if (open.some(route => (methodMask(route.methods) & mask) !== 0)) return undefined
  if (meant !== undefined && met.length === 0) return () => `${path} is taken letter by letter. Write ${meant}.`
  if (open.length > 0) return () => `no route of ${names} at ${path} takes ${methods.join(' or ')}.`
  const [asking] = met
  if (asking?.permission) {
    const { action, resource } = asking.permission
    return () => `the route ${asking.path} of ${names} is opened by a permission: ${action} on ${resource}.`
  }
  return () => `${path} matches no route of ${names}. The nearest is ${nearestText(path, everyPath(services))}.`
}

function everyPath(services: readonly Routes[]): string[] {
  return services.flatMap(({ all }) => all.map(route => route.path))
}

function idlePermission(
  action: string,
  resource: string,
  services: readonly Routes[],
  names: string,
  steps: Steps,
): Say | undefined {
  steps.left -= readingSteps
  const template = parseResource(resource)
  if ('fault' in template || steps.left <= 0) return undefined
  const matched = services.some(({ permissions }) => {
    const trie = permissions.get(action)
    return trie !== undefined && overlapping(trie, template, steps).size > 0
  })
  if (matched || steps.left <= 0) return undefined
  const asked = services.flatMap(({ all }) => all.flatMap(({ permission }) => permission ?? []))
  if (asked.length === 0) return () => `no route of ${names} asks for a permission. Write methods and paths.`
  return () => {
    const texts = asked.map(permission => `${permission.action} on ${permission.resource}`)
    return `no route of ${names} asks for ${action} on ${resource}. The nearest is ${nearestText(`${action} on ${resource}`, texts)}.`
  }
}

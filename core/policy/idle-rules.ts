import type { RoleRule } from '../api/role.ts'
import { methodMask } from '../base/methods.ts'
import { nearestText } from '../base/nearest-text.ts'
import type { Steps } from '../base/steps.ts'
import { parseResource, parseTemplate, type Template, type TemplateFault } from '../matching/template.ts'
import {
  addTemplate,
  type Budget,
  createTemplateTrie,
  overlapping,
  type TemplateTrie,
  withoutColons,
} from '../matching/template-trie.ts'
import type { RouteRow } from '../rows/rows.ts'

/** A service that rules name, with its routes; undefined where they are not known. */
export type RoutesOf = (service: string) => readonly RouteRow[] | undefined

/** Routes that rules are compared with. */
interface Routes {
  readonly all: readonly RouteRow[]
  readonly paths: TemplateTrie<RouteRow>
  /** By action. */
  readonly permissions: ReadonlyMap<string, TemplateTrie<RouteRow>>
}

// One pass over one Role: a unit is a segment that is read or compared, and all of them take a few milliseconds. What
// lies beyond is not judged, which says nothing wrong.
const mostUnits = 20_000
const mostTold = 3

/**
 * The paths and permissions of rules that can match no route of any of their services, each as a sentence with what
 * comes nearest; at most three, then how many more. A rule is passed over where some service of it is not known.
 */
export function* findingIdleRules(rules: readonly RoleRule[], routesOf: RoutesOf): Steps<string[]> {
  const budget = { left: mostUnits }
  const known = new Map<string, Routes | undefined>()
  const found: Say[] = []
  for (const [index, rule] of rules.entries()) {
    for (const service of rule.services) {
      if (!known.has(service)) known.set(service, yield* indexing(routesOf(service), budget))
    }
    const services = rule.services.map(service => known.get(service))
    if (services.includes(undefined) || budget.left <= 0) continue
    for (const say of idleIn(rule, `spec.rules[${index}]`, services as Routes[], budget)) {
      if (say) found.push(say)
      yield
    }
  }
  const told: string[] = []
  for (const say of found.slice(0, mostTold)) {
    told.push(say())
    yield
  }
  return found.length > mostTold ? [...told, `And ${found.length - mostTold} more.`] : told
}

function* indexing(routes: readonly RouteRow[] | undefined, budget: Budget): Steps<Routes | undefined> {
  if (!routes) return undefined
  const paths = createTemplateTrie<RouteRow>()
  const permissions = new Map<string, TemplateTrie<RouteRow>>()
  for (const route of routes) {
    if (budget.left <= 0) return undefined
    add(paths, parseTemplate(route.path), route, budget)
    yield
    if (!route.permission) continue
    const { action, resource } = route.permission
    const trie = permissions.get(action) ?? createTemplateTrie<RouteRow>()
    permissions.set(action, trie)
    add(trie, parseResource(resource), route, budget)
  }
  return { all: routes, paths, permissions }
}

function add(trie: TemplateTrie<RouteRow>, template: Template | TemplateFault, route: RouteRow, budget: Budget): void {
  budget.left -= readingUnits
  if (!('fault' in template)) addTemplate(trie, template, route, budget)
}

/** Reading a template costs about as much as comparing so many segments, and more where it is long. */
const readingUnits = 4
const charactersOfUnit = 8

function spendReading(text: string, budget: Budget): void {
  budget.left -= readingUnits + Math.floor(text.length / charactersOfUnit)
}

type Say = () => string

/** What is wrong with each path and resource of a rule, if something is. */
function* idleIn(
  { services: called, methods = [], paths = [], permissions = [] }: RoleRule,
  at: string,
  services: readonly Routes[],
  budget: Budget,
): Generator<Say | undefined> {
  const names = called.join(', ')
  for (const [index, path] of paths.entries()) {
    const why = idlePath(path, methods, services, names, budget)
    yield why && (() => `${at}.paths[${index}]: ${why()}`)
  }
  for (const [position, { action, resources }] of permissions.entries()) {
    for (const [index, resource] of resources.entries()) {
      const why = idlePermission(action, resource, services, names, budget)
      yield why && (() => `${at}.permissions[${position}].resources[${index}]: ${why()}`)
    }
  }
}

function idlePath(
  path: string,
  methods: readonly string[],
  services: readonly Routes[],
  names: string,
  budget: Budget,
): Say | undefined {
  if (budget.left <= 0) return undefined
  spendReading(path, budget)
  const template = parseTemplate(path)
  if ('fault' in template || budget.left <= 0) return undefined
  const meant = withoutColons(path)
  // Without routes every path is the app's own business, and only what nobody calls is known to open nothing.
  const free = services.some(({ all }) => all.length === 0)
  if (free && meant === undefined) return undefined
  const met = services.flatMap(({ paths }) => [...overlapping(paths, template, budget)])
  if (budget.left <= 0) return undefined
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
  budget: Budget,
): Say | undefined {
  if (budget.left <= 0) return undefined
  spendReading(resource, budget)
  const template = parseResource(resource)
  if ('fault' in template || budget.left <= 0) return undefined
  const matched = services.some(({ permissions }) => {
    const trie = permissions.get(action)
    return trie !== undefined && overlapping(trie, template, budget).size > 0
  })
  if (matched || budget.left <= 0) return undefined
  const asked = services.flatMap(({ all }) => all.flatMap(({ permission }) => permission ?? []))
  if (asked.length === 0) return () => `no route of ${names} asks for a permission. Write methods and paths.`
  return () => {
    const texts = asked.map(permission => `${permission.action} on ${permission.resource}`)
    return `no route of ${names} asks for ${action} on ${resource}. The nearest is ${nearestText(`${action} on ${resource}`, texts)}.`
  }
}

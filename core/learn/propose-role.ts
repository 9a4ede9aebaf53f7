import type { AccessGrantSpec } from '../api/access-grant.ts'
import { type ApiObject, apiVersion } from '../api/kind.ts'
import type { RoleRule, RoleSpec } from '../api/role.ts'
import { groupBy } from '../base/group-by.ts'
import { policyInForce } from '../policy/policy-in-force.ts'
import type { RouteRow, Row } from '../rows/rows.ts'
import { type ClientNeeds, type Need, needsOf } from './needs.ts'
import { routesOpened } from './opened-routes.ts'
import { addSightings, type LeftOut, type SeenCall, type Sightings } from './seen-traffic.ts'

/** What stands behind one path or resource of a proposed role. */
export interface Evidence extends Sightings {
  /** Different paths that were asked for. */
  readonly paths: number
  /** Declared routes that the template opens besides the one it is for. */
  readonly alsoOpens: readonly string[]
}

/** A Role, the AccessGrants that give it, and why: `evidence` runs beside `spec.rules`, by path or resource. */
export interface ProposedRole {
  readonly role: ApiObject<RoleSpec, never>
  readonly grants: readonly ApiObject<AccessGrantSpec, never>[]
  /** One for each rule: what was seen of each of its paths, or of each `<action> <resource>`. */
  readonly evidence: readonly ReadonlyMap<string, Evidence>[]
}

export interface Proposal {
  readonly roles: readonly ProposedRole[]
  readonly leftOut: readonly LeftOut[]
}

export interface ProposalOptions {
  /** `namespace/name` of the GuardedService. */
  readonly service: string
  /** The slice in force; without it the log has to say what was missing. */
  readonly rows: readonly Row[] | undefined
  /** Different identifiers in one place that make it `{id}`. */
  readonly distinct: number
  /** Seconds since epoch. */
  readonly now: number
}

const rulesAtMost = 64
const pathsAtMost = 64
const resourcesAtMost = 32
const clientsAtMost = 256

/**
 * The roles and grants that seen traffic needs, and nothing that no call gave reason for. Clients that need the same
 * share a role.
 */
export function proposeRoles(calls: readonly SeenCall[], options: ProposalOptions): Proposal {
  const { rows, distinct, now } = options
  const policy = rows && policyInForce(rows, now)
  if (rows && !policy) return { roles: [], leftOut: [whole(calls, 'the policy in force cannot be read')].flat() }
  const { clients, leftOut } = needsOf(calls, policy, distinct)
  const groups = [...groupBy(clients, ({ needs }) => JSON.stringify(needs.map(nameOf))).values()]
  const parts = groups.flatMap(group => {
    const rules = rulesOf(group, options, policy?.routes ?? [])
    return chunks(rules, rulesAtMost).map(some => ({ clients: group.map(({ client }) => client), rules: some }))
  })
  const names = createNames(options, parts.length)
  return { roles: parts.map(part => proposed(part, names(), options)), leftOut }
}

interface Rule {
  readonly rule: RoleRule
  readonly evidence: ReadonlyMap<string, Evidence>
}

function rulesOf(group: readonly ClientNeeds[], { service }: ProposalOptions, routes: readonly RouteRow[]): Rule[] {
  const needs = new Map<string, Need>()
  for (const need of group.flatMap(client => client.needs)) {
    const known = needs.get(nameOf(need))
    needs.set(nameOf(need), { ...need, ...addSightings(known, need), paths: Math.max(known?.paths ?? 0, need.paths) })
  }
  const all = [...needs.values()]
  const services = [service.split('/')[1] ?? '']
  return [...permissionRules(all, services), ...pathRules(all, services, routes)]
}

function permissionRules(needs: readonly Need[], services: string[]): Rule[] {
  const wanted = needs.filter(need => 'action' in need)
  const entries = [...groupBy(wanted, ({ action }) => action)].flatMap(([action, list]) =>
    chunks(list, resourcesAtMost).map(some => ({ action, some })),
  )
  // A rule names an action once: what does not fit into one entry goes into the next rule.
  const rules: (typeof entries)[] = []
  for (const entry of entries) {
    const free = rules.find(rule => rule.length < pathsAtMost && rule.every(({ action }) => action !== entry.action))
    if (free) free.push(entry)
    else rules.push([entry])
  }
  return rules.map(rule => ({
    rule: {
      services,
      permissions: rule.map(({ action, some }) => ({ action, resources: some.map(({ resource }) => resource) })),
    },
    evidence: new Map(
      rule.flatMap(({ action, some }) =>
        some.map(need => [`${action} ${need.resource}`, { ...seenOf(need), alsoOpens: [] }] as const),
      ),
    ),
  }))
}

/** Paths with the same methods stand in one rule. */
function pathRules(needs: readonly Need[], services: string[], routes: readonly RouteRow[]): Rule[] {
  const byTemplate = groupBy(
    needs.filter(need => 'method' in need),
    ({ template }) => template,
  )
  const entries = [...byTemplate].map(([template, list]) => ({
    template,
    methods: list.map(({ method }) => method as NonNullable<RoleRule['methods']>[number]).sort(),
    seen: list.reduce<Omit<Evidence, 'alsoOpens'> | undefined>(
      (all, need) => ({ ...addSightings(all, need), paths: Math.max(all?.paths ?? 0, need.paths) }),
      undefined,
    ),
  }))
  const byMethods = groupBy(entries, ({ methods }) => methods.join())
  return [...byMethods.values()].flatMap(list =>
    chunks(list, pathsAtMost).map(some => ({
      rule: { services, methods: some[0]?.methods ?? [], paths: some.map(({ template }) => template) },
      evidence: new Map(
        some.flatMap(({ template, methods, seen }) =>
          seen ? [[template, { ...seen, alsoOpens: routesOpened(template, methods, routes) }] as const] : [],
        ),
      ),
    })),
  )
}

function proposed(
  { clients, rules }: { clients: readonly string[]; rules: readonly Rule[] },
  name: string,
  { service }: ProposalOptions,
): ProposedRole {
  const namespace = service.split('/')[0] ?? ''
  const references = clients.map(client => {
    const [clientNamespace = '', clientName = ''] = client.split('/')
    return { namespace: clientNamespace, name: clientName }
  })
  return {
    role: { apiVersion, kind: 'Role', metadata: { name, namespace }, spec: { rules: rules.map(({ rule }) => rule) } },
    grants: chunks(references, clientsAtMost).map((some, at) => ({
      apiVersion,
      kind: 'AccessGrant',
      metadata: { name: at === 0 ? name : `${name}-${at + 1}`, namespace },
      spec: { roleRef: { name }, clients: some },
    })),
    evidence: rules.map(({ evidence }) => evidence),
  }
}

/** Names that no role and no grant in force has. */
function createNames({ service, rows = [] }: ProposalOptions, count: number): () => string {
  const taken = new Set(rows.flatMap(row => (row.type === 'role' || row.type === 'grant' ? [row.name] : [])))
  const base = `${service.split('/')[1]?.slice(0, 200)}-proposed`
  let next = count === 1 ? 0 : 1
  return () => {
    for (;;) {
      const name = next === 0 ? base : `${base}-${next}`
      next++
      if (!taken.has(name)) return name
    }
  }
}

function nameOf(need: Need): string {
  return 'action' in need ? `${need.action} ${need.resource}` : `${need.method} ${need.template}`
}

function seenOf({ calls, lastSeen, paths }: Need): Omit<Evidence, 'alsoOpens'> {
  return { calls, lastSeen, paths }
}

function whole(calls: readonly SeenCall[], why: string): LeftOut[] {
  const seen = calls.reduce<Sightings | undefined>(addSightings, undefined)
  return seen ? [{ why, ...seen }] : []
}

function chunks<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, at) => list.slice(at * size, (at + 1) * size))
}

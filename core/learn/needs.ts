import { groupBy } from '../base/group-by.ts'
import { methodIndex } from '../base/methods.ts'
import { readTarget } from '../matching/path.ts'
import { parseResource, parseTemplate } from '../matching/template.ts'
import type { PolicyInForce } from '../policy/policy-in-force.ts'
import { generalisePaths, type SeenPath } from './generalise-paths.ts'
import { addSightings, type LeftOut, type SeenCall, type Sightings } from './seen-traffic.ts'

/** What a role must allow for a call to pass: an action on a resource, or a method on a path template. */
export type Need = Sightings & {
  /** Different paths that were asked for. */
  readonly paths: number
} & ({ readonly action: string; readonly resource: string } | { readonly method: string; readonly template: string })

export interface ClientNeeds {
  /** `namespace/name`. */
  readonly client: string
  readonly needs: readonly Need[]
}

/** One call, brought to what decides about it. */
type RequiredAccess =
  | { readonly action: string; readonly resource: string }
  | { readonly method: string; readonly template: string }
  /** No route is declared: templates have to be found. */
  | { readonly method: string; readonly path: string }
  | { readonly why: string }

/**
 * What each client needs for the calls that were seen of it, each client by itself: what one asked for is no reason
 * to let another one do it.
 * @param policy what is in force now; without it the log has to say what was missing
 */
export function needsOf(
  calls: readonly SeenCall[],
  policy: PolicyInForce | undefined,
  distinct: number,
): { clients: ClientNeeds[]; leftOut: LeftOut[] } {
  const leftOut = new Map<string, Sightings>()
  const clients: ClientNeeds[] = []
  for (const [client, own] of [...groupBy(calls, call => call.client)].sort(byKey)) {
    const needs = new Map<string, Need>()
    const free = new Map<string, SeenPath[]>()
    for (const call of own) {
      const asked = askedBy(call, policy)
      if ('why' in asked) leftOut.set(asked.why, addSightings(leftOut.get(asked.why), call))
      else if ('path' in asked) free.set(asked.method, [...(free.get(asked.method) ?? []), call])
      else addNeed(needs, { ...asked, paths: 1, calls: call.calls, lastSeen: call.lastSeen })
    }
    for (const [method, paths] of free) {
      for (const found of generalisePaths(paths, distinct)) addNeed(needs, { method, ...found })
    }
    const wanted = withoutHead([...needs].sort(byKey).map(([, need]) => need))
    if (wanted.length > 0) clients.push({ client, needs: wanted })
  }
  return { clients, leftOut: [...leftOut].map(([why, seen]) => ({ why, ...seen })) }
}

function askedBy(call: SeenCall, policy: PolicyInForce | undefined): RequiredAccess {
  const { method, path } = call
  if (typeof readTarget(path) === 'string' || path.includes('?')) return { why: 'their path is not in normal form' }
  const asked = policy ? askedNow(call, policy) : askedThen(call)
  if ('why' in asked || 'action' in asked) return asked
  if (methodIndex(method) < 0) return { why: 'no rule can name their method' }
  const template = 'template' in asked ? asked.template : path
  return template.length <= 512 ? asked : { why: 'their path is longer than a template can be' }
}

/** By the routes of now. */
function askedNow({ client, method, path }: SeenCall, policy: PolicyInForce): RequiredAccess {
  const decision = policy.decide(client, method, path)
  if (decision.allow) return { why: 'they are allowed by now' }
  if (decision.reason !== 'not_granted') return { why: `they are denied for another reason now: ${decision.reason}` }
  const endpoint = policy.endpoint(method, path)
  if (!endpoint) return { method, path }
  const { permission, template } = endpoint
  if (!permission) return { method, template }
  if (!permission.parts) return { why: `no role can open their route ${endpoint.name}: its permission fits no path` }
  return { action: permission.action, resource: permission.resource }
}

/** By what the guard wrote down: `<action> <resource>`, or `<METHOD> <template>`, which begins with a slash. */
function askedThen({ method, path, route, missing }: SeenCall): RequiredAccess {
  if (route === undefined && missing?.startsWith(`${method} /`) !== false) return { method, path }
  const blank = missing?.indexOf(' ') ?? -1
  if (missing === undefined || blank === -1) return { why: 'the log does not say what they lacked: name --manifests' }
  const first = missing.slice(0, blank)
  const second = missing.slice(blank + 1)
  const isPath = second.startsWith('/')
  const parsed = isPath ? parseTemplate(second) : parseResource(second)
  if ('fault' in parsed || (isPath && first !== method))
    return { why: 'the log says what they lacked in no form known' }
  return isPath ? { method, template: second } : { action: first, resource: second }
}

function addNeed(needs: Map<string, Need>, need: Need): void {
  const key = 'action' in need ? `permission ${need.action} ${need.resource}` : `path ${need.template} ${need.method}`
  const known = needs.get(key)
  needs.set(key, { ...need, ...addSightings(known, need), paths: (known?.paths ?? 0) + need.paths })
}

/** HEAD follows GET: beside it, it needs nothing. */
function withoutHead(needs: readonly Need[]): Need[] {
  const gets = new Set(needs.flatMap(need => ('method' in need && need.method === 'GET' ? [need.template] : [])))
  return needs.filter(need => !('method' in need && need.method === 'HEAD' && gets.has(need.template)))
}

function byKey(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0
}

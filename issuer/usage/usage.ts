import type { Used } from '../../core/rows/frames.ts'
import type { ClientRow, ServiceRow } from '../../core/rows/rows.ts'
import type { UsedKind } from '../../core/status/usage-report.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Objects } from '../objects.ts'
import type { Slice } from '../slices/slice.ts'
import { createRuleRoom, type RuleRoom } from './rule-room.ts'

/** Since this replica started, as its own guards told it. Seconds since epoch, by this replica's clock. */
export interface Use {
  readonly lastUsedAt: number
  readonly calls: number
}

/** Of one object. */
export interface ObjectUse extends Use {
  /** When a guard told it. */
  readonly toldAt: number
  /** Of an AccessKey by `kid`; of a Role by rule, `<index>` or `<index> <action> <resource>`. */
  readonly parts: ReadonlyMap<string, Use>
}

/** What the guards of this replica told was used. */
export interface Usage {
  /** Takes what a guard of this slice says; what the slice does not name is none of the guard's business. */
  take(slice: Pick<Slice, 'key' | 'row'>, used: Used): void
  /** @param key `namespace/name` */
  of(kind: UsedKind, key: string): ObjectUse | undefined
  /** The objects, `namespace/name`, of which a guard told since. @param from seconds since epoch */
  toldSince(kind: UsedKind, from: number): Iterable<readonly [key: string, use: ObjectUse]>
  /** Uses for which guards had no counter left. */
  uncounted(): number
  /** Uses of rules that are known of the rule alone, because there was no room to tell its permissions apart. */
  merged(): number
  /** Seconds since epoch: nothing before was counted here. */
  readonly since: number
}

type Kept = { -readonly [Name in keyof ObjectUse]: ObjectUse[Name] } & { readonly parts: Map<string, Use> }

/** Rules of one role, by the permissions of routes: names of permissions come and go. */
const mostRules = 1_024
const rulePattern = /^role\/([^#]{1,253})#([0-9]{1,3})(?: (.+))?$/

/** Holds no more than there are objects, their keys, and their rules by the permissions of routes. */
export function createUsage(parts: {
  objects: { readonly by: Pick<Objects['by'], 'keysOfKid'> } & Pick<Objects, 'keys' | 'grants' | 'roles'>
  clock: Pick<Clock, 'wallMs'>
  room?: RuleRoom
}): Usage {
  const { objects, clock, room = createRuleRoom() } = parts
  const kept: Record<UsedKind, Map<string, Kept>> = {
    accesskeys: new Map(),
    accessgrants: new Map(),
    roles: new Map(),
  }
  const nowSeconds = (): number => Math.floor(clock.wallMs() / 1_000)
  let uncounted = 0
  let merged = 0

  for (const [kind, reflector] of [
    ['accesskeys', objects.keys],
    ['accessgrants', objects.grants],
    ['roles', objects.roles],
  ] as const) {
    reflector.onChange(({ type, key, object, old }) => {
      const isOther = old !== undefined && old.metadata.uid !== object.metadata.uid
      if (type !== 'deleted' && !isOther) return
      kept[kind].delete(key)
      if (kind === 'roles') room.release(key)
    })
  }
  // Its rules are known by their places, which are those of other rules now.
  objects.roles.onChange(({ key, object, old }) => {
    if (!old || old.metadata.generation === object.metadata.generation) return
    kept.roles.get(key)?.parts.clear()
    room.release(key)
  })
  objects.keys.onChange(({ key, object }) => {
    const use = kept.accesskeys.get(key)
    const kids = new Set(object.status?.keys?.map(({ kid }) => kid))
    for (const kid of use?.parts.keys() ?? []) if (!kids.has(kid)) use?.parts.delete(kid)
  })

  function add(kind: UsedKind, key: string, part: string | undefined, use: Use, toldAt: number): void {
    const known = kept[kind].get(key) ?? { lastUsedAt: 0, calls: 0, toldAt, parts: new Map<string, Use>() }
    Object.assign(known, together(known, use), { toldAt })
    if (part !== undefined) known.parts.set(part, together(known.parts.get(part), use))
    kept[kind].set(key, known)
  }

  /** The AccessKeys of a client of the slice that published this `kid`. */
  function keysIn(slice: Pick<Slice, 'row'>, kid: string): string[] {
    return objects.by.keysOfKid.get(kid).flatMap(({ metadata: { namespace, name }, status }) => {
      const row = slice.row(`client/${status?.clientId}`)
      if (row?.type !== 'client' || row.namespace !== namespace) return []
      return keysOf(row).has(`${kid} ${name}`) ? [`${namespace}/${name}`] : []
    })
  }

  /** Of a role that makes room for those of others: what was known by permission is known of the rule alone. */
  function mergeRules(role: string): void {
    const rules = kept.roles.get(role)?.parts
    for (const [part, use] of rules ?? []) {
      const [rule = ''] = part.split(' ', 1)
      if (rule === part) continue
      rules?.delete(part)
      rules?.set(rule, together(rules.get(rule), use))
      merged += use.calls
    }
  }

  /** Whether a rule by this permission is known, or can be. */
  function hasRoom(role: string, part: string): boolean {
    const rules = kept.roles.get(role)?.parts
    if (rules?.has(part)) return true
    return (rules?.size ?? 0) < mostRules && room.take(role, part, () => mergeRules(role))
  }

  /** The Role that a rule is of, and how the rule is known; undefined when the slice has no such rule. */
  function ruleIn(
    { key, row: rowOf }: Pick<Slice, 'key' | 'row'>,
    said: string,
    calls: number,
  ): { role: string; part: string } | undefined {
    const [namespace = ''] = key.split('/', 1)
    const [, role = '', index, permission] = rulePattern.exec(said) ?? []
    const row = rowOf(`role/${role}`)
    if (row?.type !== 'role' || !row.rules.some(rule => rule.index === Number(index))) return undefined
    const service = rowOf('service')
    const isKnown = service?.type === 'service' && permissionsOf(service).has(permission ?? '')
    const rule = `${Number(index)}`
    // What a route was called when it was counted, and is not any more, is told of the rule alone.
    if (!isKnown) return { role, part: rule }
    const part = `${rule} ${permission}`
    if (hasRoom(`${namespace}/${role}`, part)) return { role, part }
    merged += calls
    return { role, part: rule }
  }

  return {
    since: nowSeconds(),
    take(slice, { keys = [], grants = [], rules = [], uncounted: more = 0 }) {
      const [namespace = ''] = slice.key.split('/', 1)
      const now = nowSeconds()
      const useOf = (calls: number, ago: number): Use => ({ calls, lastUsedAt: Math.max(0, now - ago) })
      for (const [kid, calls, ago] of keys) {
        for (const key of keysIn(slice, kid)) add('accesskeys', key, kid, useOf(calls, ago), now)
      }
      for (const [grant, calls, ago] of grants) {
        if (slice.row(`grant/${grant}`)?.type !== 'grant') continue
        add('accessgrants', `${namespace}/${grant}`, undefined, useOf(calls, ago), now)
      }
      for (const [rule, calls, ago] of rules) {
        const found = ruleIn(slice, rule, calls)
        if (found) add('roles', `${namespace}/${found.role}`, found.part, useOf(calls, ago), now)
      }
      uncounted += more
    },
    of: (kind, key) => kept[kind].get(key),
    *toldSince(kind, from) {
      for (const entry of kept[kind]) if (entry[1].toldAt >= from) yield entry
    },
    uncounted: () => uncounted,
    merged: () => merged,
  }
}

function together(a: Use | undefined, b: Use): Use {
  return { calls: (a?.calls ?? 0) + b.calls, lastUsedAt: Math.max(a?.lastUsedAt ?? 0, b.lastUsedAt) }
}

const keysOfRow = new WeakMap<ClientRow, ReadonlySet<string>>()

/** `<kid> <name of the AccessKey>` of every key of a client: there may be thousands, and a line names hundreds. */
function keysOf(row: ClientRow): ReadonlySet<string> {
  const known =
    keysOfRow.get(row) ??
    new Set([...row.keys, ...(row.secrets ?? [])].map(({ kid, accessKey }) => `${kid} ${accessKey}`))
  keysOfRow.set(row, known)
  return known
}

const permissions = new WeakMap<ServiceRow, ReadonlySet<string>>()

/** `<action> <resource>` of every route that names one. */
function permissionsOf(service: ServiceRow): ReadonlySet<string> {
  const known =
    permissions.get(service) ??
    new Set(
      service.routes.flatMap(({ permission }) => (permission ? [`${permission.action} ${permission.resource}`] : [])),
    )
  permissions.set(service, known)
  return known
}

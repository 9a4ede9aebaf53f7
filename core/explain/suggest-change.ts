import type { AccessGrantSpec } from '../api/access-grant.ts'
import { type ApiObject, apiVersion } from '../api/kind.ts'
import type { RoleRule, RoleSpec } from '../api/role.ts'
import { methodIndex } from '../base/methods.ts'
import { timeOf } from '../base/time.ts'
import type { Endpoint } from '../matching/route-table.ts'
import { literalTemplate } from '../matching/template.ts'
import type { Decision } from '../policy/decision.ts'
import type { Row, ServiceRow } from '../rows/rows.ts'
import type { Nearest } from './nearest-rule.ts'

/** Objects that would allow a call. */
export interface Change {
  /** `apply`: new objects. `patch`: members to be merged into objects that exist (RFC 7396). */
  readonly verb: 'apply' | 'patch'
  readonly objects: readonly ApiObject<Partial<AccessGrantSpec> | RoleSpec, never>[]
}

export interface ChangeQuestion {
  /** `namespace/name` of the ApiClient. */
  readonly client: string
  readonly method: string
  readonly path: string
  readonly service: ServiceRow
  /** What the policy says. */
  readonly decision: Decision
  readonly nearest: Nearest | undefined
  readonly endpoint: Endpoint | undefined
  /** Seconds since epoch. */
  readonly now: number
}

const renewedSeconds = 30 * 86_400

/**
 * The smallest change of Roles and AccessGrants that makes the policy allow the call: a later end of the grant that
 * allowed it, else a grant of a role that has a rule for it, else a role with that rule alone and its grant. Undefined
 * where no grant would help: a path that no route matches, or one with several readings.
 */
export function suggestChange(rows: readonly Row[], question: ChangeQuestion): Change | undefined {
  const { decision, nearest } = question
  if (decision.allow || (decision.reason !== 'not_granted' && decision.reason !== 'grant_expired')) return undefined
  if (nearest?.gap === 'GrantEnded' && nearest.needs && nearest.unmet.length === 0) return renewal(question, nearest)
  const names = freeNames(rows)
  const caller = question.client.split('/')[1] ?? ''
  if (
    nearest &&
    (nearest.gap === 'NoGrant' || nearest.gap === 'Condition' || nearest.gap === 'GrantEnded') &&
    nearest.needs
  ) {
    return {
      verb: 'apply',
      objects: [grantOf(question, nearest.role, names(`${caller}-${nearest.role}`), nearest.needs)],
    }
  }
  const rule = ruleFor(question)
  if (!rule) return undefined
  const { service } = question
  const name = names(`${service.name}-${caller}`)
  const metadata = { name, namespace: service.namespace }
  const role = { apiVersion, kind: 'Role', metadata, spec: { rules: [rule] } }
  return { verb: 'apply', objects: [role, grantOf(question, name, name, {})] }
}

function renewal({ service, now }: ChangeQuestion, { grants }: Nearest): Change {
  const expiresAt = timeOf(now + renewedSeconds)
  const metadata = { name: grants[0] ?? '', namespace: service.namespace }
  return { verb: 'patch', objects: [{ apiVersion, kind: 'AccessGrant', metadata, spec: { expiresAt } }] }
}

function grantOf(
  { service, client }: ChangeQuestion,
  role: string,
  grant: string,
  attributes: Readonly<Record<string, string>>,
): ApiObject<AccessGrantSpec, never> {
  const [namespace = '', name = ''] = client.split('/')
  return {
    apiVersion,
    kind: 'AccessGrant',
    metadata: { name: grant, namespace: service.namespace },
    spec: {
      roleRef: { name: role },
      clients: [{ namespace, name }],
      ...(Object.keys(attributes).length > 0 && { attributes }),
    },
  }
}

/** The rule that allows this call and least besides. */
function ruleFor({ service, method, path, endpoint }: ChangeQuestion): RoleRule | undefined {
  const services = [service.name]
  if (endpoint?.permission) {
    const { action, resource, parts } = endpoint.permission
    return parts && { services, permissions: [{ action, resources: [resource] }] }
  }
  const template = endpoint?.template ?? literalTemplate(path)
  if (methodIndex(method) < 0 || template.length > 512) return undefined
  return { services, methods: [method as NonNullable<RoleRule['methods']>[number]], paths: [template] }
}

/** Names that no role and no grant of the slice has; each is given once. */
function freeNames(rows: readonly Row[]): (wanted: string) => string {
  const taken = new Set(rows.flatMap(row => (row.type === 'role' || row.type === 'grant' ? [row.name] : [])))
  return wanted => {
    const base = wanted.slice(0, 240).replace(/[-.]+$/, '')
    let name = base
    for (let count = 2; taken.has(name); count++) name = `${base}-${count}`
    taken.add(name)
    return name
  }
}

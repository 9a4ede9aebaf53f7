import { isDeepStrictEqual } from 'node:util'
import type { z } from 'zod'
import { accessGrant } from '../../../core/api/access-grant.ts'
import { accessKey } from '../../../core/api/access-key.ts'
import { apiClient } from '../../../core/api/api-client.ts'
import { guardedService } from '../../../core/api/guarded-service.ts'
import { group, type KindDefinition } from '../../../core/api/kind.ts'
import { role } from '../../../core/api/role.ts'
import { isRecord } from '../../../core/base/is-record.ts'
import type { UserInfo } from '../../../platform/kube/access-review.ts'
import type { AdmissionRequest, Verdict } from '../review.ts'
import type { AudienceTaken } from './audience-taken.ts'
import { type About, type FieldError, type KindChecks, type Missing, mostReferences, type Reference } from './check.ts'
import { accessGrantChecks } from './check-access-grant.ts'
import { accessKeyChecks } from './check-access-key.ts'
import { apiClientChecks } from './check-api-client.ts'
import { guardedServiceChecks } from './check-guarded-service.ts'
import { roleChecks } from './check-role.ts'

/** Which of these references name nothing that the author may get. */
export type FindMissing = (
  references: readonly Reference[],
  author: UserInfo | undefined,
) => Promise<readonly Missing[]>

type Examine = (
  spec: unknown,
  about: About,
) => {
  refusals: readonly FieldError[]
  warnings: readonly FieldError[]
  references: readonly Reference[]
  audience?: string | undefined
}

/** Kind → what is checked. */
const kinds: ReadonlyMap<string, Examine> = new Map([
  examination(apiClient, apiClientChecks),
  examination(accessKey, accessKeyChecks),
  examination(role, roleChecks),
  examination(accessGrant, accessGrantChecks),
  examination(guardedService, guardedServiceChecks),
])

/** A spec of ours with no fault of its own. What it names, and whether another has its audience, is still to be asked. */
export interface OpenObject {
  readonly namespace: string
  /** That the spec asks for and did not have before. */
  readonly audience?: string | undefined
  readonly references: readonly Reference[]
  readonly author: UserInfo | undefined
  readonly warnings: readonly string[]
}

/**
 * What can be said of CREATE and UPDATE of a spec of ours without asking anybody. An update that leaves the spec as it is
 * passes unchecked: a rule that became stricter must not stand in the way of status, finalizers or labels of what exists.
 * @param now seconds since epoch
 */
export function examineObject(request: AdmissionRequest, now: number): Verdict | OpenObject {
  const examine = request.kind.group === group ? kinds.get(request.kind.kind) : undefined
  const asked = request.operation === 'CREATE' || request.operation === 'UPDATE'
  if (!examine || !asked || request.subResource) return { allowed: true }
  const { object, oldObject } = request
  if (!isRecord(object)) return { allowed: false, code: 400, message: 'request.object is missing' }
  if (request.operation === 'UPDATE' && isRecord(oldObject) && isDeepStrictEqual(object.spec, oldObject.spec)) {
    return { allowed: true }
  }
  const about = { name: request.name ?? '', namespace: request.namespace ?? '', now, told: toldBy(oldObject) }
  const { refusals, warnings, references, audience } = examine(object.spec, about)
  if (refusals.length > 0) return refused(refusals)
  return {
    namespace: about.namespace,
    // An update that leaves it alone asks for nothing.
    audience: audience === audienceIn(oldObject) ? undefined : audience,
    references: references.slice(0, mostReferences),
    author: request.userInfo,
    warnings: warnings.map(sentence),
  }
}

/** Decides by what else there is. */
export async function concludeObject(
  { namespace, audience, references, author, warnings }: OpenObject,
  missing: FindMissing,
  taken: AudienceTaken,
): Promise<Verdict> {
  if (audience !== undefined && (await taken({ audience, namespace }))) return refused([audienceIsTaken])
  const unknown = (await missing(references, author)).map(missingSentence)
  return { allowed: true, warnings: [...warnings, ...unknown] }
}

function refused(findings: readonly FieldError[]): Verdict {
  return { allowed: false, code: 422, message: findings.map(sentence).join('; '), causes: findings }
}

function toldBy(oldObject: unknown): string[] {
  const status = isRecord(oldObject) && isRecord(oldObject.status) ? oldObject.status : {}
  const conditions: unknown[] = Array.isArray(status.conditions) ? status.conditions : []
  return conditions.flatMap(one => (isRecord(one) && typeof one.message === 'string' ? [one.message] : []))
}

/** By whom is none of the asking namespace's business. */
const audienceIsTaken: FieldError = { field: 'spec.audience', message: 'is taken; choose another one' }

function audienceIn(oldObject: unknown): unknown {
  return isRecord(oldObject) && isRecord(oldObject.spec) ? oldObject.spec.audience : undefined
}

function missingSentence({ reference: { field, resource, namespace, name, port }, what, ports = [] }: Missing): string {
  const has = ports.length === 0 ? 'it has none' : `it has ${ports.join(', ')}`
  return what === 'port'
    ? `${field}: the ${resource.kind} ${namespace}/${name} has no port ${port}; ${has}; the status says TargetNotFound until the port is there, and guards that the service has, or gets, decide by the policy all the same`
    : `${field}: there is no ${resource.kind} ${namespace}/${name} yet that you may get; it counts from when it exists`
}

function sentence({ field, message }: FieldError): string {
  return `${field}: ${message}`
}

function examination<Spec>(definition: KindDefinition, checks: KindChecks<Spec>): [string, Examine] {
  const examine: Examine = (value, about) => {
    const parsed = definition.spec.safeParse(value)
    // Only reached when the CRD in the cluster and this process are of different versions, or the caller is a stranger.
    if (!parsed.success)
      return { refusals: parsed.error.issues.slice(0, 5).map(issueFinding), warnings: [], references: [] }
    const spec = parsed.data as Spec
    const run = (list: readonly ((spec: Spec, about: About) => FieldError | undefined)[]) =>
      list.flatMap(check => check(spec, about) ?? [])
    return {
      refusals: run(checks.refusals),
      warnings: run(checks.warnings),
      references: checks.references(spec, about),
      audience: checks.audience?.(spec),
    }
  }
  return [definition.kind, examine]
}

/** The schema names all members that it does not know, and a body can have a hundred thousand. */
const longestText = 1_024

function issueFinding({ path, message }: z.core.$ZodIssue): FieldError {
  const field = path.reduce<string>(
    (at, part) => at + (typeof part === 'number' ? `[${part}]` : `.${String(part)}`),
    'spec',
  )
  return { field: field.slice(0, longestText), message: message.slice(0, longestText) }
}

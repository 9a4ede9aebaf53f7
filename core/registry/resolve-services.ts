import type { GuardedService } from '../api/guarded-service.ts'
import type { RouteRow } from '../rows/rows.ts'
import { reservedAudience } from './audience.ts'
import { hasAudience, servicesWithoutAudience } from './audience-claims.ts'
import { audienceOf, byAge, installationOf, isPresent, keyOf } from './ids.ts'
import { type Inspection, inspectService, type ServiceFault } from './inspect-service.ts'
import type { NamespaceObject, ServiceObject } from './kubernetes.ts'
import type { OpenApiSource } from './openapi-document.ts'
import { portOf } from './service-port.ts'

/** A GuardedService with all that the other objects of the installation decide about it. */
export interface ResolvedService {
  /** `namespace/name`. */
  readonly key: string
  readonly service: GuardedService
  /** The spec is carried out. */
  readonly accepted: boolean
  /**
   * Its guards get the policy: it is accepted, or only its Service or port is not there. What the policy says does not
   * depend on these, and a mistyped port must not refuse every call.
   */
  readonly published: boolean
  /** `OpenApiOutdated`: accepted, with routes of an earlier document. */
  readonly reason: 'Accepted' | 'OpenApiOutdated' | ServiceFault['reason']
  readonly message: string
  readonly audience: string
  /** Whether the audience is this service's. `taken`: it is, or was at this generation, another namespace's. */
  readonly claim: 'held' | 'taken' | 'none'
  /** The Service behind it and the number of its port, when both exist. */
  readonly target?: { readonly service: ServiceObject; readonly port: number }
  /** From spec.routes or the OpenAPI document; empty unless published. */
  readonly routes: readonly RouteRow[]
  /** Its routes are not known here: guards are told nothing and keep what they have. */
  readonly withheld?: true
  /** What it says in a form that the next release does not take. */
  readonly deprecated?: string
}

/** What the installation says about audiences. */
export interface ServiceRules {
  readonly installation: string
  readonly issuerUrl: string
  /** Audiences of the API server. */
  readonly reservedAudiences: readonly string[]
}

export interface ServiceObjects extends ServiceRules {
  readonly services: Iterable<GuardedService>
  /** By `namespace/name`. */
  readonly targets: ReadonlyMap<string, ServiceObject>
  /** By name. */
  readonly namespaces: ReadonlyMap<string, NamespaceObject>
  /** What is known of the document that spec.openapi names. */
  readonly documents: (service: GuardedService) => OpenApiSource | undefined
  /**
   * `refused`: a chosen audience counts only once the operator has given it, as status says. For those that read
   * what the operator decides: both look at copies, and one that is behind must not serve whom the other refuses.
   */
  readonly unconfirmed?: 'refused'
  /** What a service says by itself; a caller may give one that remembers. */
  readonly inspect?: (service: GuardedService, document: OpenApiSource | undefined) => Inspection
}

/**
 * Every GuardedService of this installation, by `namespace/name`; those of other installations and those being
 * deleted are left out. The oldest holds a Service port and an audience, also while a mistake of its own keeps it from
 * being accepted: a younger one must not get the pods because the older one has a typing error. A loser holds nothing.
 * Between namespaces an audience stays where the operator gave it.
 */
export function resolveServices(objects: ServiceObjects): Map<string, ResolvedService> {
  const ports = new Map<string, string>()
  const audiences = new Map<string, string>()
  const resolved = new Map<string, ResolvedService>()
  const ours = [...objects.services].filter(one => isOurs(one, objects)).sort(byAge)
  const without = servicesWithoutAudience(ours)
  for (const service of ours) {
    const key = keyOf(service)
    const target = targetOf(service, objects.targets)
    const place = target && `${keyOf(target.service)}:${target.port}`
    const audience = audienceOf(service)
    const reserved = reservedAudience(service, objects)
    const taken = without.has(service)
    const conflict = portTaken(place, ports) ?? (taken ? takenElsewhere(audience) : audienceTaken(audience, audiences))
    if (!conflict) {
      if (place !== undefined) ports.set(place, key)
      if (reserved === undefined) audiences.set(audience, key)
    }
    const inspected = (objects.inspect ?? inspectService)(service, objects.documents(service))
    // Whose tokens these would be is not settled: nothing is published.
    const unsettled =
      (reserved === undefined ? undefined : ({ reason: 'AudienceReserved', message: reserved } as const)) ??
      conflict ??
      (objects.unconfirmed === undefined || hasAudience(service) ? undefined : notGiven(audience))
    const fault = unsettled ?? (target ? undefined : targetNotFound(service)) ?? inspected.fault
    const published = !unsettled && !inspected.fault
    resolved.set(key, {
      key,
      service,
      accepted: fault === undefined,
      published,
      ...(fault ?? standing(inspected, audience)),
      audience,
      claim: taken ? 'taken' : conflict || reserved !== undefined ? 'none' : 'held',
      ...(target && { target }),
      routes: published ? inspected.routes : [],
      ...(!unsettled && inspected.withheld && { withheld: inspected.withheld }),
      ...(inspected.deprecated !== undefined && { deprecated: inspected.deprecated }),
    })
  }
  return resolved
}

/** What is said of an accepted service. */
function standing({ outdated, deprecated }: Inspection, audience: string): Pick<ResolvedService, 'reason' | 'message'> {
  if (outdated) {
    return { reason: 'OpenApiOutdated', message: `${outdated.message} The routes that were read before stay in force.` }
  }
  const message = `Tokens for this service carry the audience ${audience}.`
  return { reason: 'Accepted', message: deprecated === undefined ? message : `${message} ${deprecated}` }
}

function isOurs(service: GuardedService, objects: ServiceObjects): boolean {
  const namespace = objects.namespaces.get(service.metadata.namespace ?? '')
  return isPresent(service) && namespace !== undefined && installationOf(namespace) === objects.installation
}

function targetOf(service: GuardedService, targets: ServiceObjects['targets']): ResolvedService['target'] {
  const { name, port: wanted } = service.spec.targetRef
  const target = targets.get(`${service.metadata.namespace}/${name}`)
  const found = portOf(target, wanted)
  return target && found && { service: target, port: found.port }
}

function portTaken(place: string | undefined, ports: ReadonlyMap<string, string>): ServiceFault | undefined {
  const holder = place === undefined ? undefined : ports.get(place)
  if (holder === undefined) return undefined
  return {
    reason: 'TargetConflict',
    message: `The older GuardedService ${holder} holds the Service port ${place}. Delete one of the two.`,
  }
}

function audienceTaken(audience: string, audiences: ReadonlyMap<string, string>): ServiceFault | undefined {
  const holder = audiences.get(audience)
  if (holder === undefined) return undefined
  return {
    reason: 'AudienceConflict',
    message: `The older GuardedService ${holder} holds the audience ${audience}. Choose another one.`,
  }
}

/** By whom is none of this namespace's business. */
function takenElsewhere(audience: string): ServiceFault {
  return {
    reason: 'AudienceConflict',
    message: `The audience ${audience} is taken. Choose another one. If it has become free, change spec or create this GuardedService anew: until then this answer stays.`,
  }
}

function notGiven(audience: string): ServiceFault {
  return { reason: 'AudienceConflict', message: `The operator has not given the audience ${audience} to it yet.` }
}

function targetNotFound(service: GuardedService): ServiceFault {
  const { name, port } = service.spec.targetRef
  return {
    reason: 'TargetNotFound',
    message: `There is no Service ${name} with the port ${port} in namespace ${service.metadata.namespace}. Create it or correct spec.targetRef.`,
  }
}

import type { GuardedService } from '../api/guarded-service.ts'
import { groupBy } from '../base/group-by.ts'
import { isChosenAudience } from './audience.ts'
import { audienceOf, byAge } from './ids.ts'

/**
 * Whether the operator told this generation of the service that a namespace other than its own holds the audience.
 * The answer stays, also when the holder goes: it may be applied again, and whoever lies in wait must not be quicker.
 */
export function wasRefusedAudience({ metadata, spec, status }: GuardedService): boolean {
  const refused = status?.refusedAudience
  return refused !== undefined && refused === spec.audience && status?.observedGeneration === metadata.generation
}

/** Whether the operator has given the service its audience. One that nobody else may ask for needs no giving. */
export function hasAudience(service: GuardedService): boolean {
  const audience = audienceOf(service)
  return !isChosenAudience(audience) || service.status?.audience === audience
}

/**
 * The services, of those given, whose audience belongs to another namespace. It belongs to the namespace of the oldest
 * service that the operator has given it, else of the oldest that asks for it: age alone would let somebody in who is
 * made in the same second and has the smaller uid. Among services of one namespace it decides nothing.
 */
export function servicesWithoutAudience(services: Iterable<GuardedService>): Set<GuardedService> {
  const chosen = [...services].filter(service => isChosenAudience(audienceOf(service)))
  const without = new Set<GuardedService>()
  for (const asking of groupBy(chosen, audienceOf).values()) {
    const candidates = asking.filter(service => !wasRefusedAudience(service)).sort(byAge)
    const holder = candidates.find(hasAudience) ?? candidates[0]
    for (const service of asking) {
      const elsewhere = holder !== undefined && service.metadata.namespace !== holder.metadata.namespace
      if (elsewhere || wasRefusedAudience(service)) without.add(service)
    }
  }
  return without
}

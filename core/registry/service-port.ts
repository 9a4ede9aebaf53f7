import { isPresent } from './ids.ts'
import type { ServiceObject } from './kubernetes.ts'

export type ServicePort = NonNullable<NonNullable<ServiceObject['spec']>['ports']>[number]

/** Name of the container port that only the injected guard has. */
export const guardPort = 'guard'

/** The port of a Service that a targetRef means, by number or by name; undefined when there is none. */
export function portOf(service: ServiceObject | undefined, wanted: number | string): ServicePort | undefined {
  if (!service || !isPresent(service)) return undefined
  return service.spec?.ports?.find(port => (typeof wanted === 'number' ? port.port : port.name) === wanted)
}

/** Whether calls to this port go to the guard, or past it to the app. */
export function leadsToGuard(port: ServicePort): boolean {
  return port.targetPort === guardPort
}

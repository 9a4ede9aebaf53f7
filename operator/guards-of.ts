import { enforcesAnnotation } from '../core/api/labels.ts'
import { guardPort } from '../core/registry/service-port.ts'
import type { ConcernedService } from '../core/status/judge-enforcement.ts'
import { isRunning, podsBehind } from './pods-behind.ts'
import type { PodOf, Sources } from './sources.ts'

type Watched = Pick<Sources, 'services' | 'targets' | 'by'>

/**
 * The pods that have to hold a service's policy: those behind it, and its central guards. Where central guards are all
 * there is, because the Service's port leads past the guard, the pods behind it have none and are not waited for.
 * @param namespace the installation's own: nobody else's pod is a central guard
 */
export function guardsOf(key: string, sources: Watched, namespace: string): ConcernedService {
  const central = sources.by.podsOfNamespace.get(namespace).filter(pod => isRunning(pod) && enforces(pod, key))
  const behind = central.length > 0 && !leadsToGuard(key, sources) ? [] : podsBehind(key, sources)
  const pods = [...behind, ...central].map(({ metadata }) => ({ name: metadata.name, uid: metadata.uid ?? '' }))
  return { key, pods, ...(central.length > 0 && { central: true }) }
}

function enforces(pod: PodOf, key: string): boolean {
  return pod.metadata.annotations?.[enforcesAnnotation]?.split(',').includes(key) === true
}

function leadsToGuard(key: string, sources: Watched): boolean {
  const service = sources.services.store.get(key)
  const target = sources.targets.store.get(`${service?.metadata.namespace}/${service?.spec.targetRef.name}`)
  const wanted = service?.spec.targetRef.port
  const port = target?.spec?.ports?.find(candidate => candidate.port === wanted || candidate.name === wanted)
  return port?.targetPort === guardPort
}

import { guardContainerName } from '../../core/api/guarded-pod.ts'
import { enforcesAnnotation, guardLabel } from '../../core/api/labels.ts'
import type { PodObject } from '../../core/registry/kubernetes.ts'
import { guardPort } from '../../core/registry/service-port.ts'
import type { ConcernedService, ExpectedPod } from '../../core/status/judge-enforcement.ts'
import type { Sources } from '../sources.ts'

type Watched = Pick<Sources, 'services' | 'targets' | 'by'>

/**
 * The pods that have to hold a service's policy: those behind it, and its central guards. Where central guards are all
 * there is, because the Service's port leads past the guard, the pods behind it have none and are not waited for.
 * @param namespace the installation's own: nobody else's pod is a central guard
 */
export function guardsOf(key: string, sources: Watched, namespace: string): ConcernedService {
  const central = sources.by.podsOfNamespace.get(namespace).filter(pod => isRunning(pod) && enforces(pod, key))
  const behind = central.length > 0 && !leadsToGuard(key, sources) ? [] : podsBehind(key, sources)
  const name = sources.services.store.get(key)?.metadata.name
  const pods = [...behind.map(pod => ({ ...identityOf(pod), ...making(pod, name) })), ...central.map(identityOf)]
  return { key, pods, ...(central.length > 0 && { central: true }) }
}

/**
 * The pods that may still decide by a policy of a service that is gone or not accepted. Neither it nor its Service need be
 * there to say which these are, so the label of each pod does.
 */
export function guardsLeftOf(key: string, sources: Watched, namespace: string): ConcernedService {
  const [of = '', name = ''] = key.split('/')
  const isGuarded = (pod: PodObject) => pod.metadata.labels?.[guardLabel] === name && (hasGuard(pod) || ranGuard(pod))
  const own = sources.by.podsOfNamespace.get(of).filter(pod => isRunning(pod) && isGuarded(pod))
  const central = sources.by.podsOfNamespace.get(namespace).filter(pod => isRunning(pod) && enforces(pod, key))
  const maxStaleness = sources.services.store.get(key)?.spec.maxStaleness
  const pods = [...new Set([...own, ...central])].map(identityOf)
  return { key, pods, left: maxStaleness === undefined ? {} : { maxStaleness } }
}

function hasGuard({ spec }: PodObject): boolean {
  return spec?.initContainers?.some(({ name }) => name === guardContainerName) === true
}

/** Also one that nobody injected. */
function ranGuard({ status: { containerStatuses = [], initContainerStatuses = [] } = {} }: PodObject): boolean {
  return [...initContainerStatuses, ...containerStatuses].some(({ name }) => name === guardContainerName)
}

function identityOf({ metadata }: PodObject): ExpectedPod {
  return { name: metadata.name, uid: metadata.uid ?? '' }
}

/** What is wrong with a pod that is to have the guard of this service. */
function making(pod: PodObject, service: string | undefined): Partial<ExpectedPod> {
  const label = pod.metadata.labels?.[guardLabel]
  if (label === undefined) return { wrong: 'Unlabelled' }
  if (label !== service) return { wrong: 'OtherService', other: label }
  return hasGuard(pod) ? {} : { wrong: 'NotInjected' }
}

function enforces(pod: PodObject, key: string): boolean {
  return pod.metadata.annotations?.[enforcesAnnotation]?.split(',').includes(key) === true
}

function leadsToGuard(key: string, sources: Watched): boolean {
  const service = sources.services.store.get(key)
  const target = sources.targets.store.get(`${service?.metadata.namespace}/${service?.spec.targetRef.name}`)
  const wanted = service?.spec.targetRef.port
  const port = target?.spec?.ports?.find(candidate => candidate.port === wanted || candidate.name === wanted)
  return port?.targetPort === guardPort
}

/** Pods that get the traffic of the service's target, or will, or may still: all but those that are ending or done. */
export function podsBehind(key: string, sources: Pick<Sources, 'services' | 'targets' | 'by'>): PodObject[] {
  const service = sources.services.store.get(key)
  const { namespace = '' } = service?.metadata ?? {}
  const selector = Object.entries(
    sources.targets.store.get(`${namespace}/${service?.spec.targetRef.name}`)?.spec?.selector ?? {},
  )
  // A Service without selector selects nothing here: its endpoints are somebody else's list.
  if (selector.length === 0) return []
  return sources.by.podsOfNamespace
    .get(namespace)
    .filter(pod => isRunning(pod) && selector.every(([name, value]) => pod.metadata.labels?.[name] === value))
}

export function isRunning({ metadata, status }: PodObject): boolean {
  return metadata.deletionTimestamp === undefined && status?.phase !== 'Succeeded' && status?.phase !== 'Failed'
}

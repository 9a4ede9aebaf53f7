import type { PodObject } from '../../core/registry/kubernetes.ts'
import type { Sources } from '../sources.ts'

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

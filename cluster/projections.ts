import { guardContainerName, openPortsAnnotation } from '../core/api/guarded-pod.ts'
import { enforcesAnnotation } from '../core/api/labels.ts'
import type { NamespaceObject, PodObject, ServiceObject } from '../core/registry/kubernetes.ts'
import type { KubeObject } from '../platform/kube/client.ts'

// Of built-in objects only what is read is kept: a cluster has many, and most of a pod is its spec.

type Meta = KubeObject['metadata']

/** Who an object is and how old. */
export function keepIdentity({ metadata }: KubeObject): { metadata: Meta } {
  const { name, namespace, uid, resourceVersion, creationTimestamp, deletionTimestamp } = metadata
  return {
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(creationTimestamp !== undefined && { creationTimestamp }),
      ...(deletionTimestamp !== undefined && { deletionTimestamp }),
    },
  }
}

/** The same with its labels: a namespace says by them whose it is. */
export function keepLabels(object: KubeObject | NamespaceObject): { metadata: Meta } {
  const { labels } = object.metadata
  return { metadata: { ...keepIdentity(object).metadata, ...(labels && { labels }) } }
}

export function keepService(object: ServiceObject): ServiceObject {
  const { selector, ports = [] } = object.spec ?? {}
  return {
    ...keepIdentity(object),
    spec: {
      ...(selector && { selector }),
      ports: ports.map(({ name, port, targetPort }) => ({
        ...(name !== undefined && { name }),
        port,
        ...(targetPort !== undefined && { targetPort }),
      })),
    },
  }
}

// One each for all pods that have a guard.
const withGuard = [{ name: guardContainerName }]
const guardRuns = [{ name: guardContainerName, state: { running: {} } }]
const guardStands = [{ name: guardContainerName }]

/** Labels, what Latchkey's annotations say, whose account it runs as, and whether it has a guard and that guard runs. */
export function keepPod(pod: PodObject): PodObject {
  const { serviceAccountName, initContainers } = pod.spec ?? {}
  const { phase, initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {}
  const guard = [...initContainerStatuses, ...containerStatuses].find(({ name }) => name === guardContainerName)
  return {
    metadata: { ...keepLabels(pod).metadata, ...annotationsOf(pod) },
    spec: {
      ...(serviceAccountName !== undefined && { serviceAccountName }),
      ...(initContainers?.some(({ name }) => name === guardContainerName) && { initContainers: withGuard }),
    },
    status: {
      ...(phase !== undefined && { phase }),
      ...(guard && { containerStatuses: guard.state?.running ? guardRuns : guardStands }),
    },
  }
}

function annotationsOf({ metadata }: PodObject): Pick<Meta, 'annotations'> {
  const wanted = Object.entries(metadata.annotations ?? {}).filter(
    ([name]) => name === openPortsAnnotation || name === enforcesAnnotation,
  )
  return wanted.length > 0 ? { annotations: Object.fromEntries(wanted) } : {}
}

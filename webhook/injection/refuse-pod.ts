import { guardContainerName, openPortsAnnotation } from '../../core/api/guarded-pod.ts'
import { guardLabel } from '../../core/api/labels.ts'
import { guardVolumeNames } from './guard-container.ts'
import { findGuardMemory } from './guard-resources.ts'
import {
  adminPort,
  type Container,
  guardPort,
  type Pod,
  upstreamPortAnnotation,
  upstreamProtocolAnnotation,
} from './pod.ts'
import { findSocket, socketVolumeName } from './upstream-socket.ts'

/** Says why a pod cannot be guarded and what to do, or nothing. */
type PodCheck = (pod: Pod) => string | undefined

/** The first reason this pod cannot be guarded. */
export function refusePod(pod: Pod): string | undefined {
  for (const refusal of refusals) {
    const message = refusal(pod)
    if (message !== undefined) return message
  }
  return undefined
}

const refusals: readonly PodCheck[] = [
  labelIsAName,
  ownNetwork,
  linux,
  foreignGuard,
  reservedPorts,
  guardVolumesUnmounted,
  upstreamSocket,
  openPorts,
  upstreamProtocol,
  guardMemory,
]

function labelIsAName(pod: Pod): string | undefined {
  const value = pod.metadata?.labels?.[guardLabel] ?? ''
  if (/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(value)) return undefined
  return `label ${guardLabel} must be the name of a GuardedService in this namespace (lower case letters, digits, - and .)`
}

function ownNetwork({ spec }: Pod): string | undefined {
  if (!spec.hostNetwork) return undefined
  return `a pod with hostNetwork cannot be guarded: its ports are the node's; remove hostNetwork or the label ${guardLabel}`
}

function linux({ spec }: Pod): string | undefined {
  if (spec.os?.name !== 'windows' && spec.nodeSelector?.['kubernetes.io/os'] !== 'windows') return undefined
  return `the guard runs on Linux nodes only; remove the label ${guardLabel} from pods for Windows`
}

function foreignGuard({ spec }: Pod): string | undefined {
  const foreign =
    spec.containers.some(({ name }) => name === guardContainerName) ||
    spec.initContainers?.some(container => container.name === guardContainerName && !isGuard(container))
  return foreign
    ? `the container name ${guardContainerName} is reserved for the injected guard; rename yours`
    : undefined
}

function reservedPorts({ spec }: Pod): string | undefined {
  const numbers: readonly number[] = [guardPort.containerPort, adminPort.containerPort]
  const names: readonly string[] = [guardPort.name, adminPort.name]
  for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
    if (container.name === guardContainerName) continue
    for (const { name, containerPort } of container.ports ?? []) {
      const what = numbers.includes(containerPort)
        ? `port ${containerPort}`
        : name !== undefined && names.includes(name)
          ? `port name ${name}`
          : undefined
      if (what) return `container ${container.name}: the ${what} is reserved for the injected guard; use another one`
    }
  }
  return undefined
}

function guardVolumesUnmounted(pod: Pod): string | undefined {
  const { spec } = pod
  const socket = findSocket(pod)
  const folder = socket && 'folder' in socket ? socket.folder : undefined
  for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
    if (container.name === guardContainerName) continue
    const mount = container.volumeMounts?.find(mount => isReserved(mount, folder))
    if (mount)
      return `container ${container.name}: the volume name ${mount.name} is reserved for the injected guard; rename yours`
  }
  return undefined
}

/** An earlier pass mounted the volume of the app's socket, and nobody else does. */
function isReserved(
  { name, mountPath }: { name: string; mountPath?: unknown },
  socketFolder: string | undefined,
): boolean {
  return name === socketVolumeName ? mountPath !== socketFolder : guardVolumeNames.includes(name)
}

function upstreamSocket(pod: Pod): string | undefined {
  const socket = findSocket(pod)
  return socket && 'refused' in socket ? socket.refused : undefined
}

function openPorts(pod: Pod): string | undefined {
  const value = pod.metadata?.annotations?.[openPortsAnnotation]
  if (value === undefined || value === '') return undefined
  const parts = value.split(',').map(part => part.trim())
  if (!parts.every(isPortNumber)) {
    return `annotation ${openPortsAnnotation} must be port numbers between commas, for example "9090,9091"`
  }
  const ports = parts.map(Number)
  const own = ports.find(port => port === guardPort.containerPort || port === adminPort.containerPort)
  if (own !== undefined) {
    return `annotation ${openPortsAnnotation} names the guard's own port ${own}, which is open anyway; leave it out`
  }
  const upstream = findSocket(pod) ? undefined : findUpstreamPort(pod)
  if (typeof upstream !== 'number' || !ports.includes(upstream)) return undefined
  return `annotation ${openPortsAnnotation} names ${upstream}, the port that is guarded: open, it is the way around the guard; leave it out and let the app listen on 127.0.0.1, or set spec.directAccess: Report for a while`
}

function upstreamProtocol(pod: Pod): string | undefined {
  const value = pod.metadata?.annotations?.[upstreamProtocolAnnotation]
  if (value === undefined || value === 'http1' || value === 'h2c') return undefined
  return `annotation ${upstreamProtocolAnnotation} must be http1 (the default) or h2c, for apps that speak gRPC or other HTTP/2 without TLS`
}

function guardMemory(pod: Pod): string | undefined {
  const memory = findGuardMemory(pod)
  return typeof memory === 'object' ? memory.refused : undefined
}

/** Whether an init container of the guard's name was put there by us: by this pass, an earlier one or another version. */
function isGuard({ name, args, command, env }: Container): boolean {
  const started = command === undefined && args?.length === 1 && args[0] === 'guard'
  return name === guardContainerName && started && env?.some(entry => entry.name === 'LATCHKEY_SERVICE') === true
}

function isPortNumber(text: string): boolean {
  return /^[1-9][0-9]{0,4}$/.test(text) && Number(text) <= 65535
}

/** The app's port: the annotation's, or the only TCP port the containers declare. */
export function findUpstreamPort(pod: Pod): number | { readonly refused: string } {
  const declared = pod.spec.containers.flatMap(({ ports }) =>
    (ports ?? []).filter(({ protocol }) => (protocol ?? 'TCP') === 'TCP'),
  )
  const named = pod.metadata?.annotations?.[upstreamPortAnnotation]
  if (named !== undefined) {
    const port = isPortNumber(named) ? Number(named) : declared.find(({ name }) => name === named)?.containerPort
    if (port === undefined) {
      return { refused: `annotation ${upstreamPortAnnotation} must be a port number or the name of a container port` }
    }
    if (port !== guardPort.containerPort && port !== adminPort.containerPort) return port
    return { refused: `annotation ${upstreamPortAnnotation} names the guard's own port ${port}; name the app's` }
  }
  const numbers = [...new Set(declared.map(({ containerPort }) => containerPort))]
  const [only] = numbers
  if (only !== undefined && numbers.length === 1) return only
  const found = numbers.length === 0 ? 'declare no TCP port' : `declare several ports (${numbers.join(', ')})`
  return {
    refused: `the containers ${found}, so the guard cannot tell which one is the API; set the annotation ${upstreamPortAnnotation} on the pod`,
  }
}

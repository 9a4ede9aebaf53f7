import { basename, dirname, posix } from 'node:path'
import { guardContainerName, maxSocketPathBytes, socketPathFault } from '../../core/api/guarded-pod.ts'
import { isRecord } from '../../core/base/is-record.ts'
import { type Container, type Pod, upstreamPortAnnotation, upstreamSocketAnnotation, type Volume } from './pod.ts'

/** The Unix socket that the app listens on, in a folder that its containers and the guard share. */
export interface AppSocket {
  /** Where the app's containers have the folder. */
  readonly folder: string
  /** Name of the file. */
  readonly file: string
  /** The volume: the guard's own, or the emptyDir that a container mounts there already. */
  readonly volume: string
}

type Refused = { readonly refused: string }

export const socketVolumeName = 'latchkey-socket'
/** Where the guard has the folder: a path of the app's could hide something of the guard's. */
export const guardSocketFolder = '/var/run/latchkey/app'
const maxFileBytes = maxSocketPathBytes - guardSocketFolder.length - 1

/** @returns undefined when the pod's author names no socket */
export function findSocket(pod: Pod): AppSocket | Refused | undefined {
  const path = pod.metadata?.annotations?.[upstreamSocketAnnotation]
  if (path === undefined) return undefined
  const fault = pathFault(path)
  if (fault !== undefined) return { refused: `annotation ${upstreamSocketAnnotation} ${fault}` }
  if (pod.metadata?.annotations?.[upstreamPortAnnotation] !== undefined) {
    return {
      refused: `annotations ${upstreamSocketAnnotation} and ${upstreamPortAnnotation} both say where the app is; leave one of them out`,
    }
  }
  const volume = findVolume(pod, path)
  return typeof volume === 'string' ? { folder: dirname(path), file: basename(path), volume } : volume
}

function pathFault(path: string): string | undefined {
  const fault = socketPathFault(path)
  if (fault !== undefined) return fault
  if (dirname(path) === '/') return 'must name a socket in a folder of its own, for example /run/app/app.sock'
  if (basename(path).length <= maxFileBytes) return undefined
  return `must name a file of at most ${maxFileBytes} characters: longer ones have no place in the guard's path of it`
}

/** The volume at the socket's folder: an emptyDir that a container mounts there is shared, anything else is in the way. */
function findVolume({ spec }: Pod, path: string): string | Refused {
  const folder = dirname(path)
  let found: { readonly container: string; readonly volume: string } | undefined
  for (const container of sharing(spec)) {
    for (const mount of container.volumeMounts ?? []) {
      const place = plain(mount.mountPath)
      if (place !== folder && place !== path) continue
      const where = `container ${container.name} mounts the volume ${mount.name} at ${place}`
      if (place === path) {
        return {
          refused: `${where}, where the app's socket is to be; mount it elsewhere, or name another path in ${upstreamSocketAnnotation}`,
        }
      }
      const isOurs = mount.name === socketVolumeName
      const isWhole = !mount.subPath && !mount.subPathExpr
      if (!isWhole || (!isOurs && !isEmptyDir(spec.volumes, mount.name))) {
        return {
          refused: `${where}, the folder of the app's socket, which only an emptyDir mounted whole can be; mount it elsewhere, or name a path in another folder in ${upstreamSocketAnnotation}`,
        }
      }
      if (found && found.volume !== mount.name) {
        return {
          refused: `${where}, and container ${found.container} the volume ${found.volume}; the folder of the app's socket must be one for both: mount one emptyDir, or none and leave it to the injection`,
        }
      }
      found = { container: container.name, volume: mount.name }
    }
  }
  return found?.volume ?? socketVolumeName
}

function isEmptyDir(volumes: readonly Volume[] | undefined, name: string): boolean {
  return volumes?.some(volume => volume.name === name && isRecord(volume.emptyDir)) === true
}

/** The containers that run beside the guard. */
function sharing({ containers, initContainers = [] }: Pod['spec']): Container[] {
  return [...containers, ...initContainers.filter(isSidecar)].filter(({ name }) => name !== guardContainerName)
}

function isSidecar({ restartPolicy }: Container): boolean {
  return restartPolicy === 'Always'
}

function plain(mountPath: unknown): string {
  // The kubelet takes a relative one from the root.
  return posix
    .normalize(`/${String(mountPath)}`)
    .replace(/^\/{2,}/, '/')
    .replace(/(.)\/$/, '$1')
}

/** The container with the folder, when it is one that runs beside the guard. */
export function mountFolder(container: Container, kind: 'containers' | 'initContainers', socket: AppSocket): Container {
  if (kind === 'initContainers' && !isSidecar(container)) return container
  const mounts = container.volumeMounts ?? []
  if (mounts.some(({ mountPath }) => plain(mountPath) === socket.folder)) return container
  return { ...container, volumeMounts: [...mounts, { name: socket.volume, mountPath: socket.folder }] }
}

/** What the pod needs for it, beyond what it has. */
export function socketVolumes({ volume }: AppSocket): readonly Volume[] {
  return volume === socketVolumeName ? [{ name: socketVolumeName, emptyDir: {} }] : []
}

/** What a person should know about a pod whose app listens on a socket. */
export function socketWarnings({ spec }: Pod): readonly string[] {
  const probes = sharing(spec).flatMap(portProbes)
  if (spec.securityContext?.fsGroup !== undefined) return probes
  return [
    ...probes,
    `the pod has no securityContext.fsGroup: the guard can connect to the app's socket only if everybody in the pod may; set fsGroup, and let the app run with umask 007`,
  ]
}

function portProbes({ name, ports = [], ...container }: Container): string[] {
  return (['startupProbe', 'readinessProbe', 'livenessProbe'] as const).flatMap(kind => {
    const { httpGet, tcpSocket, grpc } = container[kind] ?? {}
    const port = (httpGet ?? tcpSocket ?? grpc)?.port
    const isDeclared = ports.some(declared => declared.name === port || declared.containerPort === port)
    if (!isDeclared) return []
    return `container ${name}: ${kind} names the port ${port}, which the container declares, so it is asked there and not over the socket; take the port off the container if the app does not listen on it`
  })
}

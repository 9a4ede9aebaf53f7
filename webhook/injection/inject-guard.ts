import { guardContainerName, openPortsAnnotation } from '../../core/api/guarded-pod.ts'
import { guardLabel } from '../../core/api/labels.ts'
import { type GuardTask, guardContainer, guardVolumes, type InjectionSettings } from './guard-container.ts'
import { findGuardMemory } from './guard-resources.ts'
import { bindsLoopback, type Lead, leadWarnings } from './lead.ts'
import { type Container, type Pod, upstreamProtocolAnnotation } from './pod.ts'
import { podWarnings } from './pod-warnings.ts'
import { findUpstreamPort, refusePod } from './refuse-pod.ts'
import { type ForwardedProbe, type KnownProbes, rewriteProbes } from './rewrite-probes.ts'
import {
  type AppSocket,
  findSocket,
  guardSocketFolder,
  mountFolder,
  socketVolumes,
  socketWarnings,
} from './upstream-socket.ts'

export type Injection =
  | { readonly pod: Pod; readonly warnings: readonly string[] }
  /** Why the pod cannot be guarded, and what to do. */
  | { readonly refused: string }

const preStopSeconds = 5
const leastGraceSeconds = 10

/**
 * Puts the guard into a pod that carries the label latchkey.dev/guard. Pure, and idempotent: injecting an injected pod
 * gives the same pod, also after the API server has filled in its defaults.
 * @param namespace of the request; a pod from a template does not say it
 * @param lead where the Service leads now: an app that it may lead to must not go to loopback
 */
export function injectGuard(pod: Pod, namespace: string, settings: InjectionSettings, lead: Lead): Injection {
  const refused = refusePod(pod)
  if (refused !== undefined) return { refused }
  const app = findApp(pod)
  if ('refused' in app) return app
  const { upstream, socket } = app

  const rewritten = rewriteAll(pod, socket)
  if ('refused' in rewritten) return rewritten
  const openPorts = pod.metadata?.annotations?.[openPortsAnnotation]
  const upstreamProtocol = pod.metadata?.annotations?.[upstreamProtocolAnnotation]
  // One that cannot be read was refused before.
  const memory = findGuardMemory(pod)
  const service = `${namespace}/${pod.metadata?.labels?.[guardLabel]}`
  const bind = (container: Container) => (bindsLoopback(lead) ? bindLoopback(container) : container)
  const task: GuardTask = {
    service,
    upstream,
    ...(socket && { socketVolume: socket.volume }),
    probes: rewritten.probes,
    ...(openPorts && { openPorts: openPorts.replaceAll(' ', '') }),
    ...(upstreamProtocol && { upstreamProtocol }),
    ...(typeof memory === 'number' && { memory }),
  }
  const ours = [...guardVolumes(settings), ...(socket ? socketVolumes(socket) : [])]
  const foreign = (pod.spec.volumes ?? []).filter(volume => ours.every(({ name }) => name !== volume.name))
  const grace = pod.spec.terminationGracePeriodSeconds
  return {
    pod: {
      ...pod,
      spec: {
        ...pod.spec,
        // First in the list: every other container starts behind a guard that already answers.
        initContainers: [guardContainer(settings, task), ...rewritten.initContainers],
        containers: rewritten.containers.map(bind).map(waitBeforeStop),
        volumes: [...foreign, ...ours],
        ...(grace !== undefined && grace <= preStopSeconds && { terminationGracePeriodSeconds: leastGraceSeconds }),
      },
    },
    warnings: [...podWarnings(pod), ...(socket ? socketWarnings(pod) : []), ...leadWarnings(lead, service)],
  }
}

/** Where the guard reaches the app: on its socket, when the pod's author names one, else on its port. */
function findApp(pod: Pod): { upstream: string; socket?: AppSocket } | { readonly refused: string } {
  const socket = findSocket(pod)
  if (socket) return 'refused' in socket ? socket : { upstream: `unix:${guardSocketFolder}/${socket.file}`, socket }
  const port = findUpstreamPort(pod)
  return typeof port === 'number' ? { upstream: `http://127.0.0.1:${port}` } : port
}

interface Rewritten {
  readonly containers: readonly Container[]
  readonly initContainers: readonly Container[]
  readonly probes: readonly ForwardedProbe[]
}

function rewriteAll({ spec }: Pod, socket: AppSocket | undefined): Rewritten | { readonly refused: string } {
  const known = knownProbes(spec.initContainers?.find(({ name }) => name === guardContainerName))
  const probes: ForwardedProbe[] = []
  const lists: { containers: Container[]; initContainers: Container[] } = { containers: [], initContainers: [] }
  for (const list of ['initContainers', 'containers'] as const) {
    for (const container of spec[list] ?? []) {
      if (container.name === guardContainerName) continue
      const result = rewriteProbes(container, known, socket ? 'Socket' : 'Port')
      if ('refused' in result) return result
      lists[list].push(socket ? mountFolder(result.container, list, socket) : result.container)
      probes.push(...result.probes)
    }
  }
  return { ...lists, probes }
}

/** What an earlier pass wrote down. Anything else in that place names no probe and so forwards none. */
function knownProbes(guard: Container | undefined): KnownProbes {
  const text = guard?.env?.find(({ name }) => name === 'LATCHKEY_PROBES')?.value
  try {
    const value: unknown = JSON.parse(text ?? '[]')
    const entries = (Array.isArray(value) ? value : []) as Partial<ForwardedProbe | null>[]
    return new Map(entries.map(entry => [`${entry?.container}/${entry?.kind}`, entry as ForwardedProbe]))
  } catch {
    return new Map()
  }
}

function bindLoopback(container: Container): Container {
  if (container.env?.some(({ name }) => name === 'HOST')) return container
  return { ...container, env: [...(container.env ?? []), { name: 'HOST', value: '127.0.0.1' }] }
}

/** The endpoint goes away while the app still answers: not one request is dropped. */
function waitBeforeStop(container: Container): Container {
  if (container.lifecycle?.preStop) return container
  return { ...container, lifecycle: { ...container.lifecycle, preStop: { sleep: { seconds: preStopSeconds } } } }
}

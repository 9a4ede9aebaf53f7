import { adminPort, type Container, type HttpGet, type Probe } from './pod.ts'

/** A probe of the app as the guard forwards it: ports resolved to numbers, always to the pod itself; without one: to the app's socket. */
export interface ForwardedProbe {
  readonly container: string
  readonly kind: ProbeKind
  readonly httpGet?: {
    readonly path: string
    readonly port?: number
    readonly scheme: string
    readonly httpHeaders?: HttpGet['httpHeaders']
  }
  readonly tcpSocket?: { readonly port?: number }
  readonly grpc?: { readonly port?: number; readonly service: string }
  readonly timeoutSeconds: number
}

/** How the app is reached. On a socket, what names no port that its container declares is asked there. */
export type Reached = 'Port' | 'Socket'

type ProbeKind = 'startup' | 'readiness' | 'liveness'
/** What an earlier pass rewrote, by `container/kind`. */
export type KnownProbes = ReadonlyMap<string, ForwardedProbe>
type Refused = { readonly refused: string }

const fields = { startup: 'startupProbe', readiness: 'readinessProbe', liveness: 'livenessProbe' } as const
const kinds = Object.keys(fields) as ProbeKind[]

/**
 * Points the network probes of a container at the guard, which forwards them to the app on loopback. Left alone: exec
 * probes, probes with a `host` of their own (the kubelet calls that host, not the pod) and those already rewritten.
 * @returns the container and what the guard has to forward, in the order startup, readiness, liveness
 */
export function rewriteProbes(
  container: Container,
  known: KnownProbes,
  reached: Reached = 'Port',
): { readonly container: Container; readonly probes: readonly ForwardedProbe[] } | Refused {
  const probes: ForwardedProbe[] = []
  const changed: Record<string, Probe> = {}
  for (const kind of kinds) {
    const probe = container[fields[kind]]
    if (!probe) continue
    const path = `/probes/${container.name}/${kind}`
    if (probe.httpGet?.port === adminPort.containerPort && probe.httpGet.path === path) {
      const before = known.get(`${container.name}/${kind}`)
      if (!before)
        return { refused: `${where(container, kind)} already points at the guard; write the app's own probe` }
      probes.push(before)
      continue
    }
    const forwarded = forward(container, kind, probe, reached)
    if (!forwarded) continue
    if ('refused' in forwarded) return forwarded
    probes.push(forwarded)
    const { httpGet: _, tcpSocket: __, grpc: ___, ...timing } = probe
    changed[fields[kind]] = { httpGet: { path, port: adminPort.containerPort, scheme: 'HTTP' }, ...timing }
  }
  return { container: probes.length === 0 ? container : { ...container, ...changed }, probes }
}

function forward(
  container: Container,
  kind: ProbeKind,
  probe: Probe,
  reached: Reached,
): ForwardedProbe | Refused | undefined {
  const base = { container: container.name, kind, timeoutSeconds: probe.timeoutSeconds || 1 }
  const action = probe.httpGet ?? probe.tcpSocket ?? probe.grpc
  if (!action || ('host' in action && action.host)) return undefined
  const port = portOf(container, action.port, reached)
  if (port === 'unknown') return unknownPort(container, kind, action.port)
  const to = port === 'socket' ? {} : { port }
  if (probe.httpGet) {
    const { path, scheme, httpHeaders } = probe.httpGet
    const rest = httpHeaders && httpHeaders.length > 0 ? { httpHeaders } : {}
    return { ...base, httpGet: { path: path || '/', ...to, scheme: scheme || 'HTTP', ...rest } }
  }
  if (probe.tcpSocket) return { ...base, tcpSocket: to }
  return { ...base, grpc: { ...to, service: probe.grpc?.service ?? '' } }
}

/** The number of a port given by number or by the name the container declares. */
function portOf(container: Container, port: number | string, reached: Reached): number | 'socket' | 'unknown' {
  const declared = container.ports?.find(({ name, containerPort }) => name === port || containerPort === port)
  if (declared) return declared.containerPort
  if (reached === 'Socket') return 'socket'
  return typeof port === 'number' ? port : 'unknown'
}

function unknownPort(container: Container, kind: ProbeKind, port: number | string): Refused {
  return {
    refused: `${where(container, kind)} names the port ${port}, which the container does not declare; declare it or use its number`,
  }
}

function where(container: Container, kind: ProbeKind): string {
  return `container ${container.name}: ${fields[kind]}`
}

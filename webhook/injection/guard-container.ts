import { guardContainerName } from '../../core/api/guarded-pod.ts'
import { maxSliceBytes } from '../../core/rows/frames.ts'
import { guardFlagsWithin, stopSocketName } from '../../platform/guard-process.ts'
import { memoryLimitOf, type Resources, withMemory } from './guard-resources.ts'
import {
  adminPort,
  authorityConfigMap,
  type Container,
  type EnvVar,
  guardPort,
  type Probe,
  type Volume,
} from './pod.ts'
import type { ForwardedProbe } from './rewrite-probes.ts'
import { guardSocketFolder } from './upstream-socket.ts'

/** What the installation says about every guard it injects. */
export interface InjectionSettings {
  readonly image: string
  readonly pullPolicy: string
  /** Base URL of the snapshot port of the issuer. */
  readonly snapshotUrl: string
  /** Issuer URL of the installation; the token's audience is made from it. */
  readonly issuerUrl: string
  readonly resources: Resources
  /** More variables for every guard, such as those of OpenTelemetry; none of them can replace one of ours. */
  readonly guardEnv?: Readonly<Record<string, unknown>>
}

/** What this pod needs its guard to know. */
export interface GuardTask {
  /** `namespace/name` of the GuardedService. */
  readonly service: string
  /** Where the guard reaches the app. */
  readonly upstream: string
  /** The volume with the app's socket, when it listens on one. */
  readonly socketVolume?: string
  readonly probes: readonly ForwardedProbe[]
  /** The annotation latchkey.dev/open-ports, if the pod has it. */
  readonly openPorts?: string
  /** The annotation latchkey.dev/upstream-protocol, if the pod has it. */
  readonly upstreamProtocol?: string
  /** The annotation latchkey.dev/guard-memory, MiB, if the pod has it. */
  readonly memory?: number
}

const paths = { ca: '/var/run/latchkey/ca', token: '/var/run/latchkey/token', snapshot: '/var/lib/latchkey' }
const volumes = { ca: 'latchkey-ca', token: 'latchkey-token', snapshot: 'latchkey-snapshot' }
const defaultMode = 0o644
const stopSocket = `${paths.snapshot}/${stopSocketName}`
// The stored slice, the one that takes its place, and small files beside them: beyond this the kubelet evicts the pod.
const snapshotVolume = `${Math.ceil((2 * maxSliceBytes) / 1_048_576) + 16}Mi`

/** Names no volume of the app's may have. */
export const guardVolumeNames: readonly string[] = Object.values(volumes)

/**
 * The guard's container. Fields the API server would default are written out, so that a second pass over a stored pod
 * finds nothing to change.
 */
export function guardContainer(settings: InjectionSettings, task: GuardTask): Container {
  const resources = withMemory(settings.resources, task.memory)
  return {
    name: guardContainerName,
    image: settings.image,
    imagePullPolicy: settings.pullPolicy,
    args: ['guard'],
    restartPolicy: 'Always',
    env: environment(settings, task, memoryLimitOf(resources)),
    ports: [guardPort, adminPort],
    resources,
    // A minute to start on a crowded node; the guard answers as soon as its ports are open.
    startupProbe: probe('/startupz', { periodSeconds: 1, failureThreshold: 60 }),
    readinessProbe: probe('/readyz', { periodSeconds: 2, failureThreshold: 2 }),
    livenessProbe: probe('/livez', { periodSeconds: 10, failureThreshold: 3 }),
    // Hooks run when the pod begins to end; SIGTERM reaches a sidecar only after the app has gone, too late to send
    // callers on kept connections elsewhere.
    lifecycle: { preStop: { exec: { command: ['node', '-e', `require('node:net').connect('${stopSocket}')`] } } },
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 65532,
      runAsGroup: 65532,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    volumeMounts: [
      { name: volumes.ca, mountPath: paths.ca, readOnly: true },
      { name: volumes.token, mountPath: paths.token, readOnly: true },
      { name: volumes.snapshot, mountPath: paths.snapshot },
      // Connecting to a socket writes to nothing of its folder.
      ...(task.socketVolume ? [{ name: task.socketVolume, mountPath: guardSocketFolder, readOnly: true }] : []),
      // Taken, so that the API server does not mount the app's own token here: the guard faces strangers.
      { name: volumes.ca, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true },
    ],
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'FallbackToLogsOnError',
  }
}

/** The guard's volumes; only the guard mounts them. */
export function guardVolumes(settings: InjectionSettings): readonly Volume[] {
  const audience = `${settings.issuerUrl}/v1/snapshots`
  return [
    { name: volumes.ca, configMap: { name: authorityConfigMap, defaultMode } },
    {
      name: volumes.token,
      projected: {
        sources: [{ serviceAccountToken: { audience, expirationSeconds: 3600, path: 'token' } }],
        defaultMode,
      },
    },
    { name: volumes.snapshot, emptyDir: { sizeLimit: snapshotVolume } },
  ]
}

function environment(settings: InjectionSettings, task: GuardTask, memoryBytes: number | undefined): EnvVar[] {
  const values: Record<string, string> = {
    LATCHKEY_SERVICE: task.service,
    LATCHKEY_UPSTREAM: task.upstream,
    LATCHKEY_LISTEN: `:${guardPort.containerPort}`,
    LATCHKEY_ADMIN_LISTEN: `:${adminPort.containerPort}`,
    LATCHKEY_PROBES: JSON.stringify(task.probes),
    LATCHKEY_SNAPSHOT_URL: settings.snapshotUrl,
    LATCHKEY_CA_FILE: `${paths.ca}/ca.crt`,
    LATCHKEY_TOKEN_FILE: `${paths.token}/token`,
    LATCHKEY_SNAPSHOT_FILE: `${paths.snapshot}/snapshot.json`,
    ...(task.openPorts && { LATCHKEY_OPEN_PORTS: task.openPorts }),
    ...(task.upstreamProtocol && { LATCHKEY_UPSTREAM_PROTOCOL: task.upstreamProtocol }),
    // What `latchkey guard` would otherwise start a second time for, and a heap that fits the memory.
    NODE_OPTIONS: guardFlagsWithin(memoryBytes).join(' '),
  }
  const more = Object.fromEntries(Object.entries(settings.guardEnv ?? {}).map(([name, value]) => [name, String(value)]))
  return Object.entries({ ...more, ...values }).map(([name, value]) => ({ name, value }))
}

function probe(path: string, timing: { periodSeconds: number; failureThreshold: number }): Probe {
  return {
    httpGet: { path, port: adminPort.containerPort, scheme: 'HTTP' },
    timeoutSeconds: 2,
    successThreshold: 1,
    ...timing,
  }
}

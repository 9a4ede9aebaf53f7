import { guardPorts } from '../../core/api/guarded-pod.ts'

/** The parts of a Pod that injection reads or writes; everything else passes through untouched. */
export interface Pod {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata?: {
    readonly name?: string
    readonly generateName?: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly spec: PodSpec
}

export interface PodSpec {
  readonly containers: readonly Container[]
  readonly initContainers?: readonly Container[]
  readonly volumes?: readonly Volume[]
  readonly hostNetwork?: boolean
  readonly shareProcessNamespace?: boolean
  readonly securityContext?: { readonly fsGroup?: number; readonly [field: string]: unknown }
  readonly terminationGracePeriodSeconds?: number
  readonly nodeSelector?: Readonly<Record<string, string>>
  readonly os?: { readonly name: string }
}

export interface Volume {
  readonly name: string
  readonly [source: string]: unknown
}

export interface Container {
  readonly name: string
  readonly image?: string
  readonly args?: readonly string[]
  readonly env?: readonly EnvVar[]
  readonly ports?: readonly ContainerPort[]
  readonly restartPolicy?: string
  readonly volumeMounts?: readonly { readonly name: string; readonly [field: string]: unknown }[]
  readonly startupProbe?: Probe
  readonly readinessProbe?: Probe
  readonly livenessProbe?: Probe
  readonly lifecycle?: { readonly postStart?: LifecycleHandler; readonly preStop?: LifecycleHandler }
  readonly [field: string]: unknown
}

export interface EnvVar {
  readonly name: string
  readonly value?: string
  readonly valueFrom?: unknown
}

interface ContainerPort {
  readonly name?: string
  readonly containerPort: number
  readonly hostPort?: number
  readonly protocol?: string
}

interface LifecycleHandler {
  readonly exec?: unknown
  readonly httpGet?: unknown
  readonly tcpSocket?: unknown
  readonly sleep?: { readonly seconds: number }
}

export interface HttpGet {
  readonly path?: string
  readonly port: number | string
  readonly scheme?: string
  readonly host?: string
  readonly httpHeaders?: readonly { readonly name: string; readonly value: string }[]
}

export interface Probe {
  readonly exec?: unknown
  readonly httpGet?: HttpGet
  readonly tcpSocket?: { readonly port: number | string; readonly host?: string }
  readonly grpc?: { readonly port: number; readonly service?: string | null }
  readonly timeoutSeconds?: number
  readonly [field: string]: unknown
}

/** Port names, ports and paths that a guarded pod has and no other. */
export const guardPort = { name: 'guard', containerPort: guardPorts.calls, protocol: 'TCP' } as const
export const adminPort = { name: 'guard-admin', containerPort: guardPorts.admin, protocol: 'TCP' } as const
export const upstreamPortAnnotation = 'latchkey.dev/upstream-port'
export const upstreamSocketAnnotation = 'latchkey.dev/upstream-socket'
export const upstreamProtocolAnnotation = 'latchkey.dev/upstream-protocol'
export const authorityConfigMap = 'latchkey-ca'

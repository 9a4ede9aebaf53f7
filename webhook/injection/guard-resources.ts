import { guardMemoryAnnotation } from '../../core/api/guarded-pod.ts'
import type { Pod } from './pod.ts'

/** A container's `resources`, as far as they are read here. */
export interface Resources {
  readonly requests?: Readonly<Record<string, unknown>>
  readonly limits?: Readonly<Record<string, unknown>>
  readonly [field: string]: unknown
}

const mebibyte = 1_048_576
/** Less is too little to run at all; with more than 752Mi no larger policy is taken, but more calls are under way. */
const least = 128
const most = 4_096

/** What the pod's author gives the guard, MiB; undefined where the annotation is not there. */
export function findGuardMemory(pod: Pod): number | undefined | { readonly refused: string } {
  const value = pod.metadata?.annotations?.[guardMemoryAnnotation]
  if (value === undefined || value === '') return undefined
  const [, digits, unit] = /^([1-9][0-9]{0,5})(Mi|Gi)$/.exec(value) ?? []
  const mebibytes = Number(digits) * (unit === 'Gi' ? 1_024 : 1)
  if (mebibytes >= least && mebibytes <= most) return mebibytes
  return {
    refused: `annotation ${guardMemoryAnnotation} must be whole Mi or Gi from ${least}Mi to 4Gi, for example 768Mi`,
  }
}

/**
 * The installation's resources with this memory. It is asked for as well as allowed: a node that has promised it to
 * others too would evict the pod when the policy grows.
 */
export function withMemory(resources: Resources, mebibytes: number | undefined): Resources {
  if (mebibytes === undefined) return resources
  const memory = `${mebibytes}Mi`
  return {
    ...resources,
    requests: { ...resources.requests, memory },
    limits: { ...resources.limits, memory },
  }
}

const units: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 1_024,
  Mi: mebibyte,
  Gi: 1_024 * mebibyte,
  Ti: mebibyte * mebibyte,
}

/** The limit of memory, bytes; undefined where there is none that can be read. */
export function memoryLimitOf({ limits }: Resources): number | undefined {
  const [, digits, unit = ''] = /^([0-9]+(?:\.[0-9]+)?)([kMGT]|[KMGT]i)?$/.exec(String(limits?.memory ?? '')) ?? []
  const bytes = Number(digits) * (units[unit] ?? Number.NaN)
  return bytes > 0 ? Math.floor(bytes) : undefined
}

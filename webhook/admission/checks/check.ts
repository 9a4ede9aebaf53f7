import { secondsOf } from '../../../core/base/time.ts'
import type { Resource } from '../../../platform/kube/client.ts'

/** A mistake in a field: a sentence that says what to write instead. */
export interface FieldError {
  readonly field: string
  readonly message: string
}

/** What a check knows beside the spec. */
export interface About {
  readonly name: string
  readonly namespace: string
  /** Seconds since epoch. */
  readonly now: number
  /** Messages of the conditions that the object has. Its author wrote none of them. */
  readonly told: readonly string[]
}

/** One rule, pure. */
export type Check<Spec> = (spec: Spec, about: About) => FieldError | undefined

/** An object that a spec names. It may come later: order must not matter, so its absence is worth a warning only. */
export interface Reference {
  readonly field: string
  readonly resource: Resource
  readonly namespace: string
  readonly name: string
  /** Of a Service: its number or name. */
  readonly port?: number | string
}

/** Names of one spec that are looked for, the first ones. */
export const mostReferences = 16

/** What of a reference is not there. */
export interface Missing {
  readonly reference: Reference
  readonly what: 'object' | 'port'
  /** For `port`: those that the Service has, as people write them. */
  readonly ports?: readonly string[]
}

/** Everything the webhook says about one kind. */
export interface KindChecks<Spec> {
  /** Each refuses. */
  readonly refusals: readonly Check<Spec>[]
  /** Each warns. */
  readonly warnings: readonly Check<Spec>[]
  readonly references: (spec: Spec, about: About) => readonly Reference[]
  /** The audience that the spec asks for, where services of other namespaces may ask for it too. */
  readonly audience?: (spec: Spec) => string | undefined
}

/** The first finding in a list, in its order. */
export function firstOf<T>(
  items: Iterable<T>,
  find: (item: T, index: number) => FieldError | undefined,
): FieldError | undefined {
  let index = 0
  for (const item of items) {
    const finding = find(item, index++)
    if (finding) return finding
  }
  return undefined
}

/** A time that nobody could read. The CRD says the same, unless the one in the cluster is of another version. */
export function unreadTime(field: string, time: string | undefined): FieldError | undefined {
  if (time === undefined || secondsOf(time) !== undefined) return undefined
  return { field, message: 'is not an RFC 3339 time; write it as in 2027-01-31T12:00:00Z' }
}

/** An end that has passed already: nothing wrong in Git years later, but rarely what is meant on the first day. */
export const expiresInThePast: Check<{ readonly expiresAt?: string | undefined }> = ({ expiresAt }, { now }) => {
  const seconds = secondsOf(expiresAt)
  if (seconds === undefined || seconds > now) return undefined
  return { field: 'spec.expiresAt', message: 'is in the past; this gives nothing until it is moved ahead' }
}

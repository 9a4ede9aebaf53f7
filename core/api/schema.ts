import { z } from 'zod'
import { methods } from '../base/methods.ts'
import { timeForm } from '../base/time.ts'
import { type CelRule, worded, wordedEach, wrongInPaths } from './worded.ts'

/** Schema keys that Kubernetes reads and JSON Schema does not know. */
export interface KubernetesMeta {
  readonly description?: string
  readonly format?: string
  readonly maxProperties?: number
  readonly 'x-kubernetes-validations'?: readonly CelRule[]
  readonly 'x-kubernetes-list-type'?: 'map' | 'set' | 'atomic'
  readonly 'x-kubernetes-list-map-keys'?: readonly string[]
  readonly 'x-kubernetes-int-or-string'?: boolean
  readonly 'x-kubernetes-preserve-unknown-fields'?: true
  readonly 'x-kubernetes-map-type'?: 'atomic' | 'granular'
}

/** Adds a description and Kubernetes' own schema keys to a schema. */
export function described<T extends z.ZodType>(schema: T, description: string, meta: KubernetesMeta = {}): T {
  return schema.meta({ ...meta, description }) as T
}

export const label = () =>
  worded(
    z
      .string()
      .min(1)
      .max(63)
      .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/),
    'a name has lower-case letters, digits and dashes, and begins and ends with a letter or digit',
  )
const nameOfObject =
  'a name has lower-case letters, digits, dashes and dots, and begins and ends with a letter or digit'
export const subdomain = (message = nameOfObject) =>
  worded(
    z
      .string()
      .min(1)
      .max(253)
      .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/),
    message,
  )
export const text = (max: number) => z.string().max(max)
/** A Go duration, for example `2160h` or `1h30m`; whole numbers and the units h, m, s only. CEL reckons with fewer than 2562047h. */
const durations = /^([01]?[0-9]{1,6}h([0-9]{1,7}m)?([0-9]{1,9}s)?|[0-9]{1,7}m([0-9]{1,9}s)?|[0-9]{1,9}s)$/
export const duration = () =>
  worded(
    z.string().max(24).regex(durations),
    'a duration has hours, minutes and seconds, in whole numbers and this order, and fewer than 2000000h: 720h (30 days), 1h30m or 90s',
  )
/** For rules that reckon with a duration: what is none has a sentence of its own already. */
export const isDuration = (field: string): string => `self.${field}.matches(r"${durations.source}")`
/** RFC 3339, for example `2027-01-31T12:00:00Z`. For what we write ourselves. */
export const timestamp = () => z.string().max(40).meta({ format: 'date-time' })
/** A time in a spec. The API server checks the form that we read, in the place of its format, which takes more than RFC 3339. */
export const timeIsRead: CelRule = {
  rule: `self.matches(r"${timeForm.source}")`,
  message: 'a time is written as RFC 3339 has it: 2027-01-31T12:00:00Z, or with an offset, 2027-01-31T13:00:00+01:00',
}
export const time = () =>
  z
    .string()
    .max(40)
    .meta({ 'x-kubernetes-validations': [timeIsRead] })

export const objectReference = (what: string) =>
  z.strictObject({ name: described(subdomain(), `Name of the ${what}, in the same namespace.`) })

export const namespacedReference = (what: string) =>
  z.strictObject({
    namespace: described(label(), `Namespace of the ${what}.`),
    name: described(subdomain(), `Name of the ${what}.`),
  })

/** Name of an attribute of a grant, the same in the Role that compares it. */
const attributeNames = /^[A-Za-z0-9]([A-Za-z0-9_./-]*[A-Za-z0-9])?$/
export const attributeName = () => z.string().min(1).max(63).regex(attributeNames)

/** The same as a rule for the keys of a map: Kubernetes' schemas say nothing about keys. */
export const attributeNameRule: CelRule = {
  rule: `self.all(key, key.size() <= 63 && key.matches('${attributeNames.source}'))`,
  message:
    'attribute names have 1 to 63 characters: letters, digits, and within them also underscores, dots, slashes and dashes',
}

/**
 * A path template: segments that are literal, `{name}`, `*` (exactly one segment) or, as the last one, `**` (any
 * rest, also none). Literals are written in the one normal form the guard decides on (see docs/paths.md).
 */
export const pathTemplate = () =>
  wordedEach(
    z
      .string()
      .min(1)
      .max(512)
      .regex(
        /^(\/([A-Za-z0-9._~!$&'()+,=:@-]|%[2-9A-F][0-9A-F])+|\/\{[A-Za-z][A-Za-z0-9_]{0,31}\}|\/\*)*(\/\*\*|\/)?$/,
      ),
    wrongInPaths,
  )

/** Methods are exact, upper-case tokens: RFC 9110 section 9. `HEAD` follows `GET`. */
export const method = () => z.enum(methods)

/** Of a condition, in characters. */
export const longestMessage = 2_048

const condition = z.strictObject({
  type: described(z.string().max(64), 'Kind of the condition.'),
  status: described(z.enum(['True', 'False', 'Unknown']), 'Whether it holds.'),
  reason: described(z.string().max(64), 'Machine-readable cause, from the closed list of this kind.'),
  message: described(z.string().max(longestMessage), 'What happened and, if something is wrong, what to do.'),
  observedGeneration: described(z.int().min(0), 'Generation of the object this condition speaks of.').optional(),
  lastTransitionTime: described(timestamp(), 'When the status last changed.'),
})

/**
 * What an object reads as until the operator has looked at it: whoever waits for Ready waits on. The time is fixed
 * because the API server fills this in whenever the object is read.
 */
export const unseenStatus = {
  conditions: [
    {
      type: 'Ready',
      status: 'Unknown',
      reason: 'Pending',
      message: 'The operator has not looked at this yet.',
      lastTransitionTime: '1970-01-01T00:00:00Z',
    },
  ],
}

/** The fields every status has. */
export const statusBase = {
  observedGeneration: described(z.int().min(0), 'Generation that this status speaks of.').optional(),
  conditions: described(z.array(condition).max(16), 'What holds, with reasons.', {
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['type'],
  }).optional(),
}

/** Of kinds that calls use. Written when it has moved on by minutes: an object that is used all day is no writer all day. */
export const lastUsedAt = described(
  timestamp(),
  'When a call used it last, as guards told; behind by some minutes. Absent: no use was seen since uses are counted.',
).optional()

import { z } from 'zod'
import { described, duration, isDuration, time } from './schema.ts'
import { worded } from './worded.ts'

/** In the order of ISO 8601. */
export const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const

// Rules in CEL, by name: who reads files without an API server checks the same.
export const windowLength = `!${isDuration('duration')} || duration(self.duration) > duration('0s') && duration(self.duration) <= duration('168h')`
export const everyLength = `!has(self.every) || !${isDuration('every')} || duration(self.every) >= duration('1h')`
export const overlapLength = `!has(self.every) || !has(self.overlap) || !${isDuration('every')} || !${isDuration('overlap')} || duration(self.overlap) < duration(self.every)`
export const notOfOwnKey = '!(has(self.publicKey) && has(self.rotation))'
export const everyWithinValidity = `!has(self.validity) || !has(self.rotation) || !has(self.rotation.every) || !${isDuration('validity')} || !${isDuration('rotation.every')} || duration(self.rotation.every) < duration(self.validity)`
export const overlapWithinValidity = `!has(self.validity) || !has(self.rotation) || !has(self.rotation.overlap) || !${isDuration('validity')} || !${isDuration('rotation.overlap')} || duration(self.rotation.overlap) < duration(self.validity)`

const window = described(
  z.strictObject({
    days: described(z.array(z.enum(weekdays)).min(1).max(7), 'Days on which it opens. Default: every day.', {
      'x-kubernetes-list-type': 'set',
    }).optional(),
    start: described(
      worded(
        z
          .string()
          .max(64)
          .regex(/^([01][0-9]|2[0-3]):[0-5][0-9]$/),
        'a time of day has hours and minutes, from 00:00 to 23:59: 02:30; days and duration have fields of their own',
      ),
      'When it opens, for example `02:30`. A time that a change to summer time leaves out is taken an hour later; one that comes twice, the first time.',
    ),
    duration: described(duration(), 'How long it stays open.'),
    timeZone: described(
      worded(
        z
          .string()
          .min(1)
          .max(64)
          .regex(/^(UTC|GMT|[A-Za-z][A-Za-z0-9_+/-]?|[A-Za-z][A-Za-z0-9_+/-]{3,})$/),
        'a time zone has a name of the IANA database, and no abbreviation, for those mean several: Europe/Berlin',
      ),
      'Time zone of start, from the IANA database. Default: `UTC`.',
    ).optional(),
  }),
  'A time in which keys may be changed over.',
  {
    'x-kubernetes-validations': [
      {
        rule: windowLength,
        message: 'a window is open for at least 1s, or it never opens, and for at most 168h (a week)',
        fieldPath: '.duration',
      },
    ],
  },
)

/** `spec.rotation` of an AccessKey. */
export const rotation = z
  .strictObject({
    every: described(
      duration(),
      "How long one key is used, give or take a twentieth. Default: 720h or two thirds of validity for a Workload's key; keys of other clients rotate on request only.",
    ).optional(),
    overlap: described(
      duration(),
      'How long the old key stays valid beside the new one, and never shorter than pods and their tokens need: 18m30s. Default: half of every, or of what validity leaves beside it where that is less, and 24h at most: 6h with every: 12h.',
    ).optional(),
    windows: described(
      z.array(window).min(1).max(16),
      'When keys may be changed over. A rotation that is due waits for the next of them; one that was requested does not.',
      { 'x-kubernetes-list-type': 'atomic' },
    ).optional(),
    requestedAt: described(
      time(),
      'Rotate now: a key minted before this moment is replaced. At most 24h ahead.',
    ).optional(),
  })
  .meta({
    'x-kubernetes-validations': [
      {
        rule: everyLength,
        message: 'every must be at least 1h',
        fieldPath: '.every',
      },
      {
        rule: overlapLength,
        message: 'overlap must be shorter than every: an old key ends before the next one retires',
        fieldPath: '.overlap',
      },
    ],
  })

export type RotationWindow = z.input<typeof window>

/** Rules of the spec that speak of rotation beside other fields. */
export const rotationRules = [
  {
    rule: notOfOwnKey,
    message: 'rotation has no meaning with publicKey: its owner exchanges it',
    fieldPath: '.rotation',
  },
  {
    rule: everyWithinValidity,
    message: 'rotation.every must be shorter than validity, or a key ends before the next one is due',
    fieldPath: '.rotation.every',
  },
  {
    rule: overlapWithinValidity,
    message: 'rotation.overlap must be shorter than validity',
    fieldPath: '.rotation.overlap',
  },
]

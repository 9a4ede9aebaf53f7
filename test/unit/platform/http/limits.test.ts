import { describe, expect, test } from 'vitest'
import { defaultLimits, limitsOf, sweepMsOf } from '../../../../platform/http/limits.ts'

describe('the limits of a listener', () => {
  test.each([{ headMs: 0 }, { requestMs: 0 }, { idleMs: Number.NaN }, { answerMs: Infinity }, { bodyBytes: -1 }])(
    'S01 none of them can be switched off: %o',
    limits => {
      expect(() => limitsOf(limits)).toThrow('is none')
    },
  )

  test('S02 no sum can be switched off', () => {
    expect(() => limitsOf({ strangers: { sum: 0, perPeer: 1 } })).toThrow('the limit strangers is none')
  })

  test('a head has no longer than its request', () => {
    expect(limitsOf({ requestMs: 5_000 }).headMs).toBe(5_000)
  })

  test('are looked at once a second', () => {
    expect(sweepMsOf(defaultLimits)).toBe(1_000)
  })
})

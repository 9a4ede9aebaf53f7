import fc from 'fast-check'
import { expect, it } from 'vitest'
import { durationSeconds, durationText, secondsOf, secondsOfTime, timeOf } from '../../../../core/base/time.ts'
import { looseTimes, readTimes, unreadTimes } from '../../../builders/times.ts'

it('reads durations and times, and nothing that only looks like one', () => {
  expect(durationSeconds('1h30m10s')).toBe(5_410)
  expect(['', '1d', '-1h', '1.5h', 'h', '1h '].map(durationSeconds)).toEqual(Array(6).fill(undefined))
  expect(secondsOf('2026-11-22T10:00:00.900Z')).toBe(Date.parse('2026-11-22T10:00:00Z') / 1000)
  expect([secondsOf(undefined), secondsOf('soon')]).toEqual([undefined, undefined])
})

it.each(['16h', '1h30m', '2m5s', '1s', '720h1s'])('writes %s as it is read', text => {
  expect(durationText(durationSeconds(text) ?? 0)).toBe(text)
})

it('writes no time at all as 0s', () => {
  expect(durationText(0)).toBe('0s')
})

it('keeps the fractions of a time only where they are asked for', () => {
  const whole = Date.parse('2026-11-22T10:00:00Z') / 1_000
  expect(secondsOfTime('2026-11-22T10:00:00.900Z')).toBeCloseTo(whole + 0.9, 6)
  expect(secondsOfTime('soon')).toBeNaN()
})

it.each(Object.entries(readTimes))('reads %s as RFC 3339 has it', (text, utc) => {
  expect(new Date(secondsOfTime(text) * 1_000).toISOString()).toBe(utc)
  expect(secondsOf(text)).toBe(Math.floor(Date.parse(utc) / 1_000))
})

it.each([
  ...looseTimes,
  ...unreadTimes,
  // In UTC these are of years that RFC 3339 does not have.
  '0000-01-01T00:00:00+01:00',
  '9999-12-31T23:59:59-00:01',
])('%o is no time', text => {
  expect(secondsOfTime(text)).toBeNaN()
  expect(secondsOf(text)).toBeUndefined()
})

it('writes times that are read back to the second', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -62_167_219_200, max: 253_402_300_799 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (at, more) => {
        expect(timeOf(at + more)).toMatch(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/)
        expect(secondsOf(timeOf(at + more))).toBe(at)
      },
    ),
  )
})

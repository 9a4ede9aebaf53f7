import { expect, test } from 'vitest'
import { readSettings } from '../../../bench/settings.ts'

test('without settings the defaults count', () => {
  expect(readSettings({})).toEqual({ secondsPerRun: 3, rounds: 3, soakMinutes: 10, programCore: 0, loadCore: 1 })
})

test('what is set counts, and empty is not set', () => {
  const settings = readSettings({ SECONDS_PER_RUN: '10', ROUNDS: '', SOAK_MINUTES: '0.5', LOAD_CORE: '3' })
  expect(settings).toEqual({ secondsPerRun: 10, rounds: 3, soakMinutes: 0.5, programCore: 0, loadCore: 3 })
})

test('all mistakes are told at once', () => {
  const env = { SECONDS_PER_RUN: '0', ROUNDS: 'two', SOAK_MINUTES: '-1', PROGRAM_CORE: '1' }
  expect(() => readSettings(env)).toThrow(
    /SECONDS_PER_RUN: expected a whole number from 1\n.*ROUNDS: .*\n.*SOAK_MINUTES: .*\n.*must differ/,
  )
})

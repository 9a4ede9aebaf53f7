import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { sleep, systemClock } from '../../../platform/clock.ts'
import { createManualClock } from './manual-clock.ts'

describe('clock', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  test('a time 90 days away is not due at once', () => {
    const days = 86_400_000
    const due = vi.fn()
    systemClock.after(90 * days, due)
    vi.advanceTimersByTime(89 * days)
    expect(due).not.toHaveBeenCalled()
    vi.advanceTimersByTime(days)
    expect(due).toHaveBeenCalledTimes(1)
  })

  test('what was cancelled never comes, however far away it was', () => {
    const due = vi.fn()
    const cancel = systemClock.after(60 * 86_400_000, due)
    vi.advanceTimersByTime(30 * 86_400_000)
    cancel()
    vi.advanceTimersByTime(90 * 86_400_000)
    expect(due).not.toHaveBeenCalled()
  })
})

test('a sleep ends with its signal and leaves no timer', async () => {
  const clock = createManualClock()
  const stop = new AbortController()
  const sleeping = sleep(clock, 10_000, stop.signal)
  stop.abort()
  await sleeping
  await sleep(clock, 10_000, stop.signal)
  expect(clock.pending()).toBe(0)
})

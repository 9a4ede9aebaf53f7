import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countCall, startCount, waitOf } from '../../../../core/policy/call-count.ts'

const limits = fc.record({ requests: fc.integer({ min: 1, max: 12 }), perSeconds: fc.constantFrom(1, 7, 60, 86_400) })
/** Pauses between calls, in parts of the limit's time: mostly short, some longer than all of it. */
const pauses = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.double({ min: 0, max: 0.1, noNaN: true }) },
    fc.double({ max: 3, min: 0, noNaN: true }),
  ),
  { minLength: 1, maxLength: 120 },
)
const starts = fc.integer({ min: 0, max: 10_000_000 })

/** Calls as they come, each let in where nothing has to be waited for. */
function play({ requests, perSeconds }: { requests: number; perSeconds: number }, startMs: number, parts: number[]) {
  const count = startCount(perSeconds, startMs)
  const passed: number[] = []
  const refused: { at: number; waitMs: number }[] = []
  let at = startMs
  for (const part of parts) {
    at += part * perSeconds * 1_000
    const waitMs = waitOf(count, requests, at)
    if (waitMs > 0) refused.push({ at, waitMs })
    else {
      countCall(count, at)
      passed.push(at)
    }
  }
  return { count, passed, refused }
}

describe('what counts for a limit', () => {
  it('lets no more than the limit pass within any span of its time, wherever that begins', () => {
    fc.assert(
      fc.property(limits, starts, pauses, (limit, start, parts) => {
        const { passed } = play(limit, start, parts)
        for (const begin of passed) {
          const within = passed.filter(at => at >= begin && at <= begin + limit.perSeconds * 1_000)
          expect(within.length).toBeLessThanOrEqual(limit.requests)
        }
      }),
    )
  })

  it('refuses only where as many came within its time and a twentieth of it', () => {
    fc.assert(
      fc.property(limits, starts, pauses, (limit, start, parts) => {
        const { passed, refused } = play(limit, start, parts)
        const longest = limit.perSeconds * 1_050
        for (const { at } of refused) {
          expect(passed.filter(call => call <= at && call >= at - longest).length).toBe(limit.requests)
        }
      }),
    )
  })

  it('says exactly how long the next one has to wait, and never longer than its time and a twentieth', () => {
    fc.assert(
      fc.property(limits, starts, pauses, (limit, start, parts) => {
        const { count } = play(limit, start, parts)
        const now = start + parts.reduce((sum, part) => sum + part, 0) * limit.perSeconds * 1_000
        const waitMs = waitOf(count, limit.requests, now)
        expect(waitMs).toBeLessThanOrEqual(limit.perSeconds * 1_050)
        if (waitMs === 0) return
        expect(waitOf(structuredClone(count), limit.requests, now + waitMs - 1)).toBeGreaterThan(0)
        // A thousandth of a millisecond for what times lose in their sums.
        expect(waitOf(structuredClone(count), limit.requests, now + waitMs + 0.001)).toBe(0)
      }),
    )
  })

  it('is of the same size for any limit and any number of calls', () => {
    const count = startCount(60, 0)
    for (let at = 0; at < 10_000; at++) countCall(count, at * 50)
    expect(count.counts).toHaveLength(21)
    expect(count.sum).toBe(count.counts.reduce((sum, calls) => sum + calls, 0))
  })

  it('forgets all when its time has passed, and counts on from a start with calls', () => {
    const count = startCount(60, 1_000, 5)
    expect(waitOf(count, 5, 1_000)).toBe(62_000)
    expect(waitOf(count, 6, 1_000)).toBe(0)
    expect(waitOf(count, 1, 10_000_000)).toBe(0)
    expect(count.sum).toBe(0)
  })

  it('counts on where a clock stands still', () => {
    const count = startCount(1, 500)
    countCall(count, 500)
    countCall(count, 500)
    expect([waitOf(count, 2, 500), waitOf(count, 3, 500)]).toEqual([1_050, 0])
  })
})

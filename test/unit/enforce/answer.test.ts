import { afterEach, describe, expect, it, vi } from 'vitest'
import { createAnswer } from '../../../enforce/policy/answer.ts'
import { createManualClock } from '../platform/manual-clock.ts'

afterEach(() => vi.restoreAllMocks())

function setUp() {
  const clock = createManualClock()
  let said = 0
  const answer = createAnswer(clock, () => said++)
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
  /** How often it was said when so much time has gone. */
  const after = async (ms: number): Promise<number> => {
    await clock.advance(ms)
    return said
  }
  return { answer, after }
}

describe('an answer', () => {
  it('is given at a time by chance, once for all that came until then', async () => {
    const { answer, after } = setUp()
    answer.within(200)
    expect(await after(50)).toBe(0)
    answer.within(200)
    expect([await after(49), await after(1), await after(1_000)]).toEqual([0, 1, 1])
    answer.within(200)
    expect(await after(100)).toBe(2)
  })

  it('comes sooner when what comes has to be told sooner, and not twice', async () => {
    const { answer, after } = setUp()
    answer.within(1_000)
    answer.within(200)
    expect([await after(100), await after(2_000)]).toEqual([1, 1])
  })

  it('that was cancelled is not given, and another one may be', async () => {
    const { answer, after } = setUp()
    answer.within(0)
    answer.cancel()
    expect(await after(1_000)).toBe(0)
    answer.within(0)
    expect(await after(0)).toBe(1)
  })
})

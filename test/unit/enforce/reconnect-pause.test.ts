import { describe, expect, it } from 'vitest'
import { createReconnectPause, guardBackoff } from '../../../enforce/policy/reconnect-pause.ts'

const failed = { progress: false }
const asked = (retryAfterMs: number) => ({ progress: false, retryAfterMs })

/** What is waited after each of these ends. */
function pauses(random: number, ends: readonly Parameters<ReturnType<typeof createReconnectPause>>[0][]): number[] {
  const pause = createReconnectPause({ minMs: 200, maxMs: 3_000 }, () => random)
  return ends.map(pause)
}

describe('a guard whose connection ended waits', () => {
  it('twice as long each time, up to a bound, and less by chance', () => {
    const ends = Array.from({ length: 7 }, () => failed)
    expect(pauses(0.999_999, ends).map(Math.round)).toEqual([200, 400, 800, 1_600, 3_000, 3_000, 3_000])
    expect(pauses(0, ends)).toEqual([100, 200, 400, 800, 1_500, 1_500, 1_500])
  })

  it('little when frames came before the end', () => {
    expect(pauses(0, [failed, failed, failed, { progress: true }, failed])).toEqual([100, 200, 400, 100, 200])
  })

  it('as long as the issuer says, never less, however long it was away', () => {
    expect(pauses(0, [failed, failed, failed, failed, asked(1_000), failed])).toEqual([100, 200, 400, 800, 1_000, 100])
    expect(pauses(1, [asked(1_000)])).toEqual([1_500])
  })

  it('no longer than it would by itself, whatever the issuer says', () => {
    expect(pauses(0, [asked(9_999_000)])).toEqual([3_000])
  })

  it('no longer than leaves replicas that come back seven of ten seconds', () => {
    const pause = createReconnectPause(guardBackoff, () => 1)
    expect(Math.max(...Array.from({ length: 20 }, () => pause(failed)))).toBeLessThanOrEqual(3_000)
  })
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createDelays } from '../../../../platform/kube/delays.ts'
import { createManualClock } from '../manual-clock.ts'

describe('delays', () => {
  test('tells each key once, at the earliest time set since it was last told or deleted', async () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd', 'e')
    const step = fc.oneof(
      fc.record({ key, in: fc.integer({ min: 0, max: 100 }) }),
      fc.record({ key, delete: fc.constant(true) }),
      fc.record({ advance: fc.integer({ min: 0, max: 50 }) }),
    )
    const property = fc.asyncProperty(fc.array(step, { maxLength: 120 }), async steps => {
      const clock = createManualClock()
      const told: string[] = []
      const delays = createDelays(clock, name => told.push(`${name}@${clock.now()}`))
      const model = new Map<string, number>()
      const expected: string[] = []
      const modelUntil = (until: number) => {
        for (const [name, at] of [...model].filter(([, at]) => at <= until)) {
          expected.push(`${name}@${at}`)
          model.delete(name)
        }
      }
      for (const one of steps) {
        if ('advance' in one) {
          modelUntil(clock.now() + one.advance)
          await clock.advance(one.advance)
        } else if ('delete' in one) {
          delays.delete(one.key)
          model.delete(one.key)
        } else {
          const at = clock.now() + one.in
          delays.set(one.key, at)
          model.set(one.key, Math.min(at, model.get(one.key) ?? at))
        }
        expect(clock.pending()).toBeLessThanOrEqual(1)
      }
      modelUntil(Number.POSITIVE_INFINITY)
      await clock.advance(1_000)
      expect(told.toSorted()).toEqual(expected.toSorted())
      expect(clock.pending()).toBe(0)
    })
    await fc.assert(property, { numRuns: 100 })
  })

  test('a key set anew ten thousand times leaves nothing behind', async () => {
    const clock = createManualClock()
    let told = 0
    const delays = createDelays(clock, () => told++)
    for (let i = 0; i < 10_000; i++) {
      delays.set('a', clock.now() + 100_000)
      delays.delete('a')
    }
    delays.set('a', clock.now() + 10)
    await clock.advance(200_000)
    expect(told).toBe(1)
  })
})

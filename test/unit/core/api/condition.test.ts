import { describe, expect, test } from 'vitest'
import { findCondition, setCondition } from '../../../../core/api/condition.ts'

const ready = {
  type: 'Ready',
  status: 'True',
  reason: 'Minted',
  message: 'It is there.',
  observedGeneration: 1,
} as const
const stalled = { type: 'Stalled', status: 'False', reason: 'Fine', message: '' } as const
const then = '2026-01-01T00:00:00Z'
const now = '2026-02-02T00:00:00Z'

describe('conditions', () => {
  test('a new condition is appended with the time it was set', () => {
    expect(setCondition(undefined, ready, then)).toEqual([{ ...ready, lastTransitionTime: then }])
    expect(setCondition([{ ...stalled, lastTransitionTime: then }], ready, now)).toEqual([
      { ...stalled, lastTransitionTime: then },
      { ...ready, lastTransitionTime: now },
    ])
  })

  test('the time moves when the status changes, and with nothing else', () => {
    const list = setCondition(setCondition([], ready, then), stalled, then)
    const renamed = setCondition(list, { ...ready, reason: 'Rotated', message: 'Anew.', observedGeneration: 2 }, now)
    expect(renamed[0]).toEqual({
      ...ready,
      reason: 'Rotated',
      message: 'Anew.',
      observedGeneration: 2,
      lastTransitionTime: then,
    })
    expect(setCondition(list, { ...ready, status: 'False' }, now)[0]?.lastTransitionTime).toBe(now)
    expect(setCondition(list, ready, now)).toEqual(list)
  })

  test('the list given is left as it was', () => {
    const list = Object.freeze(setCondition([], ready, then))
    setCondition(list, { ...ready, status: 'False' }, now)
    expect(findCondition(list, 'Ready')?.status).toBe('True')
    expect(findCondition(list, 'Stalled')).toBeUndefined()
  })
})

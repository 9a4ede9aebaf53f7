import { describe, expect, it } from 'vitest'
import { chooseStages } from '../../stages/stages.ts'

const names = (words: string[]) => {
  const chosen = chooseStages(words)
  return 'unknown' in chosen ? chosen.unknown : chosen.map(row => row.map(lane => lane.map(({ name }) => name)))
}

describe('the stages of the tests', () => {
  it('are all run when none is named, what waits beside what computes, the cluster last', () => {
    expect(names([])).toEqual([[['check', 'unit', 'guard'], ['integration']], [['demo', 'e2e']]])
    expect(names([''])).toEqual(names([]))
  })

  it.each([
    ['one', ['guard'], [[['guard']]]],
    ['several, in the order they run in', ['e2e,unit,check'], [[['check', 'unit']], [['e2e']]]],
    ['several words', ['unit', 'integration'], [[['unit'], ['integration']]]],
    ['spaces for commas', ['unit, guard'], [[['unit', 'guard']]]],
  ])('are chosen by name: %s', (_, words, expected) => {
    expect(names(words)).toEqual(expected)
  })

  it('that are none are named, with those that there are', () => {
    expect(names(['unit,units,lint'])).toBe(
      'No such stage: units, lint. Stages: check, unit, guard, integration, demo, e2e.',
    )
  })
})

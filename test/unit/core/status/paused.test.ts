import { expect, test } from 'vitest'
import { isPaused, pausedFindings } from '../../../../core/status/paused.ts'
import type { ConditionFinding } from '../../../../core/status/report.ts'

test.each([
  ['true', true],
  ['', true],
  ['yes', true],
  ['False', true],
  ['false', false],
  [undefined, false],
])('the annotation %j pauses: %s', (value, paused) => {
  const annotations = { other: 'x', ...(value !== undefined && { 'latchkey.dev/paused': value }) }
  expect(isPaused({ metadata: { name: 'x', annotations } })).toBe(paused)
  expect(isPaused({ metadata: { name: 'x' } })).toBe(false)
})

const ready = (status: ConditionFinding['status'], reason: string): ConditionFinding => ({
  type: 'Ready',
  status,
  reason,
  message: 'As it is.',
})
const accepted: ConditionFinding = { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'Understood.' }

test('without a pause the findings are as they are', () => {
  expect(pausedFindings([accepted, ready('True', 'Ready')], undefined)).toEqual([accepted, ready('True', 'Ready')])
})

test.each<[string, ConditionFinding, boolean, string]>([
  ['well, and nothing is held back', ready('True', 'Ready'), false, 'True Paused'],
  ['well, but something is held back', ready('True', 'Ready'), true, 'False Paused'],
  ['over, and nothing is held back', ready('True', 'Expired'), false, 'True Expired'],
  ['over, but something is held back', ready('True', 'Expired'), true, 'False Paused'],
  ['under way', ready('False', 'Pending'), true, 'False Paused'],
  ['wrong', ready('False', 'ClientNotFound'), false, 'False ClientNotFound'],
  ['wrong, and something is held back', ready('False', 'SecretConflict'), true, 'False SecretConflict'],
  ['not known yet', ready('Unknown', 'OpenApiUnread'), false, 'Unknown OpenApiUnread'],
])('of a paused object that is %s, Ready is %s', (_, finding, withheld, expected) => {
  const [first, second, third] = pausedFindings([accepted, finding], { left: 'It is left.', withheld })
  expect(first).toEqual(accepted)
  expect(`${second?.status} ${second?.reason}`).toBe(expected)
  expect(third).toEqual({
    type: 'Paused',
    status: 'True',
    reason: 'Paused',
    message: 'It is left. Remove the annotation latchkey.dev/paused to go on.',
  })
})

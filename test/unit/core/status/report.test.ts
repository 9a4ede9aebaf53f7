import { describe, expect, it } from 'vitest'
import { kinds } from '../../../../core/api/kinds.ts'
import { longestMessage, unseenStatus } from '../../../../core/api/schema.ts'
import { type ConditionFinding, reportConditions, transitionEvents } from '../../../../core/status/report.ts'

const now = '2027-01-15T08:00:00Z'
const say = (type: string, status: ConditionFinding['status'], reason: string): ConditionFinding => ({
  type,
  status,
  reason,
  message: `${reason}.`,
})
const ready = say('Ready', 'True', 'Ready')
const conditions = (...findings: ConditionFinding[]) => reportConditions(undefined, 1, now, findings)
const unseen = unseenStatus.conditions as ReturnType<typeof conditions>

const events = (
  before: ConditionFinding[] | undefined,
  after: ConditionFinding[],
  enforcement: 'latched' | 'live' = 'live',
) =>
  transitionEvents(before && conditions(...before), conditions(...after), enforcement).map(
    ({ type, reason }) => `${type} ${reason}`,
  )

describe('a message', () => {
  it.each([
    ['as long as may be', 'a'.repeat(2_048), 'a'.repeat(2_048)],
    ['longer', 'a'.repeat(2_049), `${'a'.repeat(2_047)}…`],
    ['of characters of two units', '😀'.repeat(2_048), '😀'.repeat(2_048)],
    ['of more of them', '😀'.repeat(5_000), `${'😀'.repeat(2_047)}…`],
  ])('that is %s is one that the API server takes', (_, message, expected) => {
    const [condition] = conditions({ ...ready, message })
    expect(condition?.message).toBe(expected)
    expect([...expected].length).toBeLessThanOrEqual(longestMessage)
  })
})

describe('events', () => {
  it.each<[string, ConditionFinding[] | undefined, ConditionFinding[], string[]]>([
    ['a first success: none', undefined, [ready], []],
    ['a success after a fault', [say('Ready', 'False', 'RoleNotFound')], [ready], ['Normal Ready']],
    ['an end that was found first', undefined, [say('Ready', 'True', 'Expired')], ['Warning Expired']],
    ['the same again', [ready], [ready], []],
    ['work under way', [ready], [say('Ready', 'False', 'Pending')], []],
    ['a fault, by its cause', [ready], [say('Ready', 'False', 'RoleNotFound')], ['Warning RoleNotFound']],
    ['an end', [ready], [say('Ready', 'True', 'Expired')], ['Warning Expired']],
    ['a revocation', [ready], [say('Ready', 'True', 'Revoked')], ['Normal Revoked']],
    [
      'a rule that opens nothing',
      [ready],
      [say('Ready', 'True', 'RuleMatchesNothing')],
      ['Warning RuleMatchesNothing'],
    ],
    [
      'calls that go around the guard',
      [ready, say('Enforced', 'True', 'Enforced')],
      [ready, say('Enforced', 'False', 'ServiceBypassesGuard')],
      ['Warning ServiceBypassesGuard'],
    ],
    [
      'calls that went around the guard from the start',
      undefined,
      [ready, say('Enforced', 'False', 'DirectAccess')],
      ['Warning DirectAccess'],
    ],
    [
      'calls that meet the guard again',
      [ready, say('Enforced', 'False', 'DirectAccess')],
      [ready, say('Enforced', 'True', 'Enforced')],
      ['Normal Enforced'],
    ],
    [
      'a guard that is behind',
      [ready, say('Enforced', 'True', 'Enforced')],
      [ready, say('Enforced', 'False', 'Waiting')],
      ['Warning Waiting'],
    ],
    [
      'another guard that is behind',
      [ready, say('Enforced', 'False', 'Waiting')],
      [ready, say('Enforced', 'False', 'Waiting')],
      [],
    ],
    [
      'a service that is not accepted: one for its cause',
      [ready, say('Enforced', 'True', 'Enforced')],
      [say('Ready', 'False', 'TargetNotFound'), say('Enforced', 'False', 'Waiting')],
      ['Warning TargetNotFound'],
    ],
  ])('of %s', (_what, before, after, told) => {
    expect(events(before, after)).toEqual(told)
  })

  it('are not made of what waits for the first time, on keys, roles and grants', () => {
    const waiting = say('Enforced', 'False', 'Waiting')
    expect(events(undefined, [ready, waiting], 'latched')).toEqual([])
    expect(events([ready, say('Enforced', 'True', 'Enforced')], [ready, waiting], 'latched')).toEqual([])
  })

  it('tell what was found first of an object that nobody had looked at', () => {
    const next = conditions(say('Ready', 'False', 'ClientNotFound'))
    expect(transitionEvents(unseen, next, 'latched').map(({ reason }) => reason)).toEqual(['ClientNotFound'])
  })
})

describe('an object that nobody has looked at', () => {
  it('reads as Ready=Unknown without a generation, so that whoever waits for it waits on (S12)', () => {
    expect(unseen).toMatchObject([{ type: 'Ready', status: 'Unknown', reason: 'Pending' }])
    expect(unseenStatus).not.toHaveProperty('observedGeneration')
  })

  it('gets the time of the first look, not the fixed one', () => {
    expect(reportConditions(unseen, 1, now, [ready])[0]?.lastTransitionTime).toBe(now)
  })
})

describe('the time of a condition', () => {
  const later = '2027-02-02T00:00:00Z'
  const before = conditions(ready, say('Stalled', 'False', 'Fine'))

  it('moves when the status changes, and with nothing else', () => {
    const [renamed, lost] = reportConditions(before, 2, later, [
      say('Ready', 'True', 'Rotated'),
      say('Stalled', 'True', 'SecretConflict'),
    ])
    expect(renamed).toEqual({ ...say('Ready', 'True', 'Rotated'), observedGeneration: 2, lastTransitionTime: now })
    expect(lost?.lastTransitionTime).toBe(later)
  })

  it('is that of its first sight where it is new, and what is not found any more is left out', () => {
    const found = reportConditions(before, 1, later, [ready, say('Enforced', 'True', 'Enforced')])
    expect(found.map(({ type, lastTransitionTime }) => [type, lastTransitionTime])).toEqual([
      ['Ready', now],
      ['Enforced', later],
    ])
  })

  it('stays with the same findings, so that an unchanged status is not written', () => {
    const kept = Object.freeze(before)
    expect(reportConditions(kept, 1, later, [ready, say('Stalled', 'False', 'Fine')])).toEqual(kept)
  })
})

it('no Ready sends its reader to another condition: each kind lists the causes themselves', () => {
  for (const { kind, conditions: listed } of kinds) {
    expect(Object.keys(listed.Ready ?? {}), kind).not.toContain('NotAccepted')
    expect(Object.keys(listed.Ready ?? {}), kind).toContain('Invalid')
  }
})

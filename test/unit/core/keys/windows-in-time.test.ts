import { describe, expect, test } from 'vitest'
import type { AccessKey } from '../../../../core/api/access-key.ts'
import type { RotationWindow } from '../../../../core/api/rotation.ts'
import { durationSeconds, secondsOfTime } from '../../../../core/base/time.ts'
import { findRotationFault } from '../../../../core/keys/rotation-fault.ts'
import { renewalOf, rotationTerms } from '../../../../core/keys/rotation-schedule.ts'
import { nextOpen } from '../../../../core/keys/windows.ts'
import { reconcileAccessKey } from '../../../../operator/access-key/access-key.ts'
import { accessKeyOf, clientOf, createStore, publishAheadSeconds } from './access-key-store.ts'
import { conditionOf } from './rotation-rig.ts'

const sundays = (timeZone: string): RotationWindow[] => [{ days: ['Sun'], start: '02:00', duration: '1h', timeZone }]
const specOf = (every: string, overlap: string, validity: string, windows = sundays('Europe/Berlin')) => ({
  validity,
  rotation: { every, overlap, windows },
})
const faultAt = (spec: Partial<AccessKey['spec']>, now: number) => {
  const full = { clientRef: { name: 'web' }, ...spec }
  return findRotationFault({ spec: full, terms: rotationTerms(full, 'Workload', false), publishAheadSeconds, now })
}
/** The shortest validity, in hours, that is accepted. */
function shortest(every: string, overlap: string, windows?: RotationWindow[]): number {
  const told = faultAt(specOf(every, overlap, `${Math.ceil((durationSeconds(every) ?? 0) / 3_600) + 25}h`, windows), 0)
  return Number(/validity to (\d+)h/.exec(told?.message ?? '')?.[1])
}
const cases: [string, string, string][] = [
  ['24h', '23h', 'Europe/Berlin'],
  ['168h', '24h', 'Europe/Berlin'],
  ['720h', '24h', 'UTC'],
  ['720h', '1h', 'America/New_York'],
]

describe.each(cases)('every %s, overlap %s, once a week in %s', (every, overlap, timeZone) => {
  const hours = shortest(every, overlap, sundays(timeZone))

  test('the message says which validity is enough, and one below is not', () => {
    expect(faultAt(specOf(every, overlap, `${hours}h`, sundays(timeZone)), 0)).toBeUndefined()
    expect(faultAt(specOf(every, overlap, `${hours - 1}h`, sundays(timeZone)), 0)?.message).toContain(
      'spec.rotation.windows',
    )
  })

  test('what is accepted at one moment is at any other, and what is refused too', () => {
    for (
      let now = secondsOfTime('2026-01-01T00:00:00Z');
      now < secondsOfTime('2029-01-01T00:00:00Z');
      now += 7 * 86_400
    ) {
      expect(faultAt(specOf(every, overlap, `${hours}h`, sundays(timeZone)), now)).toBeUndefined()
      expect(faultAt(specOf(every, overlap, `${hours - 1}h`, sundays(timeZone)), now)).toBeDefined()
    }
  })

  test('every key, whatever its share of the spread, is changed within a window', () => {
    const spec = { clientRef: { name: 'web' }, ...specOf(every, overlap, `${hours}h`, sundays(timeZone)) }
    const terms = rotationTerms(spec, 'Workload', false)
    for (let share = 0; share < 100; share++) {
      const number = secondsOfTime('2026-09-01T00:00:00Z') + share * 7 * 3_600
      const key = { number, notAfter: number + hours * 3_600 }
      const accessKey = { metadata: { name: 'web', uid: `uid-${share}` }, spec }
      const at = renewalOf(accessKey, terms, key, { publishAheadSeconds, now: number + 60 })?.at ?? Number.NaN
      expect(nextOpen(spec.rotation.windows, at)?.opens).toBeLessThanOrEqual(at)
    }
  })
})

test('through the change of clocks the key rotates in its windows, and some key is valid all the time', async () => {
  const spec = specOf('168h', '1h', `${shortest('168h', '1h')}h`)
  const store = createStore(accessKeyOf(spec))
  store.client = clientOf({ type: 'Workload' })
  store.now = secondsOfTime('2026-10-12T08:00:00Z')
  const kids = new Set<string>()
  while (store.now < secondsOfTime('2026-11-10T00:00:00Z')) {
    const { length } = store.writes
    const requeue = await reconcileAccessKey('shop/web', store.io())
    const isWritten = store.writes.length > length
    const { keyId, keys = [] } = store.accessKey.status ?? {}
    if (keyId !== undefined) {
      if (kids.size > 0 && !kids.has(keyId)) {
        expect(nextOpen(spec.rotation.windows, store.now)?.opens).toBeLessThanOrEqual(store.now)
      }
      kids.add(keyId)
      expect(conditionOf(store, 'Accepted')?.status).toBe('True')
      expect(keys.find(({ kid }) => kid === keyId)?.state).toBe('Active')
    }
    // Half an hour where there is nothing to do: half of a window.
    const after = Math.ceil((requeue?.requeueAfterMs ?? Number.POSITIVE_INFINITY) / 1_000)
    store.now += isWritten ? 0 : Math.max(1, after < 540 ? after : 1_800)
  }
  expect(kids.size).toBeGreaterThan(1)
})

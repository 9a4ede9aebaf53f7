import { expect, test } from 'vitest'
import { rotationRequestedAt, rotationRequestOf } from '../../../core/keys/rotation-request.ts'
import type { PlannedEvent } from '../../../core/status/report.ts'
import { createRequestReader } from '../../../operator/certificates/rotation-requests.ts'
import type { SecretOf } from '../../../operator/owned-objects.ts'
import { looseTimes, readTimes, unreadTimes } from '../../builders/times.ts'
import { createQuietLog } from '../platform/quiet-log.ts'

const now = Date.parse('2027-12-01T00:00:00Z') / 1_000
const asking = (text: string, name = 'latchkey-issuer-keys'): SecretOf => ({
  metadata: { name, namespace: 'latchkey-system', annotations: { [rotationRequestedAt]: text } },
})

/** A reader, what it told, and a clock that the test moves. */
function reader() {
  const events: [string, PlannedEvent][] = []
  const clock = { at: now }
  const { log, lines } = createQuietLog()
  const read = createRequestReader({
    log,
    clock: { wallMs: () => clock.at * 1_000 },
    record: ({ metadata }, event) => void events.push([metadata.name, event]),
  })
  return { read, events, lines, clock }
}

test.each([...looseTimes, ...unreadTimes])('a request that says %o asks for nothing, and is told of once', text => {
  const { read, events, lines } = reader()
  for (let pass = 0; pass < 3; pass++) expect(read(asking(text))).toBeUndefined()
  const note = expect.stringMatching(/rotation-requested-at is no RFC 3339 time.*2027-01-31T12:00:00Z/)
  expect(events).toEqual([
    ['latchkey-issuer-keys', { type: 'Warning', reason: 'RotationRequestRefused', action: 'Reconcile', note }],
  ])
  expect(lines).toEqual([expect.objectContaining({ object: 'latchkey-issuer-keys', msg: note })])
})

test('one of more than a day ahead is told of, and counts once a day is left', () => {
  const { read, events, clock } = reader()
  const wanted = asking('2027-12-02T00:00:01Z')
  expect(read(wanted)).toBeUndefined()
  expect(events).toEqual([
    ['latchkey-issuer-keys', expect.objectContaining({ note: expect.stringContaining('24h ahead') })],
  ])
  clock.at += 1
  expect(read(wanted)).toBe(now + 86_401)
  expect(events).toHaveLength(1)
})

test('each Secret and each mistake is told of, and one that is made again too', () => {
  const { read, events } = reader()
  read(asking('now'))
  read(asking('now', 'latchkey-ca'))
  read(asking('9999-01-01T00:00:00Z'))
  read(asking('2027-11-01T00:00:00Z'))
  read(asking('now'))
  expect(events.map(([name]) => name)).toEqual([
    'latchkey-issuer-keys',
    'latchkey-ca',
    'latchkey-issuer-keys',
    'latchkey-issuer-keys',
  ])
})

test('nothing is asked for where there is no Secret, and none without the annotation', () => {
  const { read, events } = reader()
  expect([read(undefined), read({ metadata: { name: 'a' } })]).toEqual([undefined, undefined])
  expect(events).toEqual([])
})

test.each(Object.entries(readTimes).filter(([, utc]) => utc < '2027-12-02'))('%s is read', (text, utc) => {
  expect(rotationRequestOf({ [rotationRequestedAt]: text }, now)).toEqual({ at: Math.floor(Date.parse(utc) / 1_000) })
})

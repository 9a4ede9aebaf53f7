import { expect, test, vi } from 'vitest'
import type { RotationWindow } from '../../../../core/api/rotation.ts'
import { secondsOfTime, timeOf } from '../../../../core/base/time.ts'
import { isTimeZone } from '../../../../core/keys/time-zones.ts'
import { longestClosed, nextOpen } from '../../../../core/keys/windows.ts'

const berlin = { timeZone: 'Europe/Berlin' }

/** From when on, which windows, and when the next one opens and closes. */
const openings: Record<string, { from: string; windows: RotationWindow[]; opens: string; closes: string }> = {
  'every day, in UTC unless it says otherwise': {
    from: '2026-12-01T05:00:00Z',
    windows: [{ start: '02:30', duration: '1h' }],
    opens: '2026-12-02T02:30:00Z',
    closes: '2026-12-02T03:30:00Z',
  },
  'one that is open': {
    from: '2026-12-01T03:00:00Z',
    windows: [{ start: '02:30', duration: '1h' }],
    opens: '2026-12-01T02:30:00Z',
    closes: '2026-12-01T03:30:00Z',
  },
  'the end does not belong to it': {
    from: '2026-12-01T03:30:00Z',
    windows: [{ start: '02:30', duration: '1h' }],
    opens: '2026-12-02T02:30:00Z',
    closes: '2026-12-02T03:30:00Z',
  },
  'one that began the day before': {
    from: '2026-12-01T00:30:00Z',
    windows: [{ start: '23:00', duration: '2h' }],
    opens: '2026-11-30T23:00:00Z',
    closes: '2026-12-01T01:00:00Z',
  },
  'a day of the week': {
    from: '2026-12-01T00:00:00Z',
    windows: [{ days: ['Sun'], start: '01:00', duration: '90m' }],
    opens: '2026-12-06T01:00:00Z',
    closes: '2026-12-06T02:30:00Z',
  },
  'a day of the week of its zone, which is another one in UTC': {
    from: '2026-12-01T00:00:00Z',
    windows: [{ days: ['Sun'], start: '08:00', duration: '1h', timeZone: 'Pacific/Auckland' }],
    opens: '2026-12-05T19:00:00Z',
    closes: '2026-12-05T20:00:00Z',
  },
  'a zone behind UTC': {
    from: '2026-12-01T00:00:00Z',
    windows: [{ days: ['Mon'], start: '22:00', duration: '1h', timeZone: 'America/Los_Angeles' }],
    opens: '2026-12-01T06:00:00Z',
    closes: '2026-12-01T07:00:00Z',
  },
  'a zone half an hour off': {
    from: '2026-12-01T00:00:00Z',
    windows: [{ start: '09:00', duration: '1h', timeZone: 'Asia/Kolkata' }],
    opens: '2026-12-01T03:30:00Z',
    closes: '2026-12-01T04:30:00Z',
  },
  'in winter': {
    from: '2026-12-01T00:00:00Z',
    windows: [{ start: '12:00', duration: '1h', ...berlin }],
    opens: '2026-12-01T11:00:00Z',
    closes: '2026-12-01T12:00:00Z',
  },
  'in summer': {
    from: '2026-07-01T00:00:00Z',
    windows: [{ start: '12:00', duration: '1h', ...berlin }],
    opens: '2026-07-01T10:00:00Z',
    closes: '2026-07-01T11:00:00Z',
  },
  'a time that the change to summer time leaves out comes an hour later': {
    from: '2027-03-28T00:00:00Z',
    windows: [{ days: ['Sun'], start: '02:30', duration: '1h', ...berlin }],
    opens: '2027-03-28T01:30:00Z',
    closes: '2027-03-28T02:30:00Z',
  },
  'a time that comes twice is taken the first time, and lasts as long as it says': {
    from: '2026-10-24T20:00:00Z',
    windows: [{ days: ['Sun'], start: '02:30', duration: '2h', ...berlin }],
    opens: '2026-10-25T00:30:00Z',
    closes: '2026-10-25T02:30:00Z',
  },
  'the one that opens first': {
    from: '2026-12-01T00:00:00Z',
    windows: [
      { days: ['Sat'], start: '01:00', duration: '1h' },
      { days: ['Thu'], start: '01:00', duration: '1h' },
    ],
    opens: '2026-12-03T01:00:00Z',
    closes: '2026-12-03T02:00:00Z',
  },
  'two that overlap are one': {
    from: '2026-12-01T00:00:00Z',
    windows: [
      { days: ['Thu'], start: '01:00', duration: '2h' },
      { days: ['Thu'], start: '02:00', duration: '2h' },
    ],
    opens: '2026-12-03T01:00:00Z',
    closes: '2026-12-03T04:00:00Z',
  },
  'a whole week': {
    from: '2026-12-05T12:00:00Z',
    windows: [{ days: ['Tue'], start: '00:00', duration: '167h' }],
    opens: '2026-12-01T00:00:00Z',
    closes: '2026-12-07T23:00:00Z',
  },
}

for (const [name, { from, windows, opens, closes }] of Object.entries(openings)) {
  test(`the next window: ${name}`, () => {
    const found = nextOpen(windows, secondsOfTime(from))
    expect(found && { opens: timeOf(found.opens), closes: timeOf(found.closes) }).toEqual({ opens, closes })
  })
}

test('from a window on, the one found is open then, whenever one looks', () => {
  const windows: RotationWindow[] = [{ days: ['Mon', 'Fri'], start: '02:30', duration: '45m', ...berlin }]
  for (let from = secondsOfTime('2027-03-20T00:00:00Z'); from < secondsOfTime('2027-04-05T00:00:00Z'); from += 7_200) {
    const found = nextOpen(windows, from)
    expect(found && found.closes > from && found.closes - found.opens).toBe(2_700)
    expect(found && nextOpen(windows, found.opens)).toEqual(found)
  }
})

const hour = 3_600
const weekly: RotationWindow = { days: ['Sun'], start: '02:00', duration: '1h' }
test.each<[string, RotationWindow[], number]>([
  ['every night', [{ start: '02:00', duration: '2h' }], 22 * hour],
  ['once a week', [{ ...weekly, duration: '2h' }], 166 * hour],
  ['always', [{ start: '00:00', duration: '24h' }], 0],
  ['once a week, where clocks go back an hour', [{ ...weekly, ...berlin }], 168 * hour],
  ['once a week, where clocks go back half an hour', [{ ...weekly, timeZone: 'Australia/Lord_Howe' }], 167.5 * hour],
  ['once a week, where clocks stay', [{ ...weekly, timeZone: 'Asia/Kolkata' }], 167 * hour],
  ['every day whole, where clocks go back an hour', [{ start: '00:00', duration: '24h', ...berlin }], hour],
  [
    'in two zones whose clocks change on other days',
    [
      { start: '02:00', duration: '1h', ...berlin },
      { start: '09:00', duration: '1h', timeZone: 'America/New_York' },
    ],
    12 * hour,
  ],
])('how long no window is open at most: %s', (_, windows, longest) => {
  expect(longestClosed(windows)).toBe(longest)
})

test.each([
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/Santiago',
  'Africa/Cairo',
  'Antarctica/Troll',
  'Africa/Casablanca',
])('in no week of five years windows are closed for longer than is reckoned with: %s', timeZone => {
  const windows: RotationWindow[] = [{ days: ['Sun', 'Thu'], start: '02:30', duration: '45m', timeZone }]
  const longest = longestClosed(windows)
  for (let at = secondsOfTime('2026-01-01T00:00:00Z'); at < secondsOfTime('2031-01-01T00:00:00Z'); ) {
    const next = nextOpen(windows, at)
    if (!next) throw new Error('none')
    expect(next.opens - at, timeOf(at)).toBeLessThanOrEqual(longest)
    at = next.closes
  }
})

test('a time that cannot be read is followed by no window', () => {
  expect(nextOpen([{ start: '02:30', duration: '1h' }], Number.NaN)).toBeUndefined()
})

test('a zone is looked into once, however many windows and passes ask for it', () => {
  const made = vi.spyOn(Intl, 'DateTimeFormat')
  const windows: RotationWindow[] = ['01:00', '02:00', '03:00'].map(start => ({
    start,
    duration: '168h',
    timeZone: 'Pacific/Chatham',
  }))
  const from = secondsOfTime('2031-03-01T00:00:00Z')
  const first = nextOpen(windows, from)
  expect(made).toHaveBeenCalledTimes(1)
  for (let pass = 0; pass < 10; pass++) expect(nextOpen(windows, from)).toEqual(first)
  // Test files share what is remembered: no other writes it so.
  const name = 'pacific/CHATHAM'
  expect([isTimeZone(name), isTimeZone(name)]).toEqual([true, true])
  expect(made).toHaveBeenCalledTimes(2)
  made.mockRestore()
})

test.each(['Europe/Berlin', 'Australia/Lord_Howe', 'Africa/Casablanca', 'Pacific/Apia'])(
  'windows of %s open when its clocks show their start, whichever year is asked for',
  timeZone => {
    const shown = new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
    for (
      let at = secondsOfTime('2026-12-20T00:00:00Z');
      at < secondsOfTime('2030-01-10T00:00:00Z');
      at += 3.3 * 86_400
    ) {
      const { opens = 0 } = nextOpen([{ start: '12:30', duration: '1m', timeZone }], Math.floor(at)) ?? {}
      expect(shown.format(opens * 1_000)).toBe('12:30')
      expect(opens - at).toBeLessThan(25 * 3_600)
    }
  },
)

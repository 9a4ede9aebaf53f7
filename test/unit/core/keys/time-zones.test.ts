import { expect, test } from 'vitest'
import { isTimeZone, localTime, localTimeIn, timeZoneFault } from '../../../../core/keys/time-zones.ts'

test.each([
  ...Intl.supportedValuesOf('timeZone'),
  ...['UTC', 'GMT', 'Etc/UTC', 'Etc/GMT+5', 'Etc/GMT-14', 'America/Argentina/Buenos_Aires', 'europe/berlin'],
  // Links: other names of the same zones.
  ...['Asia/Kolkata', 'Asia/Calcutta', 'Europe/Kyiv', 'Europe/Kiev', 'US/Eastern', 'Brazil/East', 'Canada/Pacific'],
  ...['Chile/Continental', 'Mexico/General', 'Japan', 'Singapore', 'GB', 'NZ', 'W-SU', 'Zulu', 'EST5EDT', 'PST8PDT'],
])('%s is a time zone', name => {
  expect(isTimeZone(name)).toBe(true)
  expect(timeZoneFault(name)).toBeUndefined()
})

test.each(
  'BST IST CST AST SST ECT MIT HST ACT JST NST PNT CNT PRT VST CTT EAT CAT ART NET PLT AGT BET AET PST EST MST CET EET WET MET PRC ROK UCT KST CDT PDT CEST AEST utc'.split(
    ' ',
  ),
)('%s is an abbreviation, and told as such', name => {
  expect(isTimeZone(name)).toBe(false)
  expect(timeZoneFault(name)).toContain('is an abbreviation')
  expect(timeZoneFault(name)).toContain('for example Europe/Berlin')
})

test.each([
  ...['Europe/Atlantis', 'summer', '', 'Local', 'localtime', 'Factory', 'UTC+2', 'GMT+2', '+02:00', 'SystemV/EST5EDT'],
  ...['posix/Europe/Berlin', 'Etc/Unknown', 'Europe/Berlin ', 'W. Europe Standard Time'],
])('%o is no time zone', name => {
  expect(isTimeZone(name)).toBe(false)
  expect(timeZoneFault(name)).toMatch(/^is .*for example Europe\/Berlin/)
})

test.each(['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Antarctica/Troll', 'Africa/Casablanca'])(
  'a clock of %s shows the same, whether its changes are looked for once or not',
  timeZone => {
    const span = { from: Date.UTC(2026, 0, 1) / 1_000, to: Date.UTC(2028, 0, 1) / 1_000 }
    const [slow, quick] = [localTime(timeZone), localTimeIn(timeZone, span)]
    for (let at = span.from; at < span.to; at += 5 * 3_600 + 7) expect(quick(at)).toBe(slow(at))
  },
)

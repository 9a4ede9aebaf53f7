import { type RotationWindow, weekdays } from '../api/rotation.ts'
import { durationSeconds } from '../base/time.ts'

const daySeconds = 86_400
/** No window is open for longer than a week, and each opens once a week at least. */
const weekSeconds = 7 * daySeconds

/** Seconds since epoch. */
export interface OpenTime {
  readonly opens: number
  readonly closes: number
}

/** Whether the runtime knows the time zone. */
export function isTimeZone(name: string): boolean {
  try {
    return localTime(name) !== undefined
  } catch {
    return false
  }
}

/** The first time, from `from` on, at which a window is open or opens; windows that overlap count as one. */
export function nextOpen(windows: readonly RotationWindow[], from: number): OpenTime | undefined {
  return openTimes(windows, from, from + weekSeconds + daySeconds).find(({ closes }) => closes > from)
}

/** The longest time in the two weeks from `from` on in which no window is open, in seconds. */
export function longestClosed(windows: readonly RotationWindow[], from: number): number {
  let longest = 0
  let since = from
  for (const { opens, closes } of openTimes(windows, from, from + 2 * weekSeconds)) {
    longest = Math.max(longest, opens - since)
    since = Math.max(since, closes)
  }
  return longest
}

/** Every time at which a window is open between two moments, in order, none touching another. */
function openTimes(windows: readonly RotationWindow[], from: number, to: number): OpenTime[] {
  const times = windows.flatMap(window => timesOf(window, from, to)).sort((a, b) => a.opens - b.opens)
  const joined: OpenTime[] = []
  for (const time of times) {
    const last = joined.at(-1)
    if (!last || time.opens > last.closes) joined.push(time)
    else joined[joined.length - 1] = { ...last, closes: Math.max(last.closes, time.closes) }
  }
  return joined
}

function timesOf(window: RotationWindow, from: number, to: number): OpenTime[] {
  const { days = weekdays, start, timeZone = 'UTC' } = window
  const open = durationSeconds(window.duration) ?? 0
  const [hours = 0, minutes = 0] = start.split(':').map(Number)
  const local = localTime(timeZone)
  const times: OpenTime[] = []
  // Days of the zone's own calendar: begun early enough for the longest window, and for zones ahead and behind.
  for (let day = Math.floor((from - open) / daySeconds) - 1; day <= to / daySeconds + 1; day++) {
    if (!days.includes(weekdayOf(day))) continue
    const opens = moment(local, day * daySeconds + hours * 3_600 + minutes * 60)
    if (open > 0 && opens + open > from && opens < to) times.push({ opens, closes: opens + open })
  }
  return times
}

/** Of a day since epoch, which was a Thursday. */
function weekdayOf(day: number): (typeof weekdays)[number] {
  return weekdays[(((day + 3) % 7) + 7) % 7] as (typeof weekdays)[number]
}

/** A moment in seconds since epoch → what a clock of the zone shows then, as if it were UTC. */
type LocalTime = (moment: number) => number

function localTime(timeZone: string): LocalTime {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  return moment => {
    const parts = Object.fromEntries(
      format.formatToParts(moment * 1_000).map(({ type, value }) => [type, Number(value)]),
    )
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts
    return Date.UTC(year, month - 1, day, hour, minute, second) / 1_000
  }
}

/**
 * When a clock of the zone shows this. Of a time that comes twice the first; one that is left out comes as much later as
 * is left out.
 */
function moment(local: LocalTime, shown: number): number {
  const offsetAt = (time: number) => local(time) - time
  const [before, after] = [offsetAt(shown - daySeconds), offsetAt(shown + daySeconds)]
  const fits = [shown - before, shown - after].filter(time => local(time) === shown)
  return fits.length > 0 ? Math.min(...fits) : shown - before
}

import { type RotationWindow, weekdays } from '../api/rotation.ts'
import { durationSeconds } from '../base/time.ts'
import { type LocalTime, localTime, localTimeIn } from './time-zones.ts'

const daySeconds = 86_400
/** No window is open for longer than a week, and each opens once a week at least. */
const weekSeconds = 7 * daySeconds

/** Seconds since epoch. */
export interface OpenTime {
  readonly opens: number
  readonly closes: number
}

/** The first time, from `from` on, at which a window is open or opens; windows that overlap count as one. */
export function nextOpen(windows: readonly RotationWindow[], from: number): OpenTime | undefined {
  return openTimes(windows, from, from + weekSeconds + daySeconds).find(({ closes }) => closes > from)
}

/**
 * The longest time in which no window is open, in seconds: of two years with their clock changes, always the same ones, so
 * that what was accepted stays so.
 */
export function longestClosed(windows: readonly RotationWindow[]): number {
  const known = closed.get(JSON.stringify(windows))
  if (known !== undefined) return known
  const zones = new Set(windows.map(({ timeZone = 'UTC' }) => timeZone))
  const span = { from: years.from - 2 * weekSeconds, to: years.to + 2 * weekSeconds }
  const local = new Map([...zones].map(zone => [zone, localTimeIn(zone, span)]))
  let longest = 0
  let since = years.from
  for (const { opens, closes } of openTimes(windows, years.from, years.to, zone => local.get(zone) as LocalTime)) {
    longest = Math.max(longest, opens - since)
    since = Math.max(since, closes)
  }
  if (closed.size >= mostKnown) closed.clear()
  closed.set(JSON.stringify(windows), longest)
  return longest
}

const years = { from: Date.UTC(2026, 0, 1) / 1_000, to: Date.UTC(2028, 0, 1) / 1_000 }
/** Each pass over a key asks, and keys of one template have the same windows. */
const closed = new Map<string, number>()
const mostKnown = 1_000

/** Every time at which a window is open between two moments, in order, none touching another. */
function openTimes(
  windows: readonly RotationWindow[],
  from: number,
  to: number,
  localIn: (timeZone: string) => LocalTime = localTime,
): OpenTime[] {
  const times = windows.flatMap(window => timesOf(window, { from, to }, localIn)).sort((a, b) => a.opens - b.opens)
  const joined: OpenTime[] = []
  for (const time of times) {
    const last = joined.at(-1)
    if (!last || time.opens > last.closes) joined.push(time)
    else joined[joined.length - 1] = { ...last, closes: Math.max(last.closes, time.closes) }
  }
  return joined
}

function timesOf(
  window: RotationWindow,
  { from, to }: { readonly from: number; readonly to: number },
  localIn: (timeZone: string) => LocalTime,
): OpenTime[] {
  const { days = weekdays, start, timeZone = 'UTC' } = window
  const open = durationSeconds(window.duration) ?? 0
  const [hours = 0, minutes = 0] = start.split(':').map(Number)
  const local = localIn(timeZone)
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

import { createHash } from 'node:crypto'
import { type RotationWindow, weekdays } from '../api/rotation.ts'
import { durationSeconds } from '../base/time.ts'
import { type LocalTime, localTimeIn, type Span } from './time-zones.ts'

const daySeconds = 86_400
/** No window is open for longer than a week, and each opens once a week at least. */
const weekSeconds = 7 * daySeconds
const yearSeconds = 365 * daySeconds

/** Seconds since epoch. */
export interface OpenTime {
  readonly opens: number
  readonly closes: number
}

/** The first time, from `from` on, at which a window is open or opens; windows that overlap count as one. */
export function nextOpen(windows: readonly RotationWindow[], from: number): OpenTime | undefined {
  if (!Number.isFinite(from)) return undefined
  const year = Math.floor(from / yearSeconds) * yearSeconds
  const span = { from: year - 4 * weekSeconds, to: year + yearSeconds + 4 * weekSeconds }
  const times = openTimes(windows, { from, to: from + weekSeconds + daySeconds }, span)
  return times.find(({ closes }) => closes > from)
}

/**
 * The longest time in which no window is open, in seconds: of two years with their clock changes, always the same ones, so
 * that what was accepted stays so.
 */
export function longestClosed(windows: readonly RotationWindow[]): number {
  const name = createHash('sha256').update(JSON.stringify(windows)).digest('base64')
  const known = closed.get(name)
  if (known !== undefined) return known
  const span = { from: years.from - 2 * weekSeconds, to: years.to + 2 * weekSeconds }
  let longest = 0
  let since = years.from
  for (const { opens, closes } of openTimes(windows, years, span)) {
    longest = Math.max(longest, opens - since)
    since = Math.max(since, closes)
  }
  if (closed.size >= mostKnown) closed.clear()
  closed.set(name, longest)
  return longest
}

const years = { from: Date.UTC(2026, 0, 1) / 1_000, to: Date.UTC(2028, 0, 1) / 1_000 }
/** By a digest of the windows: each pass over a key asks, and every key may have others. */
const closed = new Map<string, number>()
const mostKnown = 10_000

/**
 * Every time at which a window is open between two moments, in order, none touching another.
 * @param around has the two moments in it, with weeks to spare on both sides
 */
function openTimes(windows: readonly RotationWindow[], between: Span, around: Span): OpenTime[] {
  const times = windows
    .flatMap(window => timesOf(window, between, localTimeIn(window.timeZone ?? 'UTC', around)))
    .sort((a, b) => a.opens - b.opens)
  const joined: OpenTime[] = []
  for (const time of times) {
    const last = joined.at(-1)
    if (!last || time.opens > last.closes) joined.push(time)
    else joined[joined.length - 1] = { ...last, closes: Math.max(last.closes, time.closes) }
  }
  return joined
}

function timesOf(window: RotationWindow, { from, to }: Span, local: LocalTime): OpenTime[] {
  const { days = weekdays, start } = window
  const open = durationSeconds(window.duration) ?? 0
  const [hours = 0, minutes = 0] = start.split(':').map(Number)
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

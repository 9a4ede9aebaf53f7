/** Of the IANA database: names of places by areas, and Etc. */
const places =
  /^(Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Brazil|Canada|Chile|Etc|Europe|Indian|Mexico|Pacific|US)\//i
/** Its names without an area. Abbreviations are left out, also those that it has: CST, IST and BST mean several zones each. */
const others = new Set(
  'UTC GMT GMT0 GMT+0 GMT-0 Greenwich Universal Zulu EST5EDT CST6CDT MST7MDT PST8PDT Cuba Egypt Eire GB GB-Eire Hongkong Iceland Iran Israel Jamaica Japan Kwajalein Libya Navajo NZ NZ-CHAT Poland Portugal Singapore Turkey W-SU'.split(
    ' ',
  ),
)

/** All zones in some years. */
const mostKnown = 2_000
/** Those that the runtime was found to know: to ask it takes longer than all the rest of a pass. */
const found = new Set<string>()

/** Whether it is a name of the IANA database that the runtime knows. The runtime alone knows more: BST is Dhaka to it. */
export function isTimeZone(name: string): boolean {
  if (!places.test(name) && !others.has(name)) return false
  if (found.has(name)) return true
  try {
    localTime(name)
  } catch {
    return false
  }
  // A name may be written large and small.
  if (found.size >= mostKnown) found.clear()
  found.add(name)
  return true
}

/** Why a name is none, and what to write instead. */
export function timeZoneFault(name: string): string | undefined {
  if (isTimeZone(name)) return undefined
  return /^[a-z]{2,5}$/i.test(name)
    ? 'is an abbreviation, and such mean several time zones. Write a name of the IANA database, for example Europe/Berlin or UTC.'
    : 'is no time zone of the IANA database. Correct it, for example Europe/Berlin.'
}

/** A moment in seconds since epoch → what a clock of the zone shows then, as if it were UTC. */
export type LocalTime = (moment: number) => number

/** @throws RangeError where the runtime does not know the zone */
export function localTime(timeZone: string): LocalTime {
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

export interface Span {
  readonly from: number
  readonly to: number
}

const weekSeconds = 7 * 86_400

/** The same for moments of a span, whose clock changes are looked for once: each pass over a key asks for many moments. */
export function localTimeIn(timeZone: string, span: Span): LocalTime {
  const name = `${timeZone} ${span.from} ${span.to}`
  const changes = known.get(name) ?? changesIn(timeZone, span)
  if (known.size >= mostKnown) known.clear()
  known.set(name, changes)
  return moment => moment + (changes.findLast(({ at }) => at <= moment)?.offset ?? changes[0]?.offset ?? 0)
}

interface ClockChange {
  readonly at: number
  readonly offset: number
}

const known = new Map<string, readonly ClockChange[]>()

function changesIn(timeZone: string, { from, to }: Span): readonly ClockChange[] {
  const local = localTime(timeZone)
  const offsetAt = (moment: number) => local(moment) - moment
  const changes: ClockChange[] = [{ at: from, offset: offsetAt(from) }]
  for (let time = from; time < to; time += weekSeconds) {
    const [before, after] = [offsetAt(time), offsetAt(time + weekSeconds)]
    if (before !== after) changes.push({ at: changeBetween(offsetAt, time, time + weekSeconds), offset: after })
  }
  return changes
}

/** The first second at which the offset is another one than at `from`. */
function changeBetween(offsetAt: (moment: number) => number, from: number, to: number): number {
  const before = offsetAt(from)
  let [same, other] = [from, to]
  while (other - same > 1) {
    const middle = Math.floor((same + other) / 2)
    if (offsetAt(middle) === before) same = middle
    else other = middle
  }
  return other
}

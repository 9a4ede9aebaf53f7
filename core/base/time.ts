const unitSeconds = { h: 3_600, m: 60, s: 1 }

/** Seconds of a Go duration in whole hours, minutes and seconds, such as `1h30m`; undefined when it is none. */
export function durationSeconds(text: string): number | undefined {
  if (!/^(\d{1,7}h)?(\d{1,7}m)?(\d{1,9}s)?$/.test(text) || text === '') return undefined
  const parts = [...text.matchAll(/(\d+)([hms])/g)]
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * unitSeconds[unit as keyof typeof unitSeconds], 0)
}

/** Whole seconds → such a duration. */
export function durationText(seconds: number): string {
  const parts = [`${Math.floor(seconds / 3_600)}h`, `${Math.floor((seconds % 3_600) / 60)}m`, `${seconds % 60}s`]
  return parts.filter(part => !/^0/.test(part)).join('') || '0s'
}

/**
 * The form of a time, RFC 3339 section 5.6: days that exist, hours and offsets up to 23:59. The API server's own format
 * takes more of it (a comma before the fraction, +24:00, anything behind a second T), in forms that nobody else reads.
 */
export const timeForm =
  /^([0-9]{4}-(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|[0-9]{4}-(0[469]|11)-(0[1-9]|[12][0-9]|30)|[0-9]{4}-02-(0[1-9]|1[0-9]|2[0-8])|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$/
/** What is later or earlier in UTC cannot be written as RFC 3339. */
const [earliest, latest] = [-62_167_219_200, 253_402_300_800]

/** Seconds since epoch of an RFC 3339 time, whole; undefined when it is none. */
export function secondsOf(time: string | undefined): number | undefined {
  const seconds = time === undefined ? Number.NaN : secondsOfTime(time)
  return Number.isNaN(seconds) ? undefined : Math.floor(seconds)
}

/** The same with fractions, to the millisecond; NaN when it is none. */
export function secondsOfTime(time: string): number {
  if (!timeForm.test(time)) return Number.NaN
  const seconds = Date.parse(time.toUpperCase()) / 1_000
  return seconds >= earliest && seconds < latest ? seconds : Number.NaN
}

/** Seconds since epoch → RFC 3339, whole seconds. */
export function timeOf(seconds: number): string {
  return new Date(seconds * 1_000).toISOString().replace(/\.\d{3}Z$/, 'Z')
}

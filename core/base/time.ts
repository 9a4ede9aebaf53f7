const unitSeconds = { h: 3_600, m: 60, s: 1 }

/** Seconds of a Go duration in whole hours, minutes and seconds, such as `1h30m`; undefined when it is none. */
export function durationSeconds(text: string): number | undefined {
  if (!/^(\d{1,7}h)?(\d{1,7}m)?(\d{1,9}s)?$/.test(text) || text === '') return undefined
  const parts = [...text.matchAll(/(\d+)([hms])/g)]
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * unitSeconds[unit as keyof typeof unitSeconds], 0)
}

/** Seconds since epoch of an RFC 3339 time, whole; undefined when it is none. */
export function secondsOf(time: string | undefined): number | undefined {
  const milliseconds = time === undefined ? Number.NaN : Date.parse(time)
  return Number.isNaN(milliseconds) ? undefined : Math.floor(milliseconds / 1_000)
}

/** The same with fractions; NaN when it is none. */
export function secondsOfTime(time: string): number {
  return Date.parse(time) / 1_000
}

/** Seconds since epoch → RFC 3339, whole seconds. */
export function timeOf(seconds: number): string {
  return new Date(seconds * 1_000).toISOString().replace(/\.\d{3}Z$/, 'Z')
}

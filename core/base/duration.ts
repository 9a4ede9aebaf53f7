const unitSeconds = { h: 3_600, m: 60, s: 1 }

/** Seconds of a Go duration in whole hours, minutes and seconds, such as `1h30m`; undefined when it is none. */
export function durationSeconds(text: string): number | undefined {
  if (!/^(\d{1,7}h)?(\d{1,7}m)?(\d{1,9}s)?$/.test(text) || text === '') return undefined
  const parts = [...text.matchAll(/(\d+)([hms])/g)]
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * unitSeconds[unit as keyof typeof unitSeconds], 0)
}

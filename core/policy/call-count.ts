/**
 * The calls of one client under one limit, counted in slices of its time: a ring of numbers, so that its size is the same
 * for any limit. A call counts for the whole time of the limit and at most a twentieth of it longer. So no more than
 * `requests` calls are let in within any span of that length, wherever it begins.
 */
export interface CallCount {
  readonly perSeconds: number
  /** Calls by slice; a slice stands at its number modulo the length. */
  readonly counts: number[]
  /** Number of the newest slice. */
  newest: number
  /** Calls that count now. */
  sum: number
}

/** The time of a limit in so many slices, and one more that is being filled. */
const slices = 20
const ring = slices + 1

/**
 * @param nowMs monotonic
 * @param sum calls that were counted by another length of time: all count as if they came now
 */
export function startCount(perSeconds: number, nowMs: number, sum = 0): CallCount {
  const newest = Math.floor(nowMs / sliceMs(perSeconds))
  const counts = new Array<number>(ring).fill(0)
  counts[newest % ring] = sum
  return { perSeconds, counts, newest, sum }
}

/** Milliseconds until fewer than `requests` calls count; 0 when it is so now. */
export function waitOf(count: CallCount, requests: number, nowMs: number): number {
  forget(count, nowMs)
  let left = count.sum
  if (left < requests) return 0
  let slice = count.newest - slices
  while (left >= requests && slice <= count.newest) {
    left -= count.counts[(slice + ring) % ring] as number
    slice++
  }
  return (slice + slices) * sliceMs(count.perSeconds) - nowMs
}

/** Counts one call more. */
export function countCall(count: CallCount, nowMs: number): void {
  forget(count, nowMs)
  const at = count.newest % ring
  count.counts[at] = (count.counts[at] as number) + 1
  count.sum++
}

/** Lets go of the slices that have ended. */
function forget(count: CallCount, nowMs: number): void {
  const now = Math.floor(nowMs / sliceMs(count.perSeconds))
  const passed = Math.min(ring, now - count.newest)
  for (let at = 1; at <= passed; at++) {
    const place = (now - passed + at) % ring
    count.sum -= count.counts[place] as number
    count.counts[place] = 0
  }
  if (passed > 0) count.newest = now
}

/** A whole number of milliseconds: nothing is lost between slices. */
function sliceMs(perSeconds: number): number {
  return (perSeconds * 1_000) / slices
}

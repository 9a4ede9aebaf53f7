/**
 * How often one sweep looks at all connections. Time limits are counted in its ticks: no request starts a timer or asks
 * for the time because of them.
 */
export const tickMs = 100

/** Whole ticks that a time takes, at least one. */
export function ticksOf(ms: number): number {
  return ms < 0 ? -1 : Math.ceil(ms / tickMs)
}

/** How long a tunnel's half that has ended waits for the other one. */
export const halfOpenMs = 10_000

/** Less than this in the time that a body may be silent is no progress: a byte now and then holds nothing for ever. */
export const leastBodyBytes = 4_096

/** How long the app keeps connections that are idle: what it says, and what it was seen to do. In ticks. */
export interface KeepTime {
  /** The longest that is safe, as far as is known; less than 0: connections are not kept. */
  most(): number
  /** The app closed a connection that was idle for so long, or took no request on it. */
  closedAfter(idle: number, tick: number): void
  /** A connection that was idle for so long served a request. */
  servedAfter(idle: number): void
  /** What was seen long ago no longer counts. */
  age(tick: number): void
}

/** It has to be seen this often, at different times: an app that restarts closes connections of any age. */
const timesSeen = 3
const forgetAfter = 600
/** Two ticks: idle times are known to one, and what was sent has to arrive. */
const margin = 2

export function createKeepTime(): KeepTime {
  let shortest = Number.POSITIVE_INFINITY
  let times = 0
  let lastTick = 0

  function forget(): void {
    shortest = Number.POSITIVE_INFINITY
    times = 0
  }

  return {
    most: () => (times < timesSeen ? Number.POSITIVE_INFINITY : shortest - margin),
    closedAfter(idle, tick) {
      if (times > 0 && tick === lastTick) return
      lastTick = tick
      times++
      shortest = Math.min(shortest, idle)
    },
    servedAfter(idle) {
      if (times > 0 && idle >= shortest) forget()
    },
    age(tick) {
      if (times > 0 && tick - lastTick > forgetAfter) forget()
    },
  }
}

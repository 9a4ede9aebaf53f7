/** Connections that this thread has taken since it began. */
let taken = 0

/** A listener took a connection. */
export function noteArrival(): void {
  taken++
}

/**
 * Tells whether connections come. An event loop takes one connection in a turn (libuv), so what a turn spends on other work,
 * every connection behind it waits for: 4,000 of them behind turns of 4 ms are 16 s.
 */
export function createArrivalWatch(): { come(): boolean; look(): void } {
  let seen = taken
  return {
    /** Whether one was taken since the last look. */
    come: () => taken !== seen,
    look() {
      seen = taken
    },
  }
}

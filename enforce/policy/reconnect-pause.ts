/** Milliseconds, from the first try that failed to all that follow. */
export interface Backoff {
  readonly minMs: number
  readonly maxMs: number
}

/** How a connection ended, as far as the next one depends on it. */
export interface EndedConnection {
  /** Frames came that were of use. */
  readonly progress: boolean
  /** What the issuer asked for. */
  readonly retryAfterMs?: number
}

/**
 * Replicas of the issuer that were away come back to a thousand guards that wait. The longest pause is what a guard may lose
 * then, and what a replica has to let them in one by one; 1,000 guards without an issuer are 450 refused connections a second.
 */
export const guardBackoff: Backoff = { minMs: 200, maxMs: 3_000 }

/**
 * How long to wait before the next connection, milliseconds: twice as long as before, less up to a half by chance. An issuer
 * that is there and says when is asked then, or up to half as much later, however long it was away.
 */
export function createReconnectPause(
  { minMs, maxMs }: Backoff,
  random: () => number = Math.random,
): (ended: EndedConnection) => number {
  let nextMs = minMs
  return ({ progress, retryAfterMs }) => {
    if (progress || retryAfterMs !== undefined) nextMs = minMs
    if (retryAfterMs !== undefined) return Math.min(maxMs, retryAfterMs) * (1 + random() / 2)
    const pauseMs = nextMs * (0.5 + random() / 2)
    nextMs = Math.min(maxMs, nextMs * 2)
    return pauseMs
  }
}

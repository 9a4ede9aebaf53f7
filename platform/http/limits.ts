import type { Bounds } from '../fair/budget.ts'

/** What bounds one listener. Nothing here may be 0 or without end: that would be no bound. */
export interface HttpLimits {
  /** For a TLS handshake, from the connection on. Milliseconds, as all that follow. */
  readonly handshakeMs: number
  /** For the head of a request, from its first byte on, or from the connection on. */
  readonly headMs: number
  /** For the whole request, head and body. */
  readonly requestMs: number
  /** Between an answer and the next request. */
  readonly idleMs: number
  /** For an answer to be read, from the moment on when all of it is there. */
  readonly answerMs: number
  readonly headBytes: number
  /** What one request's body may cost; the handler holds no more of it. */
  readonly bodyBytes: number
  /** Requests that were sent on one connection and are not answered. */
  readonly pipelined: number
  /** Connections of peers that proved nothing yet, and of those that did. */
  readonly strangers: Bounds
  readonly proved: Bounds
  readonly handshakes: Bounds
  /** Bytes of bodies that are on their way or held, of short ones and of longer ones: a few long ones turn no short one away. */
  readonly shortBodies: Bounds
  readonly longBodies: Bounds
  /** Bytes of answers that nobody read yet. */
  readonly answers: Bounds
}

/** What a listener's limits are called in its metric. */
export type HttpLimit =
  | 'connections'
  | 'handshakes'
  | 'handshake_timeout'
  | 'head_timeout'
  | 'body_timeout'
  | 'bodies'
  | 'answers'
  | 'unread'
  | 'pipelined'

const mebibyte = 1_048_576

/** What a request's body may cost at most to count as short. A listener that takes none longer has no long ones. */
export const shortBodyBytes = 65_536

/** They fit a process of 256 MiB with three such listeners, one of them with TLS. */
export const defaultLimits: HttpLimits = {
  handshakeMs: 10_000,
  headMs: 10_000,
  requestMs: 30_000,
  // Longer than the idle time of common balancers.
  idleMs: 75_000,
  answerMs: 30_000,
  headBytes: 16_384,
  bodyBytes: 16_384,
  pipelined: 16,
  strangers: { sum: 512, perPeer: 256 },
  proved: { sum: 512, perPeer: 256 },
  handshakes: { sum: 256, perPeer: 128 },
  shortBodies: { sum: 8 * mebibyte, perPeer: 4 * mebibyte },
  longBodies: { sum: 8 * mebibyte, perPeer: 4 * mebibyte },
  answers: { sum: 16 * mebibyte, perPeer: 8 * mebibyte },
}

/** For a plain port that probes and scrapers ask: no body, few connections. */
export const smallLimits: Partial<HttpLimits> = {
  bodyBytes: 1_024,
  pipelined: 4,
  strangers: { sum: 128, perPeer: 64 },
  answers: { sum: 8 * mebibyte, perPeer: 4 * mebibyte },
}

/** @throws Error when a limit is none */
export function limitsOf(some: Partial<HttpLimits> | undefined): HttpLimits {
  const limits = { ...defaultLimits, ...some }
  for (const [name, limit] of Object.entries(limits)) {
    const values: number[] = typeof limit === 'number' ? [limit] : Object.values(limit)
    if (values.some(value => !(value > 0 && Number.isFinite(value)))) throw new Error(`the limit ${name} is none`)
  }
  return { ...limits, headMs: Math.min(limits.headMs, limits.requestMs) }
}

/** How often to look for what took too long: a limit is met at most a second late, or a quarter of it. */
export function sweepMsOf({ handshakeMs, headMs, requestMs, idleMs, answerMs }: HttpLimits): number {
  return Math.min(1_000, ...[handshakeMs, headMs, requestMs, idleMs, answerMs].map(ms => Math.max(10, ms / 4)))
}

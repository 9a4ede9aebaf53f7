import type { Bounds } from './budget.ts'

const kibibyte = 1_024
const mebibyte = 1_048_576

/** What things take that are under way, bytes, with what they cost beyond the bytes that callers sent. */
export const costs = {
  /** A connection, with the head before this one. */
  connection: 8 * kibibyte,
  /** The same behind TLS, which has buffers of its own. */
  tls: 48 * kibibyte,
  /** What HTTP/2 keeps for a connection: tables of field names, a block of fields that has not ended. */
  session: 48 * kibibyte,
  /** A call over HTTP/2, and how the app is asked about it. */
  stream: 32 * kibibyte,
  /** One direction of a call that stands still: what each end had in hand when the other one stopped reading. */
  stuck: 128 * kibibyte,
  /** A head whose token is yet to be proved. */
  unproved: 16 * kibibyte,
} as const

/** A process with its code, a policy of common size, its caches, and what the collector has not come to yet. */
const processBytes = 80 * mebibyte
/** For a process without a limit. */
const unlimitedBytes = 512 * mebibyte
const fewestBytes = 8 * mebibyte
const mostBytes = 512 * mebibyte

/** The limit of this process's memory that its container sets, or undefined. Read once, at the start. */
export function memoryLimit(): number | undefined {
  const bytes = process.constrainedMemory()
  // Where there is none, the kernel reports a number that no machine has.
  return bytes > 0 && bytes < 2 ** 50 ? bytes : undefined
}

/** How many times its size what is counted takes until it is collected, also where the collector is short of processor time. */
const uncollected = 3.5

/**
 * What is given out of what a process has beyond its own needs, half of it at most to one peer.
 * @param limitBytes of the process; undefined: none
 */
export function memoryBounds(limitBytes: number = unlimitedBytes): Bounds {
  const sum = Math.min(mostBytes, Math.max(fewestBytes, Math.floor((limitBytes - processBytes) / uncollected)))
  return { sum, perPeer: Math.floor(sum / 2) }
}

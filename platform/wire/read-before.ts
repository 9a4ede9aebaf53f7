/**
 * What was read last on one connection, with its bytes. Programs repeat themselves: whose bytes are the same, byte for
 * byte, means the same and is not read again.
 */
export interface ReadBefore<T> {
  bytes: Buffer | undefined
  value: T | undefined
  /** How often in a row what came was another one. */
  misses: number
}

/** A connection keeps no more than this: there can be very many of them. */
const maxBytes = 2_048
/** Whoever says something else each time is no longer compared. */
const maxMisses = 16

export function nothingBefore<T>(): ReadBefore<T> {
  return { bytes: undefined, value: undefined, misses: 0 }
}

/** @returns what the bytes from `at` on mean, when they begin with those of before; undefined otherwise */
export function recall<T>(before: ReadBefore<T>, bytes: Buffer, at: number, length: number): T | undefined {
  const known = before.bytes
  if (known === undefined || at + known.length > length) return undefined
  if (known.compare(bytes, at, at + known.length) !== 0) return undefined
  before.misses = 0
  return before.value
}

/** Keeps what was read, and a copy of its bytes from `at` to `end`. */
export function remember<T>(before: ReadBefore<T>, value: T, bytes: Buffer, at: number, end: number): void {
  if (before.misses >= maxMisses || end > maxBytes) return void forget(before)
  before.misses++
  // Not of Buffer's pool: a small piece would keep a large one alive.
  before.bytes = Buffer.allocUnsafeSlow(end - at)
  bytes.copy(before.bytes, 0, at, end)
  before.value = value
}

function forget<T>(before: ReadBefore<T>): void {
  before.bytes = undefined
  before.value = undefined
}

/**
 * A copy of bytes that are only good for the moment, for as long as their caller likes. It is memory of its own: a piece of
 * Buffer's pool would keep the other pieces of it alive.
 */
export function kept(bytes: Buffer, from: number, to: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(to - from)
  bytes.copy(copy, 0, from, to)
  return copy
}

/** A part of what was kept already: to copy it for each request that stood in it would cost the square of its length. */
export function partOf(bytes: Buffer, from: number, to: number): Buffer {
  return bytes.subarray(from, to)
}

/** What was kept, and behind it the next bytes. What was kept is gone. */
export function joined(before: Buffer, bytes: Buffer, length: number): Buffer {
  const both = Buffer.allocUnsafeSlow(before.length + length)
  before.copy(both)
  bytes.copy(both, before.length, 0, length)
  free(before)
  return both
}

/** Gives memory back at once: the collector would let tens of megabytes gather first. @param bytes that were kept */
export function free(bytes: Buffer): void {
  ;(bytes.buffer as ArrayBuffer).transfer(0)
}

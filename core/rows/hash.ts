import { createHash } from 'node:crypto'
import { canonicalJson, canonicalPieces } from '../base/canonical-json.ts'
import type { Steps } from '../base/steps.ts'

/** Hash of an empty slice. */
export const emptyHash = '0'.repeat(64)

const modulus = 1n << 256n

/**
 * Hash of one row: SHA-256 over its JSON with sorted keys and without undefined members, 64 hex characters.
 * The hash of a slice is the sum of its rows' hashes modulo 2^256, so that one changed row costs one row's work and
 * the order of arrival does not matter. It tells "the same?", it is no signature.
 */
export function rowHash(row: unknown): string {
  return createHash('sha256').update(canonicalJson(row)).digest('hex')
}

/** The same in steps where the row is long, as that of a client with hundreds of keys: whole it takes some milliseconds. */
export function* rowHashing(row: unknown): Steps<string> {
  return (yield* rowMeasuring(row)).hash
}

/** With the bytes of the text. */
export function* rowMeasuring(row: unknown): Steps<{ readonly hash: string; readonly bytes: number }> {
  const sum = createHash('sha256')
  let bytes = 0
  for (const piece of canonicalPieces(row)) {
    if (bytes > 0) yield
    sum.update(piece)
    bytes += Buffer.byteLength(piece)
  }
  return { hash: sum.digest('hex'), bytes }
}

/** @returns the hash of a slice of these rows */
export function sliceHash(rows: Iterable<unknown>): string {
  return changeHash(emptyHash, [], rows)
}

/** @returns the hash of a slice after these rows left and those came in: one sum for any number of rows */
export function changeHash(slice: string, gone: Iterable<unknown>, come: Iterable<unknown>): string {
  const sum = startSum(slice)
  for (const row of gone) sum.remove(row)
  for (const row of come) sum.add(row)
  return sum.hash()
}

/** The hash of a slice while rows leave and come in. */
export interface HashSum {
  remove(row: unknown): void
  add(row: unknown): void
  /** The same where the row's hash is known. */
  removeHash(row: string): void
  addHash(row: string): void
  hash(): string
}

export function startSum(slice: string): HashSum {
  let sum = BigInt(`0x${slice}`)
  const removeHash = (row: string): void => {
    sum += modulus - BigInt(`0x${row}`)
  }
  const addHash = (row: string): void => {
    sum += BigInt(`0x${row}`)
  }
  return {
    remove: row => removeHash(rowHash(row)),
    add: row => addHash(rowHash(row)),
    removeHash,
    addHash,
    hash: () => hex(sum % modulus),
  }
}

function hex(sum: bigint): string {
  return sum.toString(16).padStart(64, '0')
}

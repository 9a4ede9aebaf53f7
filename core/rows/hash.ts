import { createHash } from 'node:crypto'
import { canonicalJson } from '../base/canonical-json.ts'

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

/** @returns the hash of a slice after a row of this hash came in */
export function addHash(slice: string, row: string): string {
  return hex((BigInt(`0x${slice}`) + BigInt(`0x${row}`)) % modulus)
}

/** @returns the hash of a slice after a row of this hash left */
export function removeHash(slice: string, row: string): string {
  return hex((BigInt(`0x${slice}`) + modulus - BigInt(`0x${row}`)) % modulus)
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
export function startSum(slice: string): { remove(row: unknown): void; add(row: unknown): void; hash(): string } {
  let sum = BigInt(`0x${slice}`)
  return {
    remove(row) {
      sum += modulus - BigInt(`0x${rowHash(row)}`)
    },
    add(row) {
      sum += BigInt(`0x${rowHash(row)}`)
    },
    hash: () => hex(sum % modulus),
  }
}

function hex(sum: bigint): string {
  return sum.toString(16).padStart(64, '0')
}

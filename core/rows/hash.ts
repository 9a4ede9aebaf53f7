import { createHash } from 'node:crypto'

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
export interface HashSum {
  remove(row: unknown): void
  add(row: unknown): void
  /** The same for who knows the row's hash. */
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

const remembered = new WeakMap<readonly unknown[], string>()
const worthRemembering = 64

/** Says what the canonical text of a long list is, where it was made elsewhere. The list must never change. */
export function rememberCanonicalJson(list: readonly unknown[], text: string): void {
  if (list.length >= worthRemembering) remembered.set(list, text)
}

/** JSON with sorted keys, so that equal values give equal text. */
export function canonicalJson(value: unknown): string {
  if (typeof value === 'string') return quote(value)
  if (Array.isArray(value)) {
    const known = value.length < worthRemembering ? undefined : remembered.get(value)
    return known ?? `[${value.map(item => canonicalJson(item ?? null)).join(',')}]`
  }
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null'
  let text = ''
  for (const key of sortedKeys(value)) {
    const member = (value as Record<string, unknown>)[key]
    if (member !== undefined) text += `${text === '' ? '' : ','}${quote(key)}:${canonicalJson(member)}`
  }
  return `{${text}}`
}

/** Printable ASCII but quote and backslash: what stands in JSON as it is. Half the work of a slice is in such texts. */
const plain = /^[ !#-[\]-~]*$/

function quote(text: string): string {
  return plain.test(text) ? `"${text}"` : JSON.stringify(text)
}

/** By insertion: rows have few keys, and Array.sort without a comparison makes strings of them first. */
function sortedKeys(value: object): string[] {
  const keys = Object.keys(value)
  if (keys.length > 16) return keys.sort()
  for (let index = 1; index < keys.length; index++) {
    const key = keys[index] as string
    let at = index
    while (at > 0 && (keys[at - 1] as string) > key) keys[at] = keys[--at] as string
    keys[at] = key
  }
  return keys
}

import { isRecord } from '../base/is-record.ts'
import type { Faults, Place } from './openapi-value.ts'

/** A document while it is read. */
export interface Reading {
  readonly document: Record<string, unknown>
  /** Name of the GuardedService. */
  readonly service: string
  readonly faults: Faults
  /** Members, items and characters of references that may still be looked at. */
  readonly work: { left: number }
}

/**
 * A reference costs a few characters and may lead to all the rest of the document, again and again: what it leads to is
 * counted each time. Aliases were counted by whoever read the text.
 */
export const workAtMost = 1_000_000
const longestReference = 2_048

const hopsAtMost = 16
/** What may stand beside a reference and say something else than what it leads to: it decides nothing. */
const texts = new Set(['summary', 'description'])

/**
 * The object at a place, references followed: `$ref` to another place of the same document, also where OpenAPI has none
 * but documents do. What stands beside a reference is added to what it leads to.
 * @returns undefined after a fault was added
 * @see OpenAPI Specification 3.1, section 4.8.9.1 (`$ref` of a path item), RFC 6901
 */
export function objectAt(value: unknown, place: Place, reading: Reading): Record<string, unknown> | undefined {
  const found = followed(value, place, reading)
  if (!found) return undefined
  if (isRecord(found.value)) return spend(Object.keys(found.value).length, place, reading) ? found.value : undefined
  reading.faults.add(place, `expected an object${insteadOf(found.value)}`)
  return undefined
}

/** The same for a list. */
export function listAt(value: unknown, place: Place, reading: Reading): readonly unknown[] | undefined {
  const found = followed(value, place, reading)
  if (!found) return undefined
  if (Array.isArray(found.value)) return spend(found.value.length, place, reading) ? found.value : undefined
  reading.faults.add(place, `expected a list${insteadOf(found.value)}`)
  return undefined
}

/** Programs write null where they have nothing: what is meant is for the author to say. */
function insteadOf(value: unknown): string {
  return value === null ? ', not null; write one or leave the field out' : ''
}

/** @returns false when no work is left: then nothing more is read, which is told once */
export function spend(work: number, place: Place, reading: Reading): boolean {
  const had = reading.work.left
  reading.work.left -= work
  if (had >= 0 && reading.work.left < 0)
    reading.faults.add(place, 'too much to read, references counted as what they lead to')
  return reading.work.left >= 0
}

function followed(value: unknown, place: Place, reading: Reading): { value: unknown } | undefined {
  const { document, faults } = reading
  if (reading.work.left < 0 || faults.isFull()) return undefined
  let current = value
  const beside: Record<string, unknown>[] = []
  for (let hops = 0; isRecord(current) && Object.hasOwn(current, '$ref'); hops++) {
    const { $ref, ...others } = current
    if (!spend(typeof $ref === 'string' ? $ref.length : 1, place, reading)) return undefined
    const target = hops < hopsAtMost ? targetOf($ref, document) : `more than ${hopsAtMost} references one after another`
    if (typeof target === 'string') {
      faults.add([...place, '$ref'], target)
      return undefined
    }
    beside.push(others)
    current = target.value
  }
  for (const others of beside.reverse()) {
    const joined = join(current, others)
    if ('twice' in joined) {
      faults.add([...place, joined.twice], 'it stands beside $ref and in what that leads to; leave one')
      return undefined
    }
    current = joined.value
  }
  return { value: current }
}

function join(target: unknown, beside: Record<string, unknown>): { value: unknown } | { twice: string } {
  const names = Object.keys(beside)
  if (names.length === 0) return { value: target }
  if (!isRecord(target)) return { twice: names[0] ?? '' }
  const twice = names.find(name => Object.hasOwn(target, name) && !texts.has(name))
  return twice === undefined ? { value: { ...target, ...beside } } : { twice }
}

/** @returns what is wrong, as a text */
function targetOf(reference: unknown, document: unknown): { value: unknown } | string {
  if (typeof reference !== 'string') return 'expected a text'
  if (reference.length > longestReference) return `more than ${longestReference} characters`
  if (!/^#(\/|$)/.test(reference)) return 'only references within the document are read: #/ and a place'
  let current = document
  for (const part of reference.slice(2).split('/')) {
    const name = unescaped(part)
    if (name === undefined) return 'an escape that is none'
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, name)) return 'it leads nowhere'
    current = (current as Record<string, unknown>)[name]
  }
  return { value: current }
}

/** A part of a JSON Pointer in a fragment of a URI: percent-escapes first, then `~1` and `~0`. */
function unescaped(part: string): string | undefined {
  try {
    const name = decodeURIComponent(part)
    return /~(?![01])/.test(name) ? undefined : name.replaceAll('~1', '/').replaceAll('~0', '~')
  } catch {
    return undefined
  }
}

import { type Faults, isRecord, type Place } from './openapi-value.ts'

/** A document while it is read. */
export interface Reading {
  readonly document: Record<string, unknown>
  /** Name of the GuardedService. */
  readonly service: string
  readonly faults: Faults
}

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
  if (isRecord(found.value)) return found.value
  reading.faults.add(place, 'expected an object')
  return undefined
}

/** The same for a list. */
export function listAt(value: unknown, place: Place, reading: Reading): readonly unknown[] | undefined {
  const found = followed(value, place, reading)
  if (!found) return undefined
  if (Array.isArray(found.value)) return found.value
  reading.faults.add(place, 'expected a list')
  return undefined
}

function followed(value: unknown, place: Place, { document, faults }: Reading): { value: unknown } | undefined {
  let current = value
  const beside: Record<string, unknown>[] = []
  for (let hops = 0; isRecord(current) && Object.hasOwn(current, '$ref'); hops++) {
    const { $ref, ...others } = current
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

import { createHash } from 'node:crypto'
import { mostValueBytes, type RecordType } from '../../core/base/record-types.ts'
import { type NewRecord, type RecordKey, type StoredRecord, StoreError, type Tenant } from './store.ts'

/** A key as the store sees it. */
export interface EncodedKey {
  readonly type: RecordType
  readonly tenant: string
  /** SHA-256 of type, tenant and id. */
  readonly hash: string
}

/** Whoever knows the id can use what it stands for. */
const secretIds: ReadonlySet<RecordType> = new Set(['Code'])

/** @throws TypeError for a service that was never created */
export function encodeKey({ type, tenant, id }: RecordKey): EncodedKey {
  const encoded = encodeTenant(tenant)
  const hash = createHash('sha256').update(JSON.stringify([type, encoded, id]))
  return { type, tenant: encoded, hash: hash.digest('hex') }
}

/** @throws TypeError for a service that was never created */
export function encodeTenant(tenant: Tenant): string {
  if (tenant === 'installation') return tenant
  if (!tenant.uid) throw new TypeError('a tenant of the token store has a uid')
  return tenant.uid
}

/**
 * The text of a value; undefined when there is none.
 * @throws StoreError value_too_large; TypeError when the end is no time, or the value holds the secret it is kept under
 */
export function encodeValue({ type, id }: RecordKey, { endsAt, value }: NewRecord): string | undefined {
  if (!Number.isSafeInteger(endsAt) || endsAt < 0 || endsAt > latestEnd) throw new TypeError('a record has an end')
  if (value === undefined) return undefined
  const text = JSON.stringify(value)
  if (secretIds.has(type) && text.includes(JSON.stringify(id).slice(1, -1))) {
    throw new TypeError(`the value of a ${type} holds its secret`)
  }
  if (Buffer.byteLength(text) > mostValueBytes) throw new StoreError('value_too_large')
  return text
}

/** The end of the year 9999, the last one that RFC 3339 can write. */
const latestEnd = 253_402_300_799

/** @returns undefined when it has ended @throws Error that quotes nothing when the text is no value of ours */
export function decodeRecord(endsAt: number, text: string | undefined, nowMs: number): StoredRecord | undefined {
  if (!Number.isFinite(endsAt)) throw new Error('a record of the token store has no end')
  if (endsAt * 1_000 <= nowMs) return undefined
  return { endsAt, value: text === undefined ? undefined : parseValue(text) }
}

function parseValue(text: string): StoredRecord['value'] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The parser's message would quote the value.
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error('a record of the token store holds no JSON object')
  }
  return value as StoredRecord['value']
}

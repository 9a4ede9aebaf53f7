import type { RecordType } from '../../../core/base/record-types.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import { decodeRecord, type EncodedKey } from '../encode-record.ts'
import type { StoredRecord } from '../store.ts'

/** The object that a record is. */
export interface TokenRecord extends KubeObject {
  spec: { type: RecordType; tenant: string; endsAt: string; value?: string }
}

/** Name of the object: what it is, for whoever looks, and the hash. */
export function nameOf({ type, hash }: EncodedKey): string {
  return `${type.toLowerCase()}-${hash}`
}

/** RFC 3339 to the second. */
export function timeOf(seconds: number): string {
  return new Date(seconds * 1_000).toISOString().replace('.000Z', 'Z')
}

/** @returns undefined for one that has ended or is being deleted @throws Error when it is none that the issuer wrote */
export function recordIn({ metadata, spec }: TokenRecord, nowMs: number): StoredRecord | undefined {
  if (metadata.deletionTimestamp !== undefined) return undefined
  return decodeRecord(Date.parse(spec.endsAt) / 1_000, spec.value, nowMs)
}

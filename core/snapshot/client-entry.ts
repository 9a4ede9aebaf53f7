import type { KeyObject } from 'node:crypto'
import type { Algorithm, PublicJwk } from '../api/access-key.ts'
import { importPublicKey } from '../jose/jwk.ts'
import type { ClientRow, ClusterRow, KeyRow } from '../rows/rows.ts'

/** A key that is imported on first use and kept; `null`: it cannot be used. */
export interface KeyEntry<R> {
  readonly row: R
  imported: KeyObject | null | undefined
}

export interface ClientEntry {
  readonly row: ClientRow
  readonly keys: readonly KeyEntry<KeyRow>[]
}

export interface ClusterEntry {
  readonly issuer: string
  readonly keys: readonly KeyEntry<ClusterRow['keys'][number]>[]
}

export function clientEntry(row: ClientRow): ClientEntry {
  return { row, keys: row.keys.map(key => ({ row: key, imported: undefined })) }
}

export function clusterEntry(row: ClusterRow): ClusterEntry {
  return { issuer: row.issuer, keys: row.keys.map(key => ({ row: key, imported: undefined })) }
}

/**
 * The key of an entry, in the form signatures are checked with.
 * @returns undefined when it is no key that may be used; nothing else of its client is touched by that
 */
export function keyObjectOf(
  entry: KeyEntry<{ readonly publicKey: PublicJwk }>,
  algorithm: Algorithm,
): KeyObject | undefined {
  if (entry.imported === undefined) entry.imported = tryImport(entry.row.publicKey, algorithm)
  return entry.imported ?? undefined
}

function tryImport(publicKey: PublicJwk, algorithm: Algorithm): KeyObject | null {
  try {
    return importPublicKey(publicKey, algorithm)
  } catch {
    return null
  }
}

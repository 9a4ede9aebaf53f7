import type { KeyObject } from 'node:crypto'
import type { Algorithm, PublicJwk } from '../api/access-key.ts'
import { importPublicKey } from '../jose/jwk.ts'
import type { AccessTokensRow, ClientRow, ClusterRow, KeyRow, ServiceRow } from '../rows/rows.ts'
import { serviceIssuer } from '../rows/service-issuer.ts'

/** A key that is imported on first use and kept for a while; `null`: it cannot be used. */
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

/** What a service proves access tokens with. */
export interface AccessTokensEntry {
  readonly row: AccessTokensRow
  /** Who issues its own. */
  readonly own: string
  readonly keys: readonly KeyEntry<AccessTokensRow['keys'][number]>[]
}

export function accessTokensEntry({ namespace, name, accessTokens }: ServiceRow): AccessTokensEntry | undefined {
  return (
    accessTokens && {
      row: accessTokens,
      own: serviceIssuer(accessTokens.issuer, `${namespace}/${name}`),
      keys: accessTokens.keys.map(key => ({ row: key, imported: undefined })),
    }
  )
}

export function clientEntry(row: ClientRow): ClientEntry {
  return { row, keys: row.keys.map(key => ({ row: key, imported: undefined })) }
}

export function clusterEntry(row: ClusterRow): ClusterEntry {
  return { issuer: row.issuer, keys: row.keys.map(key => ({ row: key, imported: undefined })) }
}

/**
 * Keys that stay imported. Each takes a kilobyte outside of the heap, which the collector does not see: of a hundred thousand
 * callers, in the policy in force and in the one that took its place, that is more than the process has left. To import one again
 * costs a twentieth of what it is needed for, which is to check a signature.
 */
export const mostImported = 8_192
const imported: (KeyEntry<unknown> | undefined)[] = []
let nextPlace = 0

/** In place of the one that was imported longest ago. */
function keepImported(entry: KeyEntry<unknown>): void {
  const oldest = imported[nextPlace]
  if (oldest) oldest.imported = undefined
  imported[nextPlace] = entry
  nextPlace = (nextPlace + 1) % mostImported
}

/**
 * The key of an entry, in the form signatures are checked with.
 * @returns undefined when it is no key that may be used; nothing else of its client is touched by that
 */
export function keyObjectOf(
  entry: KeyEntry<{ readonly publicKey: PublicJwk }>,
  algorithm: Algorithm,
): KeyObject | undefined {
  if (entry.imported === undefined) {
    entry.imported = tryImport(entry.row.publicKey, algorithm)
    if (entry.imported) keepImported(entry)
  }
  return entry.imported ?? undefined
}

function tryImport(publicKey: PublicJwk, algorithm: Algorithm): KeyObject | null {
  try {
    return importPublicKey(publicKey, algorithm)
  } catch {
    return null
  }
}

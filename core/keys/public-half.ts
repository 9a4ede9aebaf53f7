import type { PublishedKey } from '../api/access-key.ts'

/** What is published of a key: of a key pair its public key, of a secret its hash. */
export type PublicHalf = Pick<PublishedKey, 'publicKey' | 'secretHash'>

/** That alone, of whatever has it: what stands beside it may be private. */
export function publicHalf({ publicKey, secretHash }: PublicHalf): PublicHalf {
  return secretHash === undefined ? { publicKey } : { secretHash }
}

import type { KeyObject } from 'node:crypto'
import type { Algorithm } from '../api/access-key.ts'

/** A JWK as it came from somewhere: nothing is believed of its members. */
export type JwkLike = Readonly<Record<string, unknown>>

export function thumbprint(_jwk: JwkLike): string {
  throw new Error('being written')
}
export function checkPublicKey(_jwk: JwkLike, _algorithm: Algorithm): string | undefined {
  throw new Error('being written')
}
export function importPublicKey(_jwk: JwkLike, _algorithm: Algorithm): KeyObject {
  throw new Error('being written')
}

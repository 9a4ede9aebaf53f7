import type { Algorithm } from '../api/access-key.ts'
import { algorithms } from '../jose/algorithms.ts'
import { type ClientEntry, keyObjectOf } from '../snapshot/client-entry.ts'
import type { CompactToken } from './compact.ts'
import { isSignedBy } from './signed.ts'

/** Why a key does not prove a token, as sentences. @param what whose key it is */
export function signatureCauses(
  token: CompactToken,
  key: Parameters<typeof keyObjectOf>[0],
  algorithm: Algorithm,
  what: string,
): string[] {
  const { tokenAlgorithms } = algorithms[algorithm]
  const { alg } = token.header
  if (typeof alg !== 'string' || !tokenAlgorithms.includes(alg)) {
    const signed = isSignedBy(
      { ...token, header: { ...token.header, alg: tokenAlgorithms[0] } },
      algorithm,
      keyObjectOf(key, algorithm),
    )
    return [
      `alg is ${written(alg)}, and the key of ${what} is ${algorithm}: write ${tokenAlgorithms.join(' or ')}, and sign so.`,
      ...(signed ? [] : ['The signature is none of this key either.']),
    ]
  }
  return isSignedBy(token, algorithm, keyObjectOf(key, algorithm))
    ? []
    : [`The signature is not of ${what}: another private key signed, or the token was changed afterwards.`]
}

export function nameOf({ row }: ClientEntry): string {
  return `${row.namespace}/${row.name}`
}

/** What a token says, in a sentence: texts without their quotes. */
export function written(value: unknown): string {
  if (value === undefined) return 'not there'
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}

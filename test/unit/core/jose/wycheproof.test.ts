import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Algorithm } from '../../../../core/api/access-key.ts'
import { checkKeyForm, importPublicKey, type JwkLike } from '../../../../core/jose/jwk.ts'
import { verifySignature } from '../../../../core/jose/signature.ts'

// Project Wycheproof's signature vectors through the code that verifies every token; test/vectors/wycheproof/NOTICE
// says where they come from. Whatever differs stands below by its number, and only ever on the strict side.

interface Vector {
  readonly tcId: number
  readonly comment: string
  readonly flags: readonly string[]
  readonly msg: string
  readonly sig: string
  readonly result: 'valid' | 'invalid' | 'acceptable'
}
interface VectorFile {
  readonly numberOfTests: number
  readonly groups: readonly { readonly key: JwkLike; readonly tests: readonly Vector[] }[]
}

/** Valid for Wycheproof, refused here: tcIds, and why. */
const stricter: Readonly<Record<string, readonly { readonly tcIds: readonly number[]; readonly why: string }[]>> = {
  'ed25519.json': [],
  'ecdsa-p256-sha256-p1363.json': [],
  'rsa-2048-sha256.json': [
    { tcIds: [8], why: 'acceptable, not valid: the padding lacks the NULL that RFC 8017 section 9.2 demands' },
    { tcIds: [258, 259], why: 'the public exponent is 3: only 65537 is taken' },
  ],
}

const folder = new URL('../../../vectors/wycheproof/', import.meta.url)

function accepts(algorithm: Algorithm, key: JwkLike, { msg, sig }: Vector): boolean {
  if (checkKeyForm(key, algorithm) !== undefined) return false
  const [input, signature] = [Buffer.from(msg, 'hex'), Buffer.from(sig, 'hex')]
  return verifySignature(algorithm, importPublicKey(key, algorithm), input, signature)
}

describe.each([
  ['ed25519.json', 'Ed25519', 151],
  ['ecdsa-p256-sha256-p1363.json', 'ES256', 262],
  ['rsa-2048-sha256.json', 'RS256', 259],
] as const)('Wycheproof %s', (name, algorithm, count) => {
  const file = JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as VectorFile
  const verdicts = file.groups.flatMap(({ key, tests }) =>
    tests.map(vector => ({ ...vector, accepted: accepts(algorithm, key, vector) })),
  )

  test('is there as a whole', () => {
    expect(verdicts).toHaveLength(count)
    expect(file.numberOfTests).toBe(count)
  })
  test('J13 J14 J15 nothing that it calls invalid is accepted', () => {
    const taken = verdicts.filter(({ result, accepted }) => accepted && result === 'invalid')
    expect(taken.map(({ tcId, comment }) => `${tcId} ${comment}`)).toEqual([])
  })
  test('all that it calls valid is accepted, but for what is named', () => {
    const refused = verdicts.filter(({ result, accepted }) => !accepted && result !== 'invalid')
    const named = stricter[name]?.flatMap(({ tcIds, why }) => (why.length > 20 ? tcIds : []))
    expect(refused.map(({ tcId }) => tcId)).toEqual(named)
  })
})

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Algorithm } from '../../../../core/api/access-key.ts'
import { splitCompact } from '../../../../core/credential/compact.ts'
import { isSignedBy } from '../../../../core/credential/signed.ts'
import { verifyToken } from '../../../../core/credential/verify.ts'
import { algorithms } from '../../../../core/jose/algorithms.ts'
import { checkPublicKey, importPublicKey, type JwkLike } from '../../../../core/jose/jwk.ts'
import { clientRow, now, serviceRow, snapshotOf } from '../fixture.ts'

// Project Wycheproof's JSON vectors as they were published, through the code that takes every token apart, accepts every
// key and verifies every signature; test/vectors/wycheproof/NOTICE says where they come from. Their payloads (`foo`) are
// no claims, so they go no further than the signature; wycheproof-forms.test.ts has the same forms with claims. Whatever
// differs stands below by its number and with its reason.

interface Vector {
  readonly tcId: number
  readonly comment: string
  /** An object where the message is in JSON Serialization. */
  readonly jws?: string | object
  readonly jwe?: string
  readonly result: 'valid' | 'invalid'
}
interface Group {
  readonly comment: string
  readonly public?: JwkLike & { readonly keys?: readonly JwkLike[] }
  readonly private: JwkLike & { readonly keys?: readonly JwkLike[] }
  readonly tests: readonly Vector[]
}
interface VectorFile {
  readonly numberOfTests: number
  readonly testGroups: readonly Group[]
}
interface Difference {
  readonly tcIds: readonly number[]
  readonly why: string
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at)

/** Valid for Wycheproof, refused here; nothing is the other way round. */
const stricter: Readonly<Record<string, readonly Difference[]>> = {
  'json_web_signature_test.json': [
    { tcIds: [1, 348, 352], why: 'HS256: who can verify a MAC can forge it, so no key of a client is symmetric' },
    { tcIds: range(264, 271), why: 'RS384 and RS512 are none of our three algorithms' },
    { tcIds: [...range(272, 275), 287, 288], why: 'PS256 is none of our three algorithms' },
    { tcIds: [...range(320, 323), ...range(325, 328)], why: 'PS384 and PS512 are none of our three algorithms' },
    { tcIds: [346, 350], why: 'a PS256 key with a PS384 signature: the alg of a key holds, and neither is ours' },
    { tcIds: [347, 351], why: 'ES512 on P-521, in a key whose alg is called ES521: none of our three algorithms' },
    { tcIds: [357, 358, 359, 376, 377], why: 'HS256 again; the same forms pass in wycheproof-forms.test.ts' },
    { tcIds: [372, 373], why: 'HS256 again; a character that base64url does not have is refused under any key' },
  ],
  'json_web_key_test.json': [
    { tcIds: [2], why: 'HS256: no key of a client is symmetric, in a set of keys neither' },
    { tcIds: [13, 14, 15], why: 'HS256, HS384 and HS512 with long keys: no key of a client is symmetric' },
  ],
  'json_web_crypto_test.json': [
    { tcIds: [1, 48], why: 'HS256: no key of a client is symmetric, in a set of keys neither' },
    { tcIds: [50, 67], why: 'encrypted messages (JWE) have five parts: tokens are signed and never encrypted' },
  ],
}

/** The algorithm of ours that a key could be of. */
function algorithmFor({ kty, crv }: JwkLike): Algorithm | undefined {
  const found = Object.entries(algorithms).find(([, entry]) => entry.kty === kty && (!entry.crv || entry.crv === crv))
  return found?.[0] as Algorithm | undefined
}

/** As a guard does it: the key by its kid, registered before, and its algorithm, never the token's. */
function accepts({ public: shown, private: secret }: Group, message: string): boolean {
  const set = shown ?? secret
  const parts = splitCompact(message)
  const key = (set.keys ?? [set]).find(({ kid }) => kid !== undefined && kid === parts?.header.kid)
  const algorithm = key && algorithmFor(key)
  if (!parts || !key || !algorithm || checkPublicKey(key, algorithm) !== undefined) return false
  return isSignedBy(parts, algorithm, importPublicKey(key, algorithm))
}

const read = (name: string): VectorFile =>
  JSON.parse(readFileSync(new URL(`../../../vectors/wycheproof/${name}`, import.meta.url), 'utf8')) as VectorFile

describe.each([
  ['json_web_signature_test.json', 401],
  ['json_web_key_test.json', 26],
  ['json_web_crypto_test.json', 83],
] as const)('Wycheproof %s', (name, count) => {
  const file = read(name)
  const verdicts = file.testGroups.flatMap(group =>
    group.tests.map(vector => {
      const given = vector.jws ?? vector.jwe ?? ''
      const message = typeof given === 'string' ? given : JSON.stringify(given)
      return { ...vector, group: group.comment, message, accepted: accepts(group, message) }
    }),
  )
  const numbers = (differences: readonly Difference[] = []): number[] =>
    differences.flatMap(({ tcIds, why }) => (why.length > 20 ? tcIds : [])).sort((a, b) => a - b)

  test('is there as a whole', () => {
    expect([verdicts.length, file.numberOfTests]).toEqual([count, count])
  })
  test('J01 J02 J13 J27 nothing that it calls invalid is accepted', () => {
    const taken = verdicts.filter(({ result, accepted }) => accepted && result === 'invalid')
    expect(taken.map(({ tcId, group, comment }) => `${tcId} ${group} ${comment}`)).toEqual([])
  })
  test('all that it calls valid is accepted, but for what is named', () => {
    const refused = verdicts.filter(({ result, accepted }) => !accepted && result === 'valid')
    expect(refused.map(({ tcId }) => tcId)).toEqual(numbers(stricter[name]))
  })
  test('none of its messages is a token', () => {
    const snapshot = snapshotOf([serviceRow(), clientRow()])
    for (const { message } of verdicts) expect(verifyToken(message, snapshot, now)).toBe('invalid_token')
  })
})

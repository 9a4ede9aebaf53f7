import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { checkKeyForm, checkPublicKey } from '../../../../core/jose/jwk.ts'
import { ed25519Key, es256Key, keyPair } from '../fixture.ts'

// Keys that Project Wycheproof's json_web_key_test has no vector for, after its cases: of our three algorithms, and
// without a signature beside them. Its own vectors run in test/unit/core/credential/wycheproof-json.test.ts.

const okp = ed25519Key('okp').publicKey
const point = es256Key.publicKey
const rsaKey = keyPair('RS256', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)
const smallExponent = generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 })
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' })

test.each([
  ['a small public exponent', smallExponent.publicKey.export({ format: 'jwk' }), 'RS256'],
  ['key_ops without verify', { ...rsaKey.publicKey, key_ops: ['encrypt'] }, 'RS256'],
  ['mismatched alg of RSA', { ...rsaKey.publicKey, alg: 'PS256' }, 'RS256'],
  ['mismatched alg of OKP', { ...okp, alg: 'ES256' }, 'Ed25519'],
  ['a use that is not sig, of OKP', { ...okp, use: 'enc' }, 'Ed25519'],
  ['another curve under its own name', p384, 'ES256'],
  ['another curve called P-256', { ...p384, crv: 'P-256' }, 'ES256'],
  ['a point for RSA', { ...point, kty: 'RSA' }, 'RS256'],
  ['a symmetric key', { kty: 'oct', k: 'AAECAw', alg: 'HS256' }, 'ES256'],
] as const)('J27 %s is refused with a reason', (_name, jwk, algorithm) => {
  expect(checkPublicKey({ ...jwk }, algorithm)).toMatch(/^The .*\. [A-Z].*|kty|crv/)
  expect(checkKeyForm({ ...jwk }, algorithm)).toBeDefined()
})

test('a key is taken with the alg that fits, or with none', () => {
  for (const [key, alg, algorithm] of [
    [rsaKey.publicKey, 'RS256', 'RS256'],
    [point, 'ES256', 'ES256'],
    [okp, 'EdDSA', 'Ed25519'],
    [okp, 'Ed25519', 'Ed25519'],
    [okp, undefined, 'Ed25519'],
  ] as const) {
    expect(checkPublicKey({ ...key, use: 'sig', alg }, algorithm)).toBeUndefined()
  }
})

import { expect, test } from 'vitest'
import { jwksOf } from '../../../../core/jose/jwks.ts'
import { ed25519Key, es256Key, now } from '../fixture.ts'

const key = ed25519Key('a')

test('O27: publishes public members only, with kid and use', () => {
  const withPrivate = { ...key, publicKey: { ...key.publicKey, d: 'secret', kid: 'other', alg: 'none' } as never }
  expect(jwksOf([withPrivate], now)).toEqual({ keys: [{ ...key.publicKey, kid: key.kid, use: 'sig' }] })
})

test('gives EC keys their alg and OKP keys none', () => {
  const { keys } = jwksOf([es256Key, key], now)
  expect(keys.map(({ kty, alg }) => [kty, alg])).toEqual([
    ['EC', 'ES256'],
    ['OKP', undefined],
  ])
})

test('leaves out revoked and ended keys, and a kid that is there already', () => {
  const keys = [
    { ...key, revoked: true },
    { ...key, kid: 'ended', notAfter: now },
    { ...key, kid: 'ends', notAfter: now + 1 },
    { ...key, kid: 'ends' },
  ]
  expect(jwksOf(keys, now).keys.map(({ kid }) => kid)).toEqual(['ends'])
})

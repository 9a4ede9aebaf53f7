import { SignJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import type { DenyReason } from '../../../../core/base/reasons.ts'
import { clientTokenClaims } from '../../../../core/credential/client-token-claims.ts'
import { verifyToken } from '../../../../core/credential/verify.ts'
import {
  audience,
  claims,
  clientId,
  clientRow,
  clientToken,
  ed25519Key,
  es256Key,
  headerOf,
  issuer,
  keyRow,
  mainKey,
  now,
  serviceRow,
  signToken,
  snapshotOf,
  usualRows,
} from '../fixture.ts'
import { threeKeys as keys, threeKeySnapshot as snapshot } from './three-keys.ts'

const verify = (token: string, at = now, from = snapshot) => verifyToken(token, from, at)
const withClient = (changes: Parameters<typeof clientRow>[0]) => snapshotOf([serviceRow(), clientRow(changes)])

describe('a good client token', () => {
  test('proves the client, its key and how long that holds', () => {
    expect(verify(clientToken())).toEqual({
      clientId,
      client: 'billing/invoices',
      key: mainKey.kid,
      credential: 'ClientToken',
      subject: clientId,
      scopes: [],
      expiresAt: now + 330,
      proof: { issuedAt: now, endsAt: now + 330, audience, issuer },
    })
  })

  test.each(keys.map(key => [key.algorithm, key] as const))('may be signed with %s by jose', async (_, key) => {
    const request = { clientId, issuer, audience, now, jti: 'j' }
    for (const alg of key.algorithm === 'Ed25519' ? ['EdDSA', 'Ed25519'] : [key.algorithm]) {
      const jwt = new SignJWT({ ...clientTokenClaims(request) }).setProtectedHeader({ ...headerOf(key), alg } as never)
      expect(verify(await jwt.sign(key.privateKey))).toMatchObject({ key: key.kid })
    }
  })

  test.each(['at+jwt', 'AT+JWT', 'application/at+jwt', 'Application/AT+jwt'])('may have typ %s', typ => {
    expect(verify(signToken({ ...headerOf(), typ }, claims()))).toMatchObject({ clientId })
  })

  test('may have its audience in an array of one', () => {
    expect(verify(clientToken({ aud: [audience] }))).toMatchObject({ proof: { audience } })
  })

  test('carries no roles and no scopes: other claims are ignored', () => {
    const token = clientToken({ roles: ['admin'], scope: 'all', act: { sub: 'x' }, __proto__: null })
    expect(verify(token)).toMatchObject({ scopes: [], subject: clientId })
    expect(verify(token)).not.toHaveProperty('roles')
  })

  test('carries the roles its key is narrowed to, also none', () => {
    expect(verify(clientToken(), now, withClient({ keys: [keyRow(mainKey, { roles: [] })] }))).toMatchObject({
      roles: [],
    })
  })

  test('is good no longer than its key', () => {
    const ending = withClient({ keys: [keyRow(mainKey, { notAfter: now + 10 })] })
    expect(verify(clientToken(), now, ending)).toMatchObject({ expiresAt: now + 10 })
  })
})

describe('before the signature is proved every fault is invalid_token', () => {
  const stranger = ed25519Key('stranger')
  test.each([
    ['another signer', signToken(headerOf(), claims(), stranger)],
    ['another signer, and expired', signToken(headerOf(), claims({ exp: now - 100, iat: now - 200 }), stranger)],
    ['another signer, and for another service', signToken(headerOf(), claims({ aud: 'https://x' }), stranger)],
    ['an unknown kid (J25)', signToken({ ...headerOf(), kid: 'unknown' }, claims())],
    ['no kid', signToken({ ...headerOf(), kid: undefined }, claims())],
    ['a kid that is a list', signToken({ ...headerOf(), kid: [mainKey.kid] }, claims())],
    ['the kid of another key', signToken({ ...headerOf(), kid: es256Key.kid }, claims())],
    ['an unknown issuer', clientToken({ iss: 'https://issuer.example/default/v1/clients/sc_b' })],
    ['no issuer (J17)', clientToken({ iss: undefined })],
    ['J21: the issuer in an array', clientToken({ iss: [issuer] })],
    ['J21: a trailing slash', clientToken({ iss: `${issuer}/` })],
    ['J21: another case', clientToken({ iss: issuer.toUpperCase() })],
    ['J21: user information', clientToken({ iss: issuer.replace('https://', 'https://a@') })],
    ['J21: a prefix', clientToken({ iss: issuer.slice(0, -1) })],
  ])('%s', (_, token) => {
    expect(verify(token)).toBe('invalid_token')
  })
})

describe('once it is proved', () => {
  test.each([
    ['no exp (J17)', 'claim_missing', { exp: undefined }],
    ['no iat', 'claim_missing', { iat: undefined }],
    ['no aud (J17)', 'claim_missing', { aud: undefined }],
    ['no jti (J17)', 'claim_missing', { jti: undefined }],
    ['no sub (J17)', 'claim_missing', { sub: undefined }],
    ['the sub of somebody else', 'sub_invalid', { sub: 'sc_b' }],
    ['a sub that is a list', 'sub_invalid', { sub: [clientId] }],
    ['no client_id', 'claim_missing', { client_id: undefined }],
    ['another client_id', 'client_id_invalid', { client_id: 'sc_b' }],
    ['a client_id that is a list', 'client_id_invalid', { client_id: [clientId] }],
    ['a jti that is null', 'jti_invalid', { jti: null }],
    ['an audience that is null', 'aud_invalid', { aud: null }],
    ['an audience that is a number', 'aud_invalid', { aud: [7] }],
    ['an empty jti', 'jti_invalid', { jti: '' }],
    ['a jti of 129 characters', 'jti_invalid', { jti: 'j'.repeat(129) }],
    ['a jti that is a number', 'jti_invalid', { jti: 7 }],
    ['J18: exp as a text', 'exp_invalid', { exp: `${now + 300}` }],
    ['J18: exp null', 'exp_invalid', { exp: null }],
    ['J18: exp with a fraction', 'exp_invalid', { exp: now + 0.5 }],
    ['J18: exp negative', 'exp_invalid', { exp: -1 }],
    ['J18: exp 1e308', 'exp_invalid', { exp: 1e308 }],
    ['J18: exp 2^53', 'exp_invalid', { exp: 2 ** 53 }],
    ['J18: a life of 901 s', 'lifetime_invalid', { exp: now + 901 }],
    ['exp before iat', 'lifetime_invalid', { iat: now, exp: now - 1 }],
    ['iat with a fraction', 'iat_invalid', { iat: now - 0.5 }],
    ['iat in milliseconds', 'lifetime_invalid', { iat: now * 1_000 }],
    ['iat and exp in milliseconds', 'token_not_yet_valid', { iat: now * 1_000, exp: now * 1_000 + 300 }],
    ['iat null', 'iat_invalid', { iat: null }],
    ['iat as a text', 'iat_invalid', { iat: `${now}` }],
    ['nbf as a text', 'nbf_invalid', { nbf: `${now}` }],
    ['nbf null', 'nbf_invalid', { nbf: null }],
    ['J19: nbf after the tolerance', 'token_not_yet_valid', { nbf: now + 31 }],
    ['J19: iat after the tolerance', 'token_not_yet_valid', { iat: now + 31 }],
    ['J20: an empty audience', 'aud_invalid', { aud: [] }],
    ['J20: several audiences', 'aud_invalid', { aud: [audience, 'https://x'] }],
    ['J20: the audience twice', 'aud_invalid', { aud: [audience, audience] }],
    ['an audience that is an object', 'aud_invalid', { aud: { [audience]: true } }],
    ['an iat before the client was made', 'token_predates_key', { iat: now - 7_231, exp: now - 7_231 + 900 }],
  ] as [string, DenyReason, Record<string, unknown>][])('%s is %s', (_, reason, changes) => {
    const at = typeof changes.iat === 'number' && changes.iat < now - 900 ? changes.iat + 1 : now
    expect(verify(clientToken(changes), at)).toBe(reason)
  })

  test.each([
    ['a life of exactly 900 s', { exp: now + 900 }],
    ['J19: iat and nbf within the tolerance', { iat: now + 30, nbf: now + 30 }],
    ['a jti of 128 characters', { jti: 'j'.repeat(128) }],
  ])('%s is fine', (_, changes) => {
    expect(verify(clientToken(changes))).toMatchObject({ clientId })
  })

  test('J19: it is expired from exp and the tolerance on, to the second', () => {
    const token = clientToken({ iat: now - 100, exp: now - 30 })
    expect(verify(token)).toBe('token_expired')
    expect(verify(token, now - 1)).toMatchObject({ expiresAt: now })
  })

  test.each([
    ['another', 'https://invoices.shop.svc'],
    ['a superset', `${audience}.example`],
    ['a part', audience.slice(0, -1)],
    ['another case', audience.toUpperCase()],
    ['one in an array', ['https://invoices.shop.svc']],
  ])('J20: %s is wrong_audience', (_, aud) => {
    expect(verify(clientToken({ aud }))).toBe('wrong_audience')
  })

  test('a revoked key is told before everything else', () => {
    const revoked = withClient({ suspended: true, keys: [keyRow(mainKey, { revoked: true, notAfter: now - 1 })] })
    expect(verify(clientToken({ exp: now - 100, iat: now - 200, aud: 'x' }), now, revoked)).toBe('key_revoked')
  })

  test('O10: a suspended client is told', () => {
    expect(verify(clientToken(), now, withClient({ suspended: true }))).toBe('client_suspended')
  })

  test('O06: an ended key is told from its second on, without tolerance', () => {
    const ended = withClient({ keys: [keyRow(mainKey, { notAfter: now })] })
    expect(verify(clientToken(), now, ended)).toBe('key_expired')
    expect(verify(clientToken({ iat: now - 1 }), now - 1, ended)).toMatchObject({ clientId })
  })

  test('a token older than its key is of another key, as far as clocks can tell', () => {
    const young = withClient({ keys: [keyRow(mainKey, { notBefore: now + 31 })] })
    expect(verify(clientToken(), now + 31, young)).toBe('token_predates_key')
    expect(verify(clientToken({ iat: now + 1 }), now + 31, young)).toMatchObject({ clientId })
  })

  test('a token older than its client is of another client', () => {
    expect(verify(clientToken(), now, withClient({ createdAt: now + 31 }))).toBe('token_predates_key')
  })

  test('a service that takes no client tokens says so', () => {
    const picky = snapshotOf([serviceRow({ accepts: ['ServiceAccountToken'] }), clientRow()])
    expect(verify(clientToken(), now, picky)).toBe('credential_unsupported')
  })
})

test('a service row that cannot be read proves nobody', () => {
  const unreadable = snapshotOf([{ ...serviceRow(), newField: 1 }, clientRow()])
  expect(verify(clientToken(), now, unreadable)).toBe('invalid_token')
})

test('one bad key leaves the other keys of its client usable', () => {
  const small = { kty: 'OKP' as const, crv: 'Ed25519' as const, x: Buffer.alloc(32).toString('base64url') }
  const rows = usualRows().map(row =>
    (row as { type: string }).type === 'client'
      ? clientRow({ keys: [keyRow(es256Key, { algorithm: 'Ed25519', publicKey: small, kid: 'bad' }), keyRow()] })
      : row,
  )
  expect(verify(clientToken(), now, snapshotOf(rows))).toMatchObject({ clientId })
})

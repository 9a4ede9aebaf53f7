import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { tokenProvider } from '../../../sdk/token-provider.ts'
import { clientJwk, decode, type MountedSecret, mountSecret } from './mounted-secret.ts'

const audience = 'https://orders.shop.svc'
const start = Date.UTC(2026, 0, 1) / 1_000
const filesOf = (jwk: object) => ({ 'private.jwk': JSON.stringify(jwk) })
let secret: MountedSecret | undefined

/** Moves both clocks. */
const pass = (seconds: number) => vi.advanceTimersByTime(seconds * 1_000)

beforeEach(() => {
  vi.useFakeTimers({ now: start * 1_000, toFake: ['Date', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
  secret?.remove()
  secret = undefined
})

describe('a token', () => {
  test.each([
    ['Ed25519', 'EdDSA'],
    ['ES256', 'ES256'],
    ['RS256', 'RS256'],
  ] as const)('of a %s key says alg %s and claims what guards ask for', async (algorithm, alg) => {
    const key = clientJwk(algorithm)
    const { header, claims } = decode(await tokenProvider({ key }).token(audience))
    expect(header).toEqual({ alg, typ: 'at+jwt', kid: key.kid })
    expect(claims).toEqual({
      iss: key.issuer,
      sub: 'sc_test',
      client_id: 'sc_test',
      aud: audience,
      iat: start,
      exp: start + 300,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
    })
  })

  test('says Ed25519 when the provider is told so', async () => {
    const token = await tokenProvider({ key: clientJwk(), algorithmName: 'Ed25519' }).token(audience)
    expect(decode(token).header.alg).toBe('Ed25519')
  })

  test('is reused per audience until one minute of it is left', async () => {
    const provider = tokenProvider({ key: clientJwk() })
    const first = await provider.token(audience)
    pass(239)
    expect(await provider.token(audience)).toBe(first)
    expect(await provider.token('https://other.shop.svc')).not.toBe(first)
    pass(1)
    const second = await provider.token(audience)
    expect(second).not.toBe(first)
    expect(decode(second).claims.exp).toBe(start + 240 + 300)
  })

  test('is signed anew for an audience that 256 others pushed out', async () => {
    const provider = tokenProvider({ key: clientJwk() })
    const first = await provider.token(audience)
    for (let n = 0; n < 256; n++) await provider.token(`https://service-${n}.shop.svc`)
    expect(await provider.token(audience)).not.toBe(first)
  })

  test.each([0, 901, Number.NaN])('with a lifetime of %d seconds is not made', lifetimeSeconds => {
    expect(() => tokenProvider({ key: clientJwk(), lifetimeSeconds })).toThrow(
      expect.objectContaining({ code: 'option_invalid' }),
    )
  })

  test('is not given after the provider was closed', async () => {
    const provider = tokenProvider({ key: clientJwk() })
    provider.close()
    await expect(provider.token(audience)).rejects.toMatchObject({ code: 'provider_closed' })
  })
})

describe('the key', () => {
  test('is read from the mounted private.jwk, which is enough by itself', async () => {
    const key = clientJwk()
    secret = mountSecret(filesOf(key))
    const { header } = decode(await tokenProvider({ directory: secret.directory }).token(audience))
    expect(header.kid).toBe(key.kid)
  })

  test('takes client id and issuer from the files beside it when the JWK lacks them', async () => {
    const { client_id, issuer, ...bare } = clientJwk()
    secret = mountSecret({
      ...filesOf(bare),
      'client-id': `${client_id}\n`,
      issuer: 'https://issuer.example/default\n',
    })
    const { claims } = decode(await tokenProvider({ directory: secret.directory }).token(audience))
    expect(claims).toMatchObject({ iss: issuer, sub: client_id })
  })

  test('is read from LATCHKEY_PRIVATE_JWK', async () => {
    const key = clientJwk()
    const env = { LATCHKEY_PRIVATE_JWK: JSON.stringify(key) }
    expect(decode(await tokenProvider({ env }).token(audience)).header.kid).toBe(key.kid)
  })

  test('is found in the one service binding of type latchkey', async () => {
    const root = mkdtempSync(join(tmpdir(), 'latchkey-bindings-'))
    const key = clientJwk()
    mkdirSync(join(root, 'db'))
    writeFileSync(join(root, 'db', 'type'), 'postgresql')
    mkdirSync(join(root, 'orders'))
    writeFileSync(join(root, 'orders', 'type'), 'latchkey\n')
    writeFileSync(join(root, 'orders', 'private.jwk'), JSON.stringify(key))
    const env = { SERVICE_BINDING_ROOT: root }
    expect(decode(await tokenProvider({ env }).token(audience)).header.kid).toBe(key.kid)
    mkdirSync(join(root, 'second'))
    writeFileSync(join(root, 'second', 'type'), 'latchkey')
    await expect(tokenProvider({ env }).token(audience)).rejects.toMatchObject({ code: 'key_missing' })
    rmSync(root, { recursive: true })
    await expect(tokenProvider({ env }).token(audience)).rejects.toMatchObject({ code: 'key_missing' })
  })

  test('follows a rotation within a second, and forgets tokens of the old key', async () => {
    const [old, next] = [clientJwk(), clientJwk()]
    secret = mountSecret(filesOf(old))
    const provider = tokenProvider({ directory: secret.directory })
    const first = await provider.token(audience)
    secret.replace(filesOf(next))
    expect(await provider.token(audience)).toBe(first)
    pass(1)
    expect(decode(await provider.token(audience)).header.kid).toBe(next.kid)
  })

  test.each([
    ['emptied', {}],
    ['half-written', { 'private.jwk': JSON.stringify(clientJwk()).slice(0, 60) }],
    ['mixed from two keys', { 'private.jwk': JSON.stringify({ ...clientJwk(), d: clientJwk().d }) }],
  ])('goes on signing while the directory is %s, and changes when it is whole again', async (_, broken) => {
    const [old, next] = [clientJwk(), clientJwk()]
    secret = mountSecret(filesOf(old))
    const provider = tokenProvider({ directory: secret.directory })
    await provider.token(audience)
    secret.replace(broken)
    pass(300)
    expect(decode(await provider.token(audience)).header.kid).toBe(old.kid)
    secret.replace(filesOf(next))
    pass(1)
    expect(decode(await provider.token(audience)).header.kid).toBe(next.kid)
  })

  test('that is not there yet is an error with a stable code, and is used once it is there', async () => {
    secret = mountSecret({})
    const provider = tokenProvider({ directory: secret.directory })
    await expect(provider.token(audience)).rejects.toMatchObject({ name: 'AccessError', code: 'key_missing' })
    secret.replace(filesOf(clientJwk()))
    await expect(provider.token(audience)).resolves.toContain('.')
  })

  test.each([
    ['no JSON', '{"d":'],
    ['no object', '"text"'],
    ['a public key', JSON.stringify({ ...clientJwk(), d: undefined })],
    ['another curve', JSON.stringify({ ...clientJwk(), crv: 'Ed448' })],
    ['an algorithm of another type', JSON.stringify({ ...clientJwk(), alg: 'ES256' })],
    ['no client id', JSON.stringify({ ...clientJwk(), client_id: undefined })],
    ['no issuer', JSON.stringify({ ...clientJwk(), issuer: 'here' })],
    ['another key’s kid', JSON.stringify({ ...clientJwk(), kid: 'x' })],
    ['a private part that is none', JSON.stringify({ ...clientJwk(), d: 'AQAB' })],
  ])('that is %s is refused without quoting it', async (_, text) => {
    const env = { LATCHKEY_PRIVATE_JWK: text }
    const error = await tokenProvider({ env })
      .token(audience)
      .catch(reason => reason)
    expect(error).toMatchObject({ name: 'AccessError', code: 'key_invalid' })
    expect(error.cause).toBeUndefined()
    const [, d = '{"d":'] = /"d":"([^"]+)"/.exec(text) ?? []
    expect(error.message).not.toContain(d)
  })

  test('is read once for many callers at once', async () => {
    secret = mountSecret(filesOf(clientJwk()))
    const provider = tokenProvider({ directory: secret.directory })
    const tokens = await Promise.all(Array.from({ length: 50 }, () => provider.token(audience)))
    expect(new Set(tokens).size).toBe(1)
  })
})

test('refresh signs anew, at most once a second', async () => {
  const provider = tokenProvider({ key: clientJwk() })
  const first = await provider.token(audience)
  expect(await provider.refresh()).toBe(true)
  const second = await provider.token(audience)
  expect(second).not.toBe(first)
  expect(await provider.refresh()).toBe(false)
  expect(await provider.token(audience)).toBe(second)
})

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { type SessionProviderOptions, sessionProvider } from '../../../sdk/session-provider.ts'
import { knownSecrets } from '../core/secret/secrets.ts'
import { type AnsweringIssuer, startAnsweringIssuer } from './answering-issuer.ts'
import { clientJwk, decode, type MountedSecret, mountSecret } from './mounted-secret.ts'

const audience = 'https://orders.shop.svc'
const [one, two] = knownSecrets
let issuer: AnsweringIssuer
let secret: MountedSecret | undefined
let number: number

/** Moves both clocks. */
const pass = (seconds: number) => vi.advanceTimersByTime(seconds * 1_000)
const given = () => ({ status: 200, body: { access_token: `t${++number}`, token_type: 'Bearer', expires_in: 300 } })
const refused = (error: string, description = 'no') => ({
  status: 400,
  body: { error, error_description: description },
})
const key = () => ({ ...clientJwk(), issuer: `${issuer.url}/v1/clients/sc_test` })
const ofKey = (options: Partial<SessionProviderOptions> = {}) =>
  sessionProvider({ key: key(), ca: issuer.ca, ...options })
const filesOf = ({ keyId, secret: text }: { keyId: string; secret: string }) => ({
  ...{ 'client-id': 'sc_test', 'key-id': keyId, secret: text, issuer: issuer.url, 'ca.crt': issuer.ca },
})
const formOf = (at = 0) => Object.fromEntries(new URLSearchParams(issuer.asked[at]?.body))
const codeOf = (promise: Promise<unknown>) => promise.then(() => 'none').catch(error => error.code)

beforeAll(async () => {
  issuer = await startAnsweringIssuer()
})
afterAll(() => issuer.close())
beforeEach(() => {
  vi.useFakeTimers({ now: Date.now(), toFake: ['Date', 'performance'] })
  number = 0
  issuer.answerWith(given)
})
afterEach(() => {
  vi.useRealTimers()
  secret?.remove()
  secret = undefined
})

describe('a session token', () => {
  test('is asked for with an assertion for the issuer alone, and for one audience', async () => {
    expect(await ofKey({ scope: 'a b' }).token(audience)).toBe('t1')
    const { client_assertion: assertion = '', ...form } = formOf()
    expect(form).toEqual({
      grant_type: 'client_credentials',
      resource: audience,
      scope: 'a b',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    })
    const { header, claims } = decode(assertion)
    const now = Math.floor(Date.now() / 1_000)
    expect(header).toMatchObject({ typ: 'client-authentication+jwt', alg: 'EdDSA' })
    expect(claims).toEqual({
      ...{ iss: 'sc_test', sub: 'sc_test', aud: issuer.url, iat: now, exp: now + 60, jti: expect.any(String) },
    })
  })

  test('of a service is asked for at the service’s own server, which the assertion is for', async () => {
    await ofKey({ service: 'shop/orders' }).token(audience)
    expect(issuer.asked[0]?.path).toBe('/default/services/shop/orders/oauth/token')
    expect(decode(formOf().client_assertion ?? '').claims.aud).toBe(`${issuer.url}/services/shop/orders`)
  })

  test('is asked for with the client secret of a mounted Secret, in the header alone', async () => {
    secret = mountSecret(filesOf(one))
    expect(await sessionProvider({ directory: secret.directory }).token(audience)).toBe('t1')
    const [, basic = ''] = issuer.asked[0]?.authorization?.split('Basic ') ?? []
    expect(Buffer.from(basic, 'base64').toString()).toBe(`sc_test:${one.secret}`)
    expect(formOf()).toEqual({ grant_type: 'client_credentials', resource: audience })
  })

  test('is kept for its audience until a minute of it is left', async () => {
    const provider = ofKey()
    expect(await provider.token(audience)).toBe('t1')
    pass(239)
    expect(await provider.token(audience)).toBe('t1')
    expect(await provider.token('https://other.shop.svc')).toBe('t2')
    pass(1)
    expect(await provider.token(audience)).toBe('t3')
  })

  test('that is short is kept until a fifth of it is left', async () => {
    issuer.answerWith(() => ({
      status: 200,
      body: { access_token: `t${++number}`, token_type: 'bearer', expires_in: 10 },
    }))
    const provider = ofKey()
    await provider.token(audience)
    pass(7.9)
    expect(await provider.token(audience)).toBe('t1')
    pass(0.1)
    expect(await provider.token(audience)).toBe('t2')
  })

  test('is asked for once by fifty that want it at one time', async () => {
    const provider = ofKey()
    const all = await Promise.all(Array.from({ length: 50 }, () => provider.token(audience)))
    expect([new Set(all).size, issuer.asked.length]).toEqual([1, 1])
  })

  test('is used to its end while the issuer is away, and no longer', async () => {
    const provider = ofKey()
    await provider.token(audience)
    issuer.answerWith(() => ({ status: 503, body: { error: 'temporarily_unavailable' } }))
    pass(250)
    expect(await provider.token(audience)).toBe('t1')
    pass(46)
    expect(await codeOf(provider.token(audience))).toBe('token_unavailable')
  })

  test('is not used on when the issuer says that the client is nobody', async () => {
    const provider = ofKey()
    await provider.token(audience)
    issuer.answerWith(() => refused('invalid_client'))
    pass(250)
    expect(await codeOf(provider.token(audience))).toBe('client_refused')
  })

  test('is asked for anew after a refresh, also while one from before is on its way', async () => {
    const provider = ofKey()
    let release = (): void => {}
    issuer.answerWith(() => new Promise(resolve => (release = () => resolve(given()))))
    const before = provider.token(audience)
    await vi.waitFor(() => expect(issuer.asked).toHaveLength(1))
    await provider.refresh()
    const old = release
    const after = provider.token(audience)
    await vi.waitFor(() => expect(issuer.asked).toHaveLength(2))
    release()
    const next = await after
    old()
    expect([(await before) === next, await provider.token(audience)]).toEqual([false, next])
  })
})

describe('a Secret that is rotated', () => {
  test('is followed: when the old secret is refused, the one that is there now is sent', async () => {
    secret = mountSecret(filesOf(one))
    const provider = sessionProvider({ directory: secret.directory })
    await provider.token(audience)
    const good = `Basic ${Buffer.from(`sc_test:${two.secret}`).toString('base64')}`
    issuer.answerWith(({ authorization }) => (authorization === good ? given() : refused('invalid_client')))
    secret.replace(filesOf(two))
    // Within the second in which nobody looks at the Secret.
    expect(await provider.token('https://other.shop.svc')).toBe('t2')
    expect(issuer.asked).toHaveLength(2)
  })

  test('is not asked with again when it is still the same', async () => {
    secret = mountSecret(filesOf(one))
    issuer.answerWith(() => refused('invalid_client', 'client authentication failed'))
    const asked = sessionProvider({ directory: secret.directory }).token(audience)
    await expect(asked).rejects.toMatchObject({
      code: 'client_refused',
      message: 'The issuer gave no token: invalid_client: client authentication failed',
    })
    expect(issuer.asked).toHaveLength(1)
  })
})

describe('fails', () => {
  test.each([
    ['that the client has nothing there', refused('invalid_target'), 'not_subscribed'],
    ['that no role knows the scope', refused('invalid_scope'), 'token_refused'],
    ['that it is asked too often', { status: 429, body: { error: 'slow_down' } }, 'token_unavailable'],
    ['something that is no answer', { status: 200, body: '<html>' }, 'token_unavailable'],
    ['a token without an end', { status: 200, body: { access_token: 'a', token_type: 'Bearer' } }, 'token_unavailable'],
    [
      'a token of another type',
      { status: 200, body: { access_token: 'a', token_type: 'DPoP', expires_in: 9 } },
      'token_unavailable',
    ],
    ['a page of a proxy', { status: 403, body: 'no' }, 'token_unavailable'],
    ['more than is read', { status: 200, body: ' '.repeat(70_000) }, 'token_unavailable'],
  ])('when the issuer says %s', async (_, answer, code) => {
    issuer.answerWith(() => answer)
    expect(await codeOf(ofKey().token(audience))).toBe(code)
  })

  test.each([
    ['of another issuer', () => ({ issuer: 'https://else.example', token_endpoint: 'https://else.example/token' })],
    ['that names no endpoint', (issuer: string) => ({ issuer })],
    ['that names one without TLS', (issuer: string) => ({ issuer, token_endpoint: 'http://127.0.0.1/token' })],
  ])('for a discovery document %s, and asks nobody', async (_, document) => {
    issuer.answerWith(given, document as never)
    expect(await codeOf(ofKey().token(audience))).toBe('token_unavailable')
    expect(issuer.asked).toEqual([])
  })

  test('for an issuer with a certificate that is not trusted', async () => {
    expect(await codeOf(sessionProvider({ key: key() }).token(audience))).toBe('token_unavailable')
  })

  test.each([
    ['a static secret', () => ({ secret: `sc_test.${one.keyId}.${one.secret}` }), 'key_invalid'],
    ['an API key', () => ({ secret: one.apiKey }), 'key_invalid'],
    ['a secret without its client', () => ({ 'client-id': '' }), 'key_invalid'],
    ['neither a key nor a secret', () => ({ secret: '' }), 'key_missing'],
  ])('for a Secret that holds %s, and never tells it', async (_, files, code) => {
    secret = mountSecret({ ...filesOf(one), ...files() })
    const error = await sessionProvider({ directory: secret.directory })
      .token(audience)
      .catch(reason => reason)
    expect(error.code).toBe(code)
    expect(error.message).not.toMatch(/lks_|YWNjX/)
  })

  test('for what cannot be meant', async () => {
    expect(() => sessionProvider({ service: 'orders' })).toThrow('service must be namespace/name')
    expect(await codeOf(ofKey().token(''))).toBe('option_invalid')
    expect(await codeOf(sessionProvider({ key: clientJwk('Ed25519', 'other') }).token(audience))).not.toBe('none')
    const stranger = { ...key(), issuer: 'https://issuer.example/elsewhere' }
    expect(await codeOf(ofKey({ key: stranger }).token(audience))).toBe('key_invalid')
    const closed = ofKey()
    closed.close()
    expect(await codeOf(closed.token(audience))).toBe('provider_closed')
  })

  test('with nothing in its message that could draw a line of its own', async () => {
    issuer.answerWith(() => refused('invalid_scope', `a\nb${'c'.repeat(300)}`))
    const { message } = await ofKey()
      .token(audience)
      .catch(reason => reason)
    expect(message).toBe(`The issuer gave no token: invalid_scope: a?b${'c'.repeat(197)}`)
  })
})

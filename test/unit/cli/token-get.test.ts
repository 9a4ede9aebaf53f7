import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { knownSecrets } from '../core/secret/secrets.ts'
import { type AnsweringIssuer, startAnsweringIssuer } from '../sdk/answering-issuer.ts'
import { clientJwk, decode, type MountedSecret, mountSecret } from '../sdk/mounted-secret.ts'
import { commandLine } from './command-line.ts'

let issuer: AnsweringIssuer
let secret: MountedSecret | undefined
beforeAll(async () => {
  issuer = await startAnsweringIssuer()
})
afterAll(() => issuer.close())
afterEach(() => secret?.remove())

function mounted(): string {
  const jwk = { ...clientJwk(), issuer: `${issuer.url}/v1/clients/sc_test` }
  secret = mountSecret({ 'private.jwk': JSON.stringify(jwk), 'key-id': 'k', 'ca.crt': issuer.ca })
  return secret.directory
}
const orders = ['--service', 'shop/orders']
const get = (what: string, ...args: string[]) => commandLine(['token', what, ...args], { env: {} })
const aToken = [
  { alg: 'EdDSA', typ: 'at+jwt', kid: 'i' },
  { iss: 'i', aud: 'a', exp: 2_000_000_000, roles: ['reader'] },
  'x',
]
  .map(part => (typeof part === 'string' ? 'AAAA' : Buffer.from(JSON.stringify(part)).toString('base64url')))
  .join('.')
const given = { access_token: aToken, token_type: 'Bearer', expires_in: 300 }

describe('latchkey token mint', () => {
  it('prints the token alone with -o raw', async () => {
    const { code, text } = await get('mint', ...orders, '--directory', mounted(), '-o', 'raw')
    expect([code, text.split('\n').length]).toEqual([0, 2])
    expect(decode(text.trim()).claims).toMatchObject({ sub: 'sc_test', aud: 'https://orders.shop.svc' })
  })

  it('shows what it says, with its times, and not the token', async () => {
    const { text } = await get('mint', '--audience', 'https://a.example', '--lifetime', '60', '--directory', mounted())
    expect(text).toMatch(/^aud +https:\/\/a\.example$/m)
    expect(text).toMatch(/^exp +\d+ \(20.*Z, in (60|59) s\)$/m)
    expect(text).not.toContain('eyJ')
  })

  it('gives all of it to programs with -o json', async () => {
    const { text } = await get('mint', ...orders, '--directory', mounted(), '-o', 'json')
    const { token, header, claims } = JSON.parse(text)
    expect({ header, claims }).toEqual(decode(token))
  })

  it('finds the key in the environment', async () => {
    const env = { LATCHKEY_PRIVATE_JWK: JSON.stringify(clientJwk()) }
    expect(await commandLine(['token', 'mint', ...orders], { env })).toMatchObject({ code: 0 })
  })

  it.each([
    ['no service', [], 'name the service the token is for'],
    ['two', [...orders, '--audience', 'x'], 'say the same thing twice'],
    ['a service without its namespace', ['--service', 'orders'], 'Expected namespace/name'],
    ['too long a life', [...orders, '--lifetime', '901'], 'Expected a number from 1 to 900'],
    ['no life', [...orders, '--lifetime', '0'], 'Expected a number from 1 to 900'],
    ['no key', [...orders, '--directory', '/nowhere'], 'There is no private key at /nowhere/private.jwk'],
  ])('ends with 2 for %s', async (_, args, said) => {
    const { code, text, complaint } = await get('mint', ...args)
    expect([code, text]).toEqual([2, ''])
    expect(complaint).toContain(said)
  })
})

describe('latchkey token exchange', () => {
  it('prints what the issuer gives, by the authority of the Secret', async () => {
    issuer.answerWith(() => ({ status: 200, body: given }))
    const { code, text } = await get('exchange', ...orders, '--scope', 'a b', '--directory', mounted(), '-o', 'raw')
    expect([code, text]).toEqual([0, `${aToken}\n`])
    const form = Object.fromEntries(new URLSearchParams(issuer.asked[0]?.body))
    expect(form).toMatchObject({ resource: 'https://orders.shop.svc', scope: 'a b' })
  })

  it('shows what it says', async () => {
    issuer.answerWith(() => ({ status: 200, body: given }))
    const { text } = await get('exchange', ...orders, '--directory', mounted())
    expect(text).toMatch(/^roles +\["reader"\]$/m)
  })

  it.each([
    ['nothing granted there', 400, 'invalid_target', 4, 'ask the owner of that service for an AccessGrant'],
    ['a client that is nobody', 401, 'invalid_client', 4, 'invalid_client'],
    ['a scope that no role knows', 400, 'invalid_scope', 4, 'invalid_scope'],
    ['an issuer that is busy', 503, 'temporarily_unavailable', 3, 'Try again shortly'],
  ])('tells of %s', async (_, status, error, exit, said) => {
    issuer.answerWith(() => ({ status, body: { error, error_description: 'why' } }))
    const { code, text, complaint } = await get('exchange', ...orders, '--directory', mounted())
    expect([code, text]).toEqual([exit, ''])
    expect(complaint).toContain(said)
  })

  it('takes the authorities that are named, and ends with 3 when they are others', async () => {
    issuer.answerWith(() => ({ status: 200, body: given }))
    const directory = mounted()
    const ca = `${directory}/ca.crt`
    expect((await get('exchange', ...orders, '--directory', directory, '--ca', ca)).code).toBe(0)
    const other = await get('exchange', ...orders, '--directory', directory, '--ca', `${directory}/key-id`)
    expect([other.code, other.text]).toEqual([3, ''])
    const missing = await get('exchange', ...orders, '--directory', directory, '--ca', '/nowhere')
    expect([missing.code, missing.complaint]).toEqual([2, expect.stringContaining('/nowhere cannot be read: ENOENT')])
  })

  it('says that a static secret is not exchanged, and never tells it', async () => {
    const [{ keyId, secret: text }] = knownSecrets
    secret = mountSecret({
      secret: `sc_test.${keyId}.${text}`,
      'key-id': keyId,
      issuer: issuer.url,
      'client-id': 'sc_test',
    })
    const { code, complaint } = await get('exchange', ...orders, '--directory', secret.directory)
    expect([code, complaint]).toEqual([2, expect.stringContaining('is no client secret')])
    expect(complaint).not.toContain('lks_')
  })
})

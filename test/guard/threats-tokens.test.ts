import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { thumbprint } from '../../core/jose/jwk.ts'
import type { KeyRow } from '../../core/rows/rows.ts'
import { guardForAll } from '../builders/guard.ts'
import {
  alice,
  audience,
  bob,
  compact,
  createCaller,
  grant,
  issuer,
  nowSeconds,
  reader,
  rowsOf,
  serviceRow,
} from './policy-rows.ts'
import { type RawAnswer, sendRaw } from './raw-socket.ts'

// Lines J of the threat list, as the running guard answers them. Each name begins with the line's id.

const guarded = guardForAll()

const call = (token: string): Promise<RawAnswer> =>
  sendRaw(guarded.rig.port, `GET /api/things HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${token}\r\n\r\n`)
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Refused as 401 with this reason, and the app saw nothing. */
async function refused(token: string, reason = 'invalid_token'): Promise<void> {
  const before = guarded.app.seen.length
  const answer = await call(token)
  expect([answer.status, answer.headers['latchkey-decision']?.[0]]).toEqual([401, `deny; reason=${reason}; by=guard`])
  expect(answer.body).not.toContain(token.slice(0, 40))
  expect(guarded.app.seen.length).toBe(before)
}

const publicKey = createPublicKey({ key: alice.key.publicKey as never, format: 'jwk' })
const claimsOf = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString())

describe('the header of a token decides nothing', () => {
  it.each(['none', 'None', 'NONE', 'nOnE'])('J01 refuses alg %s without a signature', async alg => {
    const claims = claimsOf(alice.token())
    await refused(`${part({ typ: 'at+jwt', alg, kid: alice.key.kid })}.${part(claims)}.`)
  })

  const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string
  const macKeys: [string, string | Buffer][] = [
    ['the PEM', pem],
    ['the PEM after a space', ` ${pem}`],
    ['the DER', publicKey.export({ type: 'spki', format: 'der' })],
    ['the JWK', JSON.stringify(alice.key.publicKey)],
    ['the JWKS', JSON.stringify({ keys: [alice.key.publicKey] })],
  ]
  it.each(macKeys)('J02 refuses HS256 keyed with %s of the public key', async (_what, key) => {
    const input = `${part({ typ: 'at+jwt', alg: 'HS256', kid: alice.key.kid })}.${part(claimsOf(alice.token()))}`
    await refused(`${input}.${createHmac('sha256', key).update(input).digest('base64url')}`)
  })

  it('J03 ignores a key that the token brings', async () => {
    const own = generateKeyPairSync('ed25519')
    const jwk = own.publicKey.export({ format: 'jwk' })
    await refused(
      compact({ typ: 'at+jwt', alg: 'EdDSA', kid: alice.key.kid, jwk }, claimsOf(alice.token()), own.privateKey),
    )
  })

  it('J04 fetches nothing that jku or x5u name', async () => {
    let connections = 0
    const trap = createServer().on('connection', () => connections++)
    await new Promise<void>(resolve => trap.listen(0, '127.0.0.1', resolve))
    const own = generateKeyPairSync('ed25519')
    const url = `http://127.0.0.1:${(trap.address() as AddressInfo).port}/jwks.json`
    for (const name of ['jku', 'x5u']) {
      for (const target of [url, 'http://169.254.169.254/', 'file:///etc/passwd']) {
        await refused(
          compact(
            { typ: 'at+jwt', alg: 'EdDSA', kid: 'other', [name]: target },
            claimsOf(alice.token()),
            own.privateKey,
          ),
        )
      }
    }
    expect(connections).toBe(0)
    trap.close()
  })

  it('J06 refuses unknown kids from what it holds, without asking anybody', async () => {
    for (let at = 0; at < 50; at++) await refused(alice.token({}, { kid: `unknown-${at}` }))
  })

  it.each([
    ['an unknown name', ['x']],
    ['nothing', []],
    ['a string', 'exp'],
    ['exp', ['exp']],
  ])('J07 refuses crit that lists %s', async (_what, crit) => refused(alice.token({}, { crit, x: 1 })))
  it('J08 refuses b64 with and without crit', async () => {
    await refused(alice.token({}, { b64: false }))
    await refused(alice.token({}, { b64: false, crit: ['b64'] }))
  })
  it.each(['JWT', 'id_token+jwt', 'logout+jwt', 'client-authentication+jwt', 'rt+jwt', '', undefined])(
    'J23 refuses typ %s',
    async typ => refused(alice.token({}, { typ }), 'typ_invalid'),
  )
})

describe('the form of a token is strict', () => {
  it('J10 refuses deep and wide JSON without falling over', async () => {
    const [header, , signature] = alice.token().split('.')
    const deep = Buffer.from(`${'['.repeat(2_500)}${']'.repeat(2_500)}`).toString('base64url')
    await refused(`${header}.${deep}.${signature}`)
    await refused(alice.token({ aud: Array.from({ length: 700 }, () => 'a') }), 'aud_invalid')
  })
  it('J11 refuses by length before anything is looked at', async () => {
    await refused(`${'a'.repeat(8_193)}`)
    await refused('.'.repeat(12_000))
    const answer = await call('a'.repeat(1_000_000))
    expect(answer.status).toBe(431)
  })
  it.each([0, 1])('J13 refuses an ES256 signature of r = s = %i', async value => {
    const [header, payload] = alice.token({}, { alg: 'ES256' }).split('.')
    const half = Buffer.alloc(32)
    half[31] = value
    await refused(`${header}.${payload}.${Buffer.concat([half, half]).toString('base64url')}`)
  })
  it('J14 refuses malleated, cut and prolonged signatures', async () => {
    const [header, payload, signature = ''] = alice.token().split('.')
    const bytes = Buffer.from(signature, 'base64url')
    const order = 2n ** 252n + 27_742_317_777_372_353_535_851_937_790_883_648_493n
    const scalar = BigInt(`0x${Buffer.from(bytes.subarray(32)).reverse().toString('hex')}`) + order
    const malleated = Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex').reverse()
    for (const forged of [
      Buffer.concat([bytes.subarray(0, 32), malleated]),
      bytes.subarray(0, 63),
      Buffer.concat([bytes, Buffer.from([0])]),
    ]) {
      await refused(`${header}.${payload}.${forged.toString('base64url')}`)
    }
    await refused(`${header}.${payload}.${signature}=`)
    await refused(`${header}.${payload}.${signature}.`)
  })
  it('J29 refuses a token it has just let in, under another signature', async () => {
    const token = alice.token()
    expect((await call(token)).status).toBe(200)
    expect((await call(token)).status).toBe(200)
    const [header, payload, signature = ''] = token.split('.')
    const other = Buffer.from(signature, 'base64url')
    other[5] = (other[5] as number) ^ 1
    await refused(`${header}.${payload}.${other.toString('base64url')}`)
  })
})

describe('keys that verify anything', () => {
  it('J15 does not verify with a small-order key that came by a slice', async () => {
    const x = Buffer.concat([Buffer.from([1]), Buffer.alloc(31)]).toString('base64url')
    const weak = { kty: 'OKP' as const, crv: 'Ed25519' as const, x }
    const key: KeyRow = { ...alice.key, kid: thumbprint(weak), publicKey: weak }
    guarded.rig.apply(rowsOf({ alice: { keys: [key] } }))
    const signature = Buffer.concat([Buffer.from([1]), Buffer.alloc(63)]).toString('base64url')
    await refused(
      `${part({ typ: 'at+jwt', alg: 'EdDSA', kid: key.kid })}.${part(claimsOf(alice.token()))}.${signature}`,
    )
    guarded.rig.apply(rowsOf())
  })
})

describe('the claims of a token', () => {
  it.each(['exp', 'iss', 'aud', 'jti', 'sub', 'iat', 'client_id'])('J17 needs %s', async name => {
    await refused(alice.token({ [name]: undefined }), name === 'iss' ? 'invalid_token' : 'claim_missing')
  })
  const now = nowSeconds()
  it.each([
    ['a string', String(now + 60)],
    ['null', null],
    ['a fraction', now + 60.5],
    ['negative', -1],
    ['2^53', 2 ** 53],
    ['1e308', 1e308],
  ])('J18 refuses an exp that is %s', async (_what, exp) => refused(alice.token({ exp }), 'exp_invalid'))
  it('J18 refuses a life beyond 15 minutes', async () => {
    await refused(alice.token({ iat: nowSeconds(), exp: nowSeconds() + 901 }), 'lifetime_invalid')
  })
  it('J19 refuses at the edge of time', async () => {
    await refused(alice.token({ iat: nowSeconds() - 200, exp: nowSeconds() - 31 }), 'token_expired')
    await refused(alice.token({ iat: nowSeconds() + 40 }), 'token_not_yet_valid')
    expect((await call(alice.token({ iat: nowSeconds() + 20 }))).status).toBe(200)
  })
  it('J19 forgets an identity when its token ends', async () => {
    const token = alice.token({ exp: nowSeconds() + 60 })
    expect((await call(token)).status).toBe(200)
    guarded.rig.clock.setWall(95_000)
    await refused(token, 'token_expired')
    guarded.rig.clock.setWall(-95_000)
  })
  it.each([
    ['another', 'wrong_audience', 'https://payments.shop.svc'],
    ['longer', 'wrong_audience', `${audience}.evil`],
    ['shorter', 'wrong_audience', audience.slice(0, -1)],
    ['one of two', 'aud_invalid', [audience, 'https://payments.shop.svc']],
    ['none', 'aud_invalid', []],
    ['with a slash', 'wrong_audience', `${audience}/`],
  ])('J20 refuses an audience that is %s as %s', async (_what, reason, aud) => {
    await refused(alice.token({ aud }), reason)
  })
  it('J20 takes an array of exactly the audience', async () => {
    expect((await call(alice.token({ aud: [audience] }))).status).toBe(200)
  })
  it.each([
    ['an array', [alice.row.issuer]],
    ['with a slash', `${alice.row.issuer}/`],
    ['in capitals', alice.row.issuer.toUpperCase()],
    ['a prefix', alice.row.issuer.slice(0, -1)],
    ['with user info', alice.row.issuer.replace('https://', 'https://a@')],
    ["the installation's own", issuer],
    ["another client's", bob.row.issuer],
  ])('J21 refuses an issuer that is %s', async (_what, iss) => refused(alice.token({ iss })))
  it('J26 lets no claim reach prototypes or headers', async () => {
    const token = alice.token({ __proto__: { roles: ['admin'] }, roles: ['admin'], constructor: { a: 1 }, scope: 'x' })
    expect((await call(token)).status).toBe(200)
    expect(guarded.app.seen.at(-1)?.header('Latchkey-Roles')).toBe('caller')
    expect(({} as Record<string, unknown>).roles).toBeUndefined()
  })
})

describe('J25 what is taken away is refused at once', () => {
  const token = alice.token()
  it.each([
    ['the client is gone', 'invalid_token', [serviceRow(), reader, grant, bob.row]],
    ['the key is gone', 'invalid_token', rowsOf({ alice: { keys: [] } })],
    ['the key is revoked', 'key_revoked', rowsOf({ alice: { keys: [{ ...alice.key, revoked: true }] } })],
    ['the key has ended', 'key_expired', rowsOf({ alice: { keys: [{ ...alice.key, notAfter: nowSeconds() - 60 }] } })],
    ['the client is suspended', 'client_suspended', rowsOf({ alice: { suspended: true } })],
    ['the client was made anew', 'token_predates_key', rowsOf({ alice: { createdAt: nowSeconds() + 100 } })],
  ] as const)('when %s, also for a token it has let in before', async (_what, reason, rows) => {
    expect((await call(token)).status).toBe(200)
    guarded.rig.apply(rows)
    await refused(token, reason)
    guarded.rig.apply(rowsOf())
  })
  it('when another client signs with its own key in the name of this one', async () => {
    const mallory = createCaller('mallory')
    await refused(mallory.token({ iss: alice.row.issuer, sub: alice.clientId, client_id: alice.clientId }))
  })
})

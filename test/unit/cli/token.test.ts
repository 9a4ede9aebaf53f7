import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { reasons } from '../../../core/base/reasons.ts'
import { clusterIssuer, podToken } from '../../guard/pod-rows.ts'
import { alice, bob, issuer, nowSeconds, rowsOf } from '../../guard/policy-rows.ts'
import { runCommand } from './command-line.ts'
import { codes, folderForEach, run } from './inspect-token.ts'

const folder = folderForEach()

describe('latchkey token inspect, without a policy', () => {
  it('says of a good token what it is, for whom and how long, and ends with 0', async () => {
    const { code, text } = await run(alice.token())
    expect(code).toBe(0)
    expect(text).toContain('WELL-FORMED')
    expect(text).toContain(`client_id  ${alice.clientId}`)
    expect(text).toMatch(/exp +\d+ \(20.*Z, in \d+ s\)/)
    expect(text).toContain('Audience of the GuardedService shop/orders.')
  })

  it('names every fault at once, each with what was found and what to do, and ends with 1', async () => {
    const wrong = alice.token({ iat: nowSeconds() - 0.5, jti: 7, client_id: 'sc_bob', aud: [] }, { typ: 'JWT' })
    const { code, text } = await run(wrong)
    expect(code).toBe(1)
    expect(text).toMatch(/^REFUSED everywhere: typ_invalid$/m)
    for (const reason of ['typ_invalid', 'client_id_invalid', 'aud_invalid', 'iat_invalid', 'jti_invalid'] as const) {
      expect(text).toContain(`- ${reason}: `)
      expect(text).toContain(reasons[reason].hint)
    }
    expect(text).toContain('- jti_invalid: jti is 7\n')
    expect(codes(await run(wrong, '-o', 'json'))).toEqual([
      ...['typ_invalid', 'client_id_invalid', 'aud_invalid', 'iat_invalid', 'jti_invalid'],
    ])
  })

  it.each<[string, string, string[]]>([
    ['an expired one', alice.token({ iat: nowSeconds() - 300, exp: nowSeconds() - 60 }), ['token_expired']],
    ['one of a fast clock', alice.token({ iat: nowSeconds() + 100, exp: nowSeconds() + 200 }), ['token_not_yet_valid']],
    ['one that lives too long', alice.token({ exp: nowSeconds() + 3_600 }), ['lifetime_invalid']],
    [
      'one in milliseconds',
      alice.token({ iat: nowSeconds() * 1_000, exp: nowSeconds() * 1_000 + 60_000 }),
      ['lifetime_invalid', 'token_not_yet_valid'],
    ],
    ['one without members', alice.token({ aud: undefined, sub: undefined }), ['claim_missing']],
    ['one of another subject', alice.token({ sub: 'sc_bob' }), ['sub_invalid']],
    ['one with nbf as a text', alice.token({ nbf: '0' }), ['nbf_invalid']],
    ['one with exp as a text', alice.token({ exp: '0' }), ['exp_invalid']],
    ['a good one of a pod', podToken(), []],
    ['one of a pod that is bound to none', podToken({ 'kubernetes.io': { namespace: 'callers' } }), ['claim_missing']],
    ['one of a pod with another typ', podToken({}, { typ: 'at+jwt' }), ['typ_invalid']],
    [
      'one with a fraction that lives too long',
      alice.token({ iat: nowSeconds() - 0.5, exp: nowSeconds() + 3_600 }),
      ['iat_invalid', 'lifetime_invalid'],
    ],
    [
      'one with a fraction that has ended',
      alice.token({ iat: nowSeconds() - 300.5, exp: nowSeconds() - 60.5 }),
      ['iat_invalid', 'exp_invalid', 'token_expired'],
    ],
    ['one without a kid', alice.token({}, { kid: undefined }), ['invalid_token']],
    ['one with a kid that is a number', alice.token({}, { kid: 7 }), ['invalid_token']],
    ['one that is not signed', alice.token({}, { alg: 'none' }), ['invalid_token']],
    ['one of a shared secret', alice.token({}, { alg: 'HS256' }), ['invalid_token']],
    ['one without an alg', alice.token({}, { alg: undefined }), ['invalid_token']],
    ["one with the installation's issuer", alice.token({ iss: issuer }), ['invalid_token']],
    ['one with the client id as issuer', alice.token({ iss: alice.clientId }), ['invalid_token']],
    ['one with a slash behind the issuer', alice.token({ iss: `${alice.row.issuer}/` }), ['invalid_token']],
    ['one with no issuer', alice.token({ iss: undefined }), ['claim_missing']],
    [
      'one with everything wrong',
      alice.token({ iss: issuer, jti: '' }, { kid: undefined, alg: 'PS256' }),
      ['invalid_token', 'invalid_token', 'invalid_token', 'jti_invalid'],
    ],
    [
      'the token that every pod has',
      podToken({ aud: [clusterIssuer], exp: nowSeconds() + 31_536_000 }),
      ['wrong_audience', 'lifetime_invalid'],
    ],
    ['one for the API server', podToken({ aud: 'https://kubernetes.default.svc' }), ['wrong_audience']],
    ['one of a pod with EdDSA', podToken({}, { alg: 'EdDSA' }), ['invalid_token']],
  ])('says what is wrong with %s', async (_, text, expected) => {
    const result = await run(text, '-o', 'json')
    expect([codes(result), result.code]).toEqual([expected, expected.length > 0 ? 1 : 0])
  })

  it('says what cannot be judged without a policy, and how to name one', async () => {
    expect((await run(alice.token())).text).toMatch(
      /Not judged, for no policy is named: [\s\S]*--manifests, or with --snap/,
    )
    expect((await run(alice.token(), ...(await folder.store(rowsOf())))).text).not.toContain('Not judged')
    const { text } = await run(alice.token({ iss: issuer }, { kid: undefined }))
    expect(text).toContain('- invalid_token: kid is not there\n  Write the id of the key that signs')
    expect(text).toContain(`- invalid_token: iss is "${issuer}"\n  Write the client's own issuer into iss`)
  })

  const [header = '', payload = '', signature = ''] = alice.token().split('.')
  it.each([
    ['nothing', '', 'There is nothing in it.'],
    ['two parts', `${header}.${payload}`, 'It has 2 parts between dots; a token has three.'],
    ['an encrypted one', `${header}..${payload}.${payload}.${signature}`, 'an encrypted token (JWE)'],
    ['padding', `${header}.${payload}==.${signature}`, 'The payload is padded'],
    ['plain base64', `${header}.${payload}.${signature.slice(2)}+/`, 'The signature is in plain base64'],
    [
      'a line end within',
      `${header}.${payload.slice(0, 9)}\n${payload.slice(9)}.${signature}`,
      'white space or a line end',
    ],
    ['a cut signature', `${header}.${payload}.${signature.slice(0, -1)}x`, 'The signature is cut off'],
    ['no signature', `${header}.${payload}.`, 'It has no signature.'],
    [
      'a member twice',
      `${header}.${Buffer.from('{"a":1,"a":2}').toString('base64url')}.${signature}`,
      'The payload is no JSON',
    ],
    [
      'a header of text',
      `${Buffer.from('hello!').toString('base64url')}.${payload}.${signature}`,
      'The header is no JSON',
    ],
    ['crit', alice.token({}, { crit: ['x'], x: 1 }), 'The header has crit'],
    ['b64', alice.token({}, { b64: false }), 'The header has b64'],
    ['too much', 'a'.repeat(9_000), 'more than 8192'],
    ['a private key', '{"kty":"OKP","d":"secret-half","x":"a"}', 'It is a private key or a secret'],
    ['a PEM', '-----BEGIN PRIVATE KEY-----\nsecret-half\n', 'It is a private key or a secret'],
    ['a public key', '{"kty":"OKP","x":"a"}', 'It is a public key (JWK)'],
    ['JSON serialization', '{"payload":"a","signature":"b"}', 'the compact form only'],
  ])('says why %s is no token, and repeats nothing of it', async (_, text, expected) => {
    const result = await run(text)
    expect(result.code).toBe(1)
    expect(result.text).toContain('REFUSED everywhere: invalid_token')
    expect(result.text).toContain(expected)
    expect(result.text).not.toContain('secret-half')
  })

  it('takes a file, a header that was copied whole, and a line end behind it', async () => {
    const file = join(folder.path, 'token.txt')
    await writeFile(file, `Authorization: Bearer ${alice.token()}\n`)
    expect((await run('', file)).code).toBe(0)
    expect((await run(` bearer  ${alice.token()}\r\n`)).code).toBe(0)
    await expect(run('', join(folder.path, 'none'))).rejects.toThrow('cannot be read: ENOENT')
    await expect(run('a'.repeat(70_000))).rejects.toThrow('it is no token')
    await writeFile(file, 'a'.repeat(70_000))
    await expect(run('', file)).rejects.toThrow('it is no token')
  })

  it('waits for nothing that somebody would have to type', async () => {
    await expect(runCommand(['token', 'inspect'], {})).rejects.toThrow('name a file with the token')
  })

  it('E11 never prints a signature, a whole token, or a claim that it does not know', async () => {
    const policy = await folder.store(rowsOf())
    for (const text of [alice.token({ secret: 'of-mine' }), bob.token(), podToken(), `${alice.token()}x`]) {
      for (const args of [[], ['-o', 'json'], policy, [...policy, '-o', 'json']]) {
        const { text: out } = await run(text, ...args)
        for (const part of text.split('.')) expect(out).not.toContain(part.slice(0, 40))
        expect(out).not.toContain('of-mine')
      }
    }
  })

  it('prints nothing of a token that could draw on a terminal', async () => {
    const { text } = await run(alice.token({ jti: '\u001b[2Jx\u202e', aud: 'https://\u001b[2J' }, { alg: '\u001b[2J' }))
    for (const character of ['\u001b', '\u202e']) expect(text).not.toContain(character)
  })
})

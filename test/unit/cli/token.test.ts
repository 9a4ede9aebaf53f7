import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { reasons } from '../../../core/base/reasons.ts'
import { sliceHash } from '../../../core/rows/hash.ts'
import type { Row } from '../../../core/rows/rows.ts'
import { accessYaml, manifestToken } from '../../guard/access-manifests.ts'
import { clusterIssuer, podRows, podToken } from '../../guard/pod-rows.ts'
import { alice, audience, bob, createCaller, issuer, nowSeconds, rowsOf } from '../../guard/policy-rows.ts'
import { runCommand } from './command-line.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'token-'))
})
afterEach(() => rm(folder, { recursive: true }))

interface Result {
  readonly code: number
  readonly text: string
}
function run(text: string, ...args: string[]): Promise<Result> {
  const input = [text.slice(0, 10), text.slice(10)]
  const env = { LATCHKEY_SNAPSHOT_FILE: join(folder, 'none') }
  return runCommand(['token', 'inspect', ...args], { input, env, nowMs: nowSeconds() * 1_000 })
}
const codes = ({ text }: Result): string[] =>
  (JSON.parse(text) as { faults: { code: string }[] }).faults.map(({ code }) => code)

async function store(rows: readonly Row[]): Promise<string[]> {
  const file = join(folder, 'snapshot.json')
  const confirmedAt = nowSeconds() * 1_000
  const stored = { version: 1, service: 'shop/orders', seen: {}, hash: sliceHash(rows), rows, confirmedAt }
  await writeFile(file, JSON.stringify(stored))
  return ['--snapshot', file, '--service', 'shop/orders']
}

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
    expect((await run(alice.token(), ...(await store(rowsOf())))).text).not.toContain('Not judged')
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
    const file = join(folder, 'token.txt')
    await writeFile(file, `Authorization: Bearer ${alice.token()}\n`)
    expect((await run('', file)).code).toBe(0)
    expect((await run(` bearer  ${alice.token()}\r\n`)).code).toBe(0)
    await expect(run('', join(folder, 'none'))).rejects.toThrow('cannot be read: ENOENT')
    await expect(run('a'.repeat(70_000))).rejects.toThrow('it is no token')
    await writeFile(file, 'a'.repeat(70_000))
    await expect(run('', file)).rejects.toThrow('it is no token')
  })

  it('waits for nothing that somebody would have to type', async () => {
    await expect(runCommand(['token', 'inspect'], {})).rejects.toThrow('name a file with the token')
  })

  it('E11 never prints a signature, a whole token, or a claim that it does not know', async () => {
    const policy = await store(rowsOf())
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

describe('latchkey token inspect, with a policy', () => {
  it('says which service takes it, whose it is, and that the signature was checked', async () => {
    const { code, text } = await run(alice.token(), ...(await store(rowsOf())))
    expect(code).toBe(0)
    expect(text).toContain('TAKEN by shop/orders')
    expect(text).toContain(`proved: callers/alice (${alice.clientId}), key ${alice.key.kid}; not shown`)
  })

  it.each<[string, string, readonly Row[], string]>([
    [
      'with a revoked key',
      alice.token(),
      rowsOf({ alice: { keys: [{ ...alice.key, revoked: true }] } }),
      'key_revoked',
    ],
    ['for another service', alice.token({ aud: 'https://other.shop.svc' }), rowsOf(), 'wrong_audience'],
    ['of a pod that is gone', podToken(), podRows([]), 'pod_unknown'],
  ])('says why one %s is refused', async (_, text, rows, reason) => {
    const { code, text: out } = await run(text, '-o', 'json', ...(await store(rows)))
    expect(code).toBe(1)
    expect(JSON.parse(out).services).toEqual([{ service: 'shop/orders', audience, verdict: 'refused', reason }])
  })

  const carol = createCaller('carol')
  it.each<[string, string, readonly Row[], string[]]>([
    [
      'unknown client',
      alice.token(),
      rowsOf().filter(row => row.type !== 'client'),
      ['is of no client that this policy knows: the client is unknown', `kid ${alice.key.kid} is no key that this`],
    ],
    [
      'unknown kid',
      alice.token({}, { kid: 'x' }),
      rowsOf(),
      [`kid x is no key of the client callers/alice, which has`],
    ],
    [
      'kid of another client',
      alice.token({}, { kid: bob.key.kid }),
      rowsOf(),
      ['kid is a key of the client callers/bob, not of callers/alice', 'The signature is not of AccessKey bob-key'],
    ],
    [
      'issuer of another client',
      alice.token({ iss: bob.row.issuer }),
      rowsOf(),
      ['kid is a key of the client callers/alice, not of callers/bob'],
    ],
    [
      'issuer of no client',
      alice.token({ iss: `${issuer}/v2/v1/clients/${alice.clientId}` }),
      rowsOf(),
      [`the client callers/alice, whose key kid names, has ${alice.row.issuer}.`],
    ],
    [
      'algorithm of another kind of key',
      alice.token({}, { alg: 'ES256' }),
      rowsOf(),
      ['alg is ES256, and the key of AccessKey alice-key is Ed25519: write EdDSA or Ed25519'],
    ],
    [
      'signature of another key',
      carol.token({ iss: alice.row.issuer, sub: alice.clientId, client_id: alice.clientId }, { kid: alice.key.kid }),
      rowsOf(),
      ['The signature is not of AccessKey alice-key: another private key signed'],
    ],
    [
      'algorithm and signature of another key',
      carol.token({ iss: alice.row.issuer }, { kid: alice.key.kid, alg: 'ES256' }),
      rowsOf(),
      ['The signature is none of this key either.'],
    ],
    ['pod of no client', podToken(), podRows([]).filter(row => row.type !== 'client'), ['lists the service account']],
    ['pod of another cluster', podToken({ iss: 'https://other' }), podRows(), ['it is of another cluster']],
    ['pod with an unknown kid', podToken({}, { kid: 'x' }), podRows(), ["is no key of this cluster's service account"]],
    ['pod where no cluster is known', podToken(), rowsOf(), ['no keys of service account tokens']],
  ])('names the cause where nobody is proved: %s', async (_, text, rows, expected) => {
    const policy = await store(rows)
    const { code, text: out } = await run(text, ...policy)
    expect(code).toBe(1)
    for (const cause of expected) expect(out).toContain(cause)
    expect(out).not.toContain('says whether the token is malformed')
  })

  it('takes a folder of manifests, asks every service in it, and says what manifests cannot tell', async () => {
    await writeFile(
      join(folder, 'access.yaml'),
      accessYaml({
        extra: `---
apiVersion: latchkey.dev/v1alpha1
kind: GuardedService
metadata: { name: basket, namespace: shop }
spec: { targetRef: { name: basket, port: 80 } }
---
apiVersion: latchkey.dev/v1alpha1
kind: ApiClient
metadata: { name: minted, namespace: callers }
spec: { clientId: callers.minted }
---
apiVersion: latchkey.dev/v1alpha1
kind: AccessGrant
metadata: { name: minted-calls, namespace: shop }
spec: { roleRef: { name: caller }, clients: [{ namespace: callers, name: minted }] }
`,
      }),
    )
    const manifests = ['--manifests', folder, '--issuer', issuer]
    const taken = await run(manifestToken(), ...manifests)
    expect([taken.code, taken.text]).toEqual([0, expect.stringContaining('TAKEN by shop/orders')])
    expect(taken.text).toContain('- shop/basket: another audience, https://basket.shop.svc')
    const foreign = bob.token({ iss: `${issuer}/v1/clients/callers.minted` }, { kid: alice.key.kid })
    expect((await run(foreign, ...manifests)).text).toContain('kid is a key of the client callers/alice, not of')
    const forged = `${manifestToken().slice(0, -6)}AAAAAA`
    expect((await run(forged, ...manifests)).text).toContain(
      '- shop/orders: refuses it: invalid_token. The signature is not of',
    )
    const minted = bob.token({
      iss: `${issuer}/v1/clients/callers.minted`,
      sub: 'callers.minted',
      client_id: 'callers.minted',
    })
    expect((await run(minted, ...manifests)).text).toContain(
      'its key is not in these files: keys are minted in a cluster',
    )
    expect((await run(bob.token(), ...manifests)).text).toContain('it is unknown, or granted nothing here')
    const pod = await run(podToken(), ...manifests, '--service', 'shop/orders')
    expect([pod.code, pod.text]).toEqual([0, expect.stringContaining('service account tokens need a cluster')])
    await expect(run(alice.token(), '--manifests', '/no/such')).rejects.toThrow('cannot be read')
  })
})

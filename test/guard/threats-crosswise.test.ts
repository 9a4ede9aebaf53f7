import { generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { clusterIssuer, clusterKid, podRows, podToken } from './pod-rows.ts'
import { alice, audience, issuer, nowSeconds } from './policy-rows.ts'
import { type RawAnswer, sendRaw } from './raw-socket.ts'
import { type App, type Rig, startApp, startGuard } from './rig.ts'

// J23: every kind of token where another one belongs.

const rows = podRows()

let app: App
let rig: Rig
beforeAll(async () => {
  app = await startApp()
  rig = await startGuard(app.port, { rows })
})
afterAll(async () => {
  await rig.close()
  await app.close()
})
beforeEach(() => void app.seen.splice(0))

const call = (token: string): Promise<RawAnswer> =>
  sendRaw(rig.port, `GET /api/x HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${token}\r\n\r\n`)
async function outcome(token: string): Promise<string> {
  const answer = await call(token)
  if (answer.status === 200) return 'allowed'
  expect(app.seen).toEqual([])
  return `${answer.status} ${JSON.parse(answer.body).code}`
}
const bound = (changes: object): object => ({
  'kubernetes.io': {
    namespace: 'callers',
    pod: { name: 'alice-1', uid: 'c1c8-pod' },
    serviceaccount: { name: 'alice', uid: 'b0b7-sa' },
    ...changes,
  },
})

it('takes both kinds where each belongs', async () => {
  expect([await outcome(podToken()), await outcome(podToken({ aud: audience }))]).toEqual(['allowed', 'allowed'])
  app.seen.splice(0)
  expect(await outcome(alice.token())).toBe('allowed')
})

it('K25 names the audience that is expected to who brings a token of another one, and to nobody else', async () => {
  const body = async (token: string): Promise<Record<string, unknown>> => JSON.parse((await call(token)).body)
  for (const token of [podToken({ aud: [clusterIssuer] }), alice.token({ aud: 'https://payments.shop.svc' })])
    expect(await body(token)).toMatchObject({ code: 'wrong_audience', audience })
  expect(await body(podToken({ aud: undefined }))).not.toHaveProperty('audience')
})

describe('J23 a token of Kubernetes', () => {
  it.each([
    ['for the API server', { aud: [clusterIssuer] }, '401 wrong_audience'],
    [
      'for the API server, as every pod has it for a year',
      { aud: [clusterIssuer], exp: nowSeconds() + 31_536_000 },
      '401 wrong_audience',
    ],
    ['for the API server and this service', { aud: [clusterIssuer, audience] }, '401 aud_invalid'],
    ['for another service', { aud: ['https://payments.shop.svc'] }, '401 wrong_audience'],
    ['for our snapshots', { aud: [`${issuer}/v1/snapshots`] }, '401 wrong_audience'],
    ['without an audience', { aud: undefined }, '401 claim_missing'],
    ['without an end, as the old Secrets hold it', { exp: undefined, iat: undefined }, '401 claim_missing'],
    [
      'of the old form',
      {
        iss: 'kubernetes/serviceaccount',
        'kubernetes.io': undefined,
        'kubernetes.io/serviceaccount/namespace': 'callers',
        'kubernetes.io/serviceaccount/service-account.name': 'alice',
        'kubernetes.io/serviceaccount/service-account.uid': 'b0b7-sa',
      },
      '401 invalid_token',
    ],
    ['that is bound to no pod', bound({ pod: undefined }), '401 claim_missing'],
    ['of a pod that is gone', bound({ pod: { name: 'alice-0', uid: 'gone' } }), '401 pod_unknown'],
    ['of a service account made anew', bound({ serviceaccount: { name: 'alice', uid: 'another' } }), '401 pod_unknown'],
    ['of a service account of another namespace', bound({ namespace: 'elsewhere' }), '401 sub_invalid'],
    ['whose subject is another', { sub: 'system:serviceaccount:callers:bob' }, '401 sub_invalid'],
    ['whose subject is a user', { sub: 'kubernetes-admin' }, '401 sub_invalid'],
    ['that lives a year', { exp: nowSeconds() + 31_536_000 }, '401 lifetime_invalid'],
  ] as const)('%s', async (_what, claims, expected) => {
    expect(await outcome(podToken(claims))).toBe(expected)
  })

  it.each(['at+jwt', 'application/at+jwt', 'logout+jwt', 'id_token', 'client-authentication+jwt', ''])(
    'under typ %j, which is not its own',
    async typ => {
      expect(await outcome(podToken({}, { typ }))).toBe('401 typ_invalid')
    },
  )
  it('that names a client’s issuer, still signed by the cluster', async () => {
    const claims = { iss: alice.row.issuer, sub: alice.clientId, client_id: alice.clientId }
    for (const kid of [clusterKid, alice.key.kid]) {
      expect(await outcome(podToken(claims, { typ: 'at+jwt', kid }))).toBe('401 invalid_token')
    }
  })
  it('that another key signed under the cluster’s kid', async () => {
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 })
    expect(await outcome(podToken({}, {}, other.privateKey))).toBe('401 invalid_token')
  })
})

describe('J23 a token of a client', () => {
  const kubernetes = bound({})
  it.each([
    ['that names the cluster as its issuer', { iss: clusterIssuer }, {}],
    [
      'that also claims to be a pod',
      { iss: clusterIssuer, sub: 'system:serviceaccount:callers:alice', ...kubernetes },
      {},
    ],
    ['under the cluster’s kid', { iss: clusterIssuer, ...kubernetes }, { kid: clusterKid, typ: 'JWT' }],
    ['as an id token', {}, { typ: 'JWT' }, 'typ_invalid'],
    ['as a logout token', { events: {} }, { typ: 'logout+jwt' }, 'typ_invalid'],
    ['as a client assertion', { aud: issuer, iss: alice.clientId }, { typ: 'client-authentication+jwt' }],
    ['as an assertion with the right audience', { iss: alice.clientId }, { typ: 'client-authentication+jwt' }],
    ['as a refresh token', {}, { typ: 'rt+jwt' }, 'typ_invalid'],
    ['as a proof of possession', { htm: 'GET', htu: 'https://orders' }, { typ: 'dpop+jwt' }, 'typ_invalid'],
    ['as a secevent', {}, { typ: 'secevent+jwt' }, 'typ_invalid'],
    ['without a typ', {}, { typ: undefined }, 'typ_invalid'],
    ['with typ as an array', {}, { typ: ['at+jwt'] }, 'typ_invalid'],
    ['in the name of the installation’s issuer', { iss: issuer }, {}],
  ] as [string, object, object, string?][])('%s', async (_what, claims, header, reason = 'invalid_token') => {
    expect(await outcome(alice.token({ ...claims }, { ...header }))).toBe(`401 ${reason}`)
  })
  it.each(['at+jwt', 'AT+JWT', 'application/at+jwt', 'Application/At+Jwt'])('is taken under typ %s', async typ => {
    expect(await outcome(alice.token({}, { typ }))).toBe('allowed')
  })
})

describe('J21 an issuer is compared as it is', () => {
  const clientIssuer = alice.row.issuer
  it.each([
    ['with its default port', clientIssuer.replace('issuer.test', 'issuer.test:443')],
    ['with the host in capitals', clientIssuer.replace('issuer.test', 'ISSUER.test')],
    ['with a dot behind the host', clientIssuer.replace('issuer.test', 'issuer.test.')],
    ['over http', clientIssuer.replace('https:', 'http:')],
    ['with a query', `${clientIssuer}?`],
    ['with a fragment', `${clientIssuer}#`],
    ['with dot segments', clientIssuer.replace('/v1/', '/x/../v1/')],
    ['escaped', clientIssuer.replace('/v1/', '/%761/')],
    ['with space around', ` ${clientIssuer} `],
    ['with a NUL', `${clientIssuer}\0`],
    ['as an object', { url: clientIssuer }],
    ['of Kubernetes with a slash', `${clusterIssuer}/`],
  ])('%s: refused', async (_what, iss) => {
    expect(await outcome(alice.token({ iss }))).toBe('401 invalid_token')
  })
})

it('J26 members of prototypes are read from nothing and go nowhere', async () => {
  const names = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf']
  const claims = Object.fromEntries(names.map(name => [name, { roles: ['admin'], scope: 'all', kid: alice.key.kid }]))
  const text = JSON.stringify(claims)
  expect(await outcome(alice.token(JSON.parse(text) as Record<string, unknown>))).toBe('allowed')
  const roles = app.seen[0]?.header('Latchkey-Roles')
  app.seen.splice(0)
  for (const name of names) {
    expect(await outcome(alice.token({ iss: name }))).toBe('401 invalid_token')
    expect(await outcome(alice.token({ sub: name }))).toBe('401 sub_invalid')
    expect(await outcome(alice.token({}, { kid: name }))).toBe('401 invalid_token')
    expect(await outcome(alice.token({}, { alg: name }))).toBe('401 invalid_token')
    expect(await outcome(podToken(bound({ namespace: name })))).not.toBe('allowed')
  }
  expect(roles).toBe('caller')
  expect(Object.keys({})).toEqual([])
  expect(({} as Record<string, unknown>).roles).toBeUndefined()
})

import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Identity } from '../../../../core/base/identity.ts'
import type { DenyReason } from '../../../../core/base/reasons.ts'
import { credentialTable } from '../../../../core/credential/table.ts'
import { verifyToken } from '../../../../core/credential/verify.ts'
import { decide } from '../../../../core/policy/decide.ts'
import type { ClientRow, ServiceAccountRow } from '../../../../core/rows/rows.ts'
import {
  audience,
  clientId,
  clientRow,
  clientToken,
  clusterIssuer,
  clusterRow,
  ed25519Key,
  es256Key,
  grantRow,
  headerOf,
  keyPair,
  now,
  roleRow,
  serviceRow,
  signToken,
  snapshotOf,
} from '../fixture.ts'
import { account, bound, podClient, projectedToken } from './projected-token.ts'
import { rsaKey } from './three-keys.ts'

const client = podClient
const rows = [
  serviceRow(),
  client,
  clusterRow(rsaKey),
  roleRow('reader', { methods: ['GET'], paths: ['/**'] }),
  grantRow('read', 'reader'),
]
const snapshot = snapshotOf(rows)
const token = (changes: Record<string, unknown> = {}, header: Record<string, unknown> = {}, key = rsaKey) =>
  projectedToken(changes, { kid: rsaKey.kid, ...header }, key)

const verify = (text: string, from = snapshot, at = now) => verifyToken(text, from, at)

describe('a good service account token', () => {
  test('proves the client by namespace, name and uids', () => {
    expect(verify(token())).toEqual({
      clientId,
      client: 'billing/invoices',
      key: 'serviceaccount:invoices',
      credential: 'ServiceAccountToken',
      subject: clientId,
      scopes: [],
      expiresAt: now + 3_630,
      proof: {
        issuedAt: now,
        endsAt: now + 3_630,
        audience,
        issuer: clusterIssuer,
        anchors: { uid: 'sa-uid', pod: 'pod-uid', kid: rsaKey.kid },
      },
    })
  })

  test('may have typ JWT, a life of a day, and be older than its client', () => {
    expect(verify(token({}, { typ: 'JWT' }))).toMatchObject({ clientId })
    expect(verify(token({ exp: now + 86_400 }))).toMatchObject({ clientId })
    const young = snapshotOf([serviceRow(), { ...client, createdAt: now + 100 }, clusterRow(rsaKey)])
    expect(verify(token(), young)).toMatchObject({ clientId })
  })

  test('may be signed with ES256', () => {
    const cluster = snapshotOf([serviceRow(), client, clusterRow(es256Key)])
    expect(verify(token({}, { kid: es256Key.kid }, es256Key), cluster)).toMatchObject({ clientId })
  })
})

const without = (name: string) => ({ ...bound, [name]: undefined })
test.each([
  [
    'another signer',
    'invalid_token',
    token({}, {}, keyPair('RS256', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)),
  ],
  ['an unknown kid', 'invalid_token', token({}, { kid: 'x' })],
  ['another algorithm', 'invalid_token', token({}, { alg: 'ES256' })],
  ['J23: typ at+jwt', 'typ_invalid', token({}, { typ: 'at+jwt' })],
  ['no claim kubernetes.io', 'claim_missing', token({ 'kubernetes.io': undefined })],
  ['a claim kubernetes.io that is a text', 'claim_missing', token({ 'kubernetes.io': 'x' })],
  ['no pod', 'claim_missing', token({ 'kubernetes.io': without('pod') })],
  ['no service account', 'claim_missing', token({ 'kubernetes.io': without('serviceaccount') })],
  ['a pod without uid', 'claim_missing', token({ 'kubernetes.io': { ...bound, pod: { name: 'x' } } })],
  ['K25: a pod that is gone', 'pod_unknown', token({ 'kubernetes.io': { ...bound, pod: { name: 'x', uid: 'gone' } } })],
  [
    'K25: a service account made anew',
    'pod_unknown',
    token({ 'kubernetes.io': { ...bound, serviceaccount: { name: 'invoices', uid: 'other' } } }),
  ],
  ['a sub that does not fit', 'sub_invalid', token({ sub: 'system:serviceaccount:billing:other' })],
  ['a life of more than a day', 'lifetime_invalid', token({ exp: now + 86_431 })],
  ['no aud', 'claim_missing', token({ aud: undefined })],
  ['no iat', 'claim_missing', token({ iat: undefined })],
  ['no sub', 'claim_missing', token({ sub: undefined })],
  ['iat with a fraction', 'iat_invalid', token({ iat: now + 0.5 })],
  ['exp as a text', 'exp_invalid', token({ exp: `${now + 60}` })],
  ['nbf null', 'nbf_invalid', token({ nbf: null })],
  ['no exp', 'claim_missing', token({ exp: undefined })],
  ['nbf to come', 'token_not_yet_valid', token({ nbf: now + 31 })],
  ['several audiences', 'aud_invalid', token({ aud: [audience, clusterIssuer] })],
] as [string, DenyReason, string][])('%s is %s', (_, reason, text) => {
  expect(verify(text)).toBe(reason)
})

test('K25: the token for the API server is wrong_audience', () => {
  expect(verify(token({ aud: ['https://kubernetes.default.svc'] }))).toBe('wrong_audience')
})

test('K25: the token that every pod has, which lives a year, is told its audience first, whoever it is of', () => {
  const year = { aud: ['https://kubernetes.default.svc'], exp: now + 31_536_000 }
  const elsewhere = { ...bound, namespace: 'other' }
  const ofNobody = { ...year, sub: 'system:serviceaccount:other:invoices', 'kubernetes.io': elsewhere }
  expect(verify(token(year))).toBe('wrong_audience')
  expect(verify(token(ofNobody))).toBe('wrong_audience')
  expect(verify(token({ ...year, exp: now - 100, iat: now - 200 }))).toBe('wrong_audience')
  expect(verify(token({ ...year, iat: now + 0.5 }))).toBe('wrong_audience')
  expect(verify(token({ ...year, aud: [audience] }))).toBe('lifetime_invalid')
})

test('an expired token, a suspended client and a service that takes none are told', () => {
  expect(verify(token({ iat: now - 100, exp: now - 31 }))).toBe('token_expired')
  const suspended = snapshotOf([serviceRow(), { ...client, suspended: true }, clusterRow(rsaKey)])
  expect(verify(token(), suspended)).toBe('client_suspended')
  const picky = snapshotOf([serviceRow({ accepts: ['ClientToken'] }), client, clusterRow(rsaKey)])
  expect(verify(token(), picky)).toBe('credential_unsupported')
})

test('a service account of no client, or of another namespace, is unknown, or granted nothing here', () => {
  const other = { ...bound, namespace: 'other' }
  expect(verify(token({ sub: 'system:serviceaccount:other:invoices', 'kubernetes.io': other }))).toBe('invalid_token')
})

test('a service account that two clients claim proves neither', () => {
  const second = clientRow({ clientId: 'sc_b', name: 'b', issuer: 'https://x/sc_b', serviceAccounts: [account] })
  expect(verify(token(), snapshotOf([...rows, second]))).toBe('invalid_token')
})

test('J23: the two kinds of token do not stand in for each other', () => {
  expect(verify(clientToken({ iss: clusterIssuer }))).toBe('invalid_token')
  const claims = { iss: client.issuer, 'kubernetes.io': bound }
  expect(verify(token(claims, { typ: 'at+jwt' }))).toBe('invalid_token')
  expect(verify(signToken(headerOf(), { iss: clusterIssuer }, ed25519Key('x')))).toBe('invalid_token')
})

test('without the keys of the cluster no service account is proved', () => {
  expect(verify(token(), snapshotOf([serviceRow(), client]))).toBe('invalid_token')
  const unreadable = snapshotOf([serviceRow(), client, { ...clusterRow(rsaKey), newField: 1 }])
  expect(verify(token(), unreadable)).toBe('invalid_token')
})

test('K25: a proved identity ends with its pod and with its service account', () => {
  const identity = verify(token())
  if (typeof identity === 'string') throw new Error(identity)
  const ask = (changes: Partial<ServiceAccountRow>) => {
    const changed = { ...client, serviceAccounts: [{ ...account, ...changes }] }
    return decide(
      { method: 'GET', target: '/x' },
      identity,
      snapshotOf([changed, ...rows.filter(row => row !== client)]),
      now,
    )
  }
  expect(ask({})).toMatchObject({ allow: true })
  expect(ask({ pods: ['pod-uid-2'] })).toMatchObject({ allow: false, reason: 'pod_unknown' })
  expect(ask({ uid: 'anew' })).toMatchObject({ allow: false, reason: 'pod_unknown' })
})

describe('what was proved names the same client', () => {
  const proved = verify(token()) as Identity
  const other = clientRow({
    clientId: 'sc_other',
    name: 'other',
    issuer: 'https://i.test/v1/clients/sc_other',
    keys: [],
  })
  const holding = { ...other, serviceAccounts: [account] }
  const without = { ...client, serviceAccounts: [] }

  test.each<[string, boolean, ClientRow[]]>([
    ['while it holds the account', true, [client]],
    ['whoever else is there', true, [client, other]],
    ['not where another one holds it', false, [without, holding]],
    ['not where that is all there is', false, [holding]],
    ['not where nobody holds it', false, [without, other]],
    ['not where two do', false, [client, holding]],
    ['not where the account of that name is in another namespace', false, [{ ...client, namespace: 'elsewhere' }]],
    ['not where it has another id', false, [{ ...client, clientId: 'sc_next' }]],
  ])('%s', (_what, expected, clients) => {
    const now = snapshotOf([serviceRow(), ...clients])
    expect(credentialTable.ServiceAccountToken.namesStill(proved, now)).toBe(expected)
  })

  test('where it says so itself', () => {
    const nothing = snapshotOf([serviceRow()])
    expect(credentialTable.ClientToken.namesStill({ ...proved, credential: 'ClientToken' }, nothing)).toBe(true)
  })
})

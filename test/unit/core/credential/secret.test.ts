import { describe, expect, test } from 'vitest'
import type { Identity } from '../../../../core/base/identity.ts'
import type { AuthorizationRequest } from '../../../../core/credential/entry.ts'
import { readCredential } from '../../../../core/credential/read.ts'
import { claimedOwner, verifyCredential } from '../../../../core/credential/verify.ts'
import { checkIdentity } from '../../../../core/policy/check-identity.ts'
import type { ClientRow, SecretRow, ServiceRow } from '../../../../core/rows/rows.ts'
import { writeApiKey, writeStaticSecret } from '../../../../core/secret/presented.ts'
import type { Snapshot } from '../../../../core/snapshot/snapshot.ts'
import {
  audience,
  clientId,
  clientRow,
  clientToken,
  issuer,
  now,
  secretRow,
  serviceRow,
  snapshotOf,
} from '../fixture.ts'
import { knownSecrets } from '../secret/secrets.ts'

const [one, two, three] = knownSecrets
const kinds = ['StaticSecret', 'ApiKey'] as const
type Kind = (typeof kinds)[number]

const headers = { names: ['x-api-key'] }
const asked = (changes: Partial<AuthorizationRequest>): AuthorizationRequest => ({
  method: 'GET',
  target: '/orders',
  authorization: undefined,
  names: [],
  values: [],
  ...changes,
})
const bearer = (given: { keyId: string; secret: string }, of = clientId) =>
  asked({ authorization: `Bearer ${writeStaticSecret({ clientId: of, ...given })}` })
const basic = (given: { keyId: string; secret: string }) => asked({ authorization: `Basic ${writeApiKey(given)}` })
const presented: Record<Kind, (given: { keyId: string; secret: string }) => AuthorizationRequest> = {
  StaticSecret: bearer,
  ApiKey: basic,
}

const service = (changes: Partial<ServiceRow> = {}) =>
  serviceRow({ accepts: ['ClientToken', ...kinds], apiKey: { header: 'x-api-key', query: 'api-key' }, ...changes })
const knowing = (secrets: SecretRow[], client: Partial<ClientRow> = {}, changes: Partial<ServiceRow> = {}) =>
  snapshotOf([service(changes), clientRow({ secrets, ...client })])

function proved(request: AuthorizationRequest, snapshot: Snapshot, at = now) {
  const credential = readCredential(request, snapshot.service)
  return typeof credential === 'string' ? credential : verifyCredential(credential, request, snapshot, at)
}

describe.each(kinds)('a secret of the kind %s', kind => {
  const row = (changes: Partial<SecretRow> = {}) => secretRow({ kind, ...changes })
  const request = presented[kind](one)
  const identity = {
    clientId,
    client: 'billing/invoices',
    key: one.keyId,
    credential: kind,
    subject: clientId,
    scopes: [],
    expiresAt: Number.MAX_SAFE_INTEGER,
    proof: { issuedAt: now - 3_600, endsAt: Number.MAX_SAFE_INTEGER, audience, issuer },
  }

  test('proves its client', () => {
    expect(proved(request, knowing([row()]))).toEqual(identity)
  })

  test('says until when it lives, and what it is narrowed to', () => {
    const bounded = row({ notAfter: now + 1, roles: ['reader'] })
    expect(proved(request, knowing([bounded]))).toEqual({ ...identity, expiresAt: now + 1, roles: ['reader'] })
  })

  test('lives beside the one that takes its place', () => {
    const other = row({ kid: two.keyId, hash: two.hash })
    const both = knowing([row({ notAfter: now + 60 }), other])
    expect(proved(request, both)).toMatchObject({ key: one.keyId })
    expect(proved(presented[kind](two), both)).toMatchObject({ key: two.keyId })
    expect(proved(request, both, now + 60)).toBe('key_expired')
    expect(proved(presented[kind](two), both, now + 60)).toMatchObject({ key: two.keyId })
  })

  test.each([
    ['revoked', 'key_revoked', { revoked: true as const }, {}],
    ['ended', 'key_expired', { notAfter: now }, {}],
    ['of a suspended client', 'client_suspended', {}, { suspended: true }],
    ['revoked, of a suspended client', 'key_revoked', { revoked: true as const }, { suspended: true }],
  ])('that is %s is told so', (_, reason, changes, client) => {
    expect(proved(request, knowing([row(changes)], client))).toBe(reason)
  })

  test.each([
    ['of another key, with this key id', { keyId: one.keyId, secret: two.secret }],
    ['with the key id of another', { keyId: two.keyId, secret: one.secret }],
    ['that nobody knows', three],
    ['with a typo', { keyId: one.keyId, secret: one.secret.replace('lks_0', 'lks_1') }],
  ])('%s is refused like any other', (_, given) => {
    const both = knowing([row(), row({ kid: two.keyId, hash: two.hash })])
    expect(proved(presented[kind](given), both)).toBe('invalid_token')
  })

  test('is refused where it is of the other kind', () => {
    const other = kinds.find(each => each !== kind) as Kind
    expect(proved(request, knowing([row({ kind: other })]))).toBe('invalid_token')
  })

  test('is refused where the service has no hash of it: it is for other services', () => {
    expect(proved(request, snapshotOf([service(), clientRow()]))).toBe('invalid_token')
  })

  test('is not taken where spec.accepts does not name it, right or wrong', () => {
    const closed = knowing([row({ revoked: true })], {}, { accepts: ['ClientToken'] })
    expect(proved(request, closed)).toBe('credential_unsupported')
    expect(proved(presented[kind](three), closed)).toBe('credential_unsupported')
  })

  test('says whose it is, to be queued by: where somebody of that name is known', () => {
    const known = knowing([row()])
    const of = (asked: AuthorizationRequest) => claimedOwner(readCredential(asked, known.service) as never, known)
    expect(of(request)).toBe(clientId)
    expect(of(presented[kind]({ keyId: one.keyId, secret: two.secret }))).toBe(clientId)
    expect(of(presented[kind](three))).toBeUndefined()
  })

  const good = () => proved(request, knowing([row()])) as Identity
  test.each([
    ['it is revoked', 'key_revoked', knowing([row({ revoked: true })])],
    ['it ended', 'key_expired', knowing([row({ notAfter: now })])],
    ['its client is suspended', 'client_suspended', knowing([row()], { suspended: true })],
    ['it is for the service no more', 'invalid_token', snapshotOf([service(), clientRow()])],
    ['the service takes none any more', 'credential_unsupported', knowing([row()], {}, { accepts: ['ClientToken'] })],
  ])('that was proved counts no more once %s', (_, reason, later) => {
    expect(checkIdentity(good(), later, now)).toBe(reason)
    expect(proved(request, later)).toBe(reason)
  })

  test('that was proved counts on under another audience: it is for the service, not for a name of it', () => {
    const later = knowing([row()], {}, { audience: 'https://moved.example' })
    expect(checkIdentity(good(), later, now)).toMatchObject({ clientId })
  })
})

describe('a static secret', () => {
  test('that names another client than its key is refused', () => {
    const other = clientRow({ clientId: 'sc_other', name: 'other', issuer: 'https://other' })
    const snapshot = snapshotOf([service(), clientRow({ secrets: [secretRow()] }), other])
    expect(proved(bearer(one, 'sc_other'), snapshot)).toBe('invalid_token')
    expect(proved(bearer(one, 'sc_unknown'), snapshot)).toBe('invalid_token')
  })

  test('leaves client tokens what they are', () => {
    const token = asked({ authorization: `Bearer ${clientToken()}` })
    expect(proved(token, knowing([secretRow()]))).toMatchObject({ credential: 'ClientToken' })
  })
})

describe('an API key', () => {
  const known = knowing([secretRow({ kind: 'ApiKey' })])
  const key = writeApiKey(one)

  test.each([
    ['Authorization', asked({ authorization: `Basic ${key}` })],
    ['the header of the service', asked({ ...headers, values: [key] })],
    ['the query', asked({ queryKey: key })],
  ])('is taken from %s', (_, request) => {
    expect(proved(request, known)).toMatchObject({ credential: 'ApiKey', key: one.keyId })
  })

  test.each([
    ['as a bearer token', asked({ authorization: `Bearer ${key}` }), 'invalid_token'],
    ['that is no base64', asked({ ...headers, values: [`${one.keyId}:${one.secret}`] }), 'invalid_token'],
    [
      'that is a static secret',
      asked({ ...headers, values: [`${clientId}.${one.keyId}.${one.secret}`] }),
      'invalid_token',
    ],
    ['behind a scheme in its own header', asked({ ...headers, values: [`Basic ${key}`] }), 'invalid_token'],
    ['that is empty', asked({ ...headers, values: [''] }), 'invalid_token'],
    ['of some other user and password', asked({ authorization: 'Basic dXNlcjpwYXNz' }), 'invalid_token'],
  ])('%s is none', (_, request, reason) => {
    expect(proved(request, known)).toBe(reason)
  })

  test('of some other user and password is no kind that a service without API keys takes', () => {
    const request = asked({ authorization: 'Basic dXNlcjpwYXNz' })
    expect(proved(request, snapshotOf([serviceRow(), clientRow()]))).toBe('credential_unsupported')
  })
})

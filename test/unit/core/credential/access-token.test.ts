import { describe, expect, it } from 'vitest'
import { readCredential } from '../../../../core/credential/read.ts'
import { revocationId } from '../../../../core/credential/revocation.ts'
import { credentialTable } from '../../../../core/credential/table.ts'
import { claimedOwner, verifyToken } from '../../../../core/credential/verify.ts'
import { checkIdentity } from '../../../../core/policy/check-identity.ts'
import { decide } from '../../../../core/policy/decide.ts'
import {
  accessToken,
  installationIssuer,
  issuerEs256Key,
  issuerKey,
  ordersIssuer,
  rowsWith,
  takingTokens,
} from '../access-tokens.ts'
import { clientId, clientToken, ed25519Key, keyRow, mainKey, now, serviceRow, snapshotOf } from '../fixture.ts'

const rows = rowsWith()
const proved = (token: string, from: readonly unknown[] = rows, at = now) => {
  const identity = verifyToken(token, snapshotOf(from), at)
  return typeof identity === 'string' ? identity : 'proved'
}
const reasonOf = (token: string, method: string, from: readonly unknown[] = rows) => {
  const snapshot = snapshotOf(from)
  return decide({ method, target: '/orders/1' }, verifyToken(token, snapshot, now), snapshot, now).reason
}
const account = { name: 'batch', uid: 'uid-1', pods: [] }
const bounds = { kid: 'acc_secret', accessKey: 'cs', notBefore: now - 3_600 }
const id = revocationId(ordersIssuer, 'token-1')

describe('an access token', () => {
  it('proves its client, by either algorithm of the issuer, of the service or of the installation', () => {
    expect(verifyToken(accessToken({ scope: 'a b' }), snapshotOf(rows), now)).toMatchObject({
      ...{ clientId, key: mainKey.kid, credential: 'AccessToken', subject: clientId },
      ...{ scopes: ['a', 'b'], roles: ['reader'], expiresAt: now + 330 },
    })
    expect(proved(accessToken({}, { key: issuerEs256Key }))).toBe('proved')
    expect(proved(accessToken({ iss: installationIssuer }))).toBe('proved')
  })

  it.each([
    ['a role of the token and of a grant', 'GET', {}, 'granted'],
    ['a role that only a grant gives', 'POST', {}, 'not_granted'],
    ['a role that only the token says', 'GET', { roles: ['admin'] }, 'not_granted'],
    ['no role', 'GET', { roles: [] }, 'not_granted'],
    ['a scope that a rule looks for', 'DELETE', { roles: ['scoped'], scope: 'orders.delete' }, 'granted'],
    ['another scope', 'DELETE', { roles: ['scoped'], scope: 'orders.deleted' }, 'not_granted'],
    ['no scope', 'DELETE', { roles: ['scoped'] }, 'not_granted'],
  ])('allows what grants, its roles and its scopes allow: %s', (_, method, claims, reason) => {
    expect(reasonOf(accessToken(claims), method)).toBe(reason)
  })

  it('allows nothing that its key is narrowed away from since', () => {
    expect(reasonOf(accessToken(), 'GET', rowsWith({ keys: [keyRow(mainKey, { roles: ['writer'] })] }))).toBe(
      'not_granted',
    )
  })

  it.each([
    ['J01 alg none', accessToken({}, { header: { alg: 'none' } }), 'invalid_token'],
    [
      'J03 a key of its own in the header',
      accessToken({}, { key: mainKey, header: { jwk: mainKey.publicKey } }),
      'invalid_token',
    ],
    ['J06 an unknown kid', accessToken({}, { key: ed25519Key('other') }), 'invalid_token'],
    [
      'the kid of the issuer under the signature of a client',
      accessToken({}, { key: mainKey, header: { kid: issuerKey.kid } }),
      'invalid_token',
    ],
    ['the algorithm of another key', accessToken({}, { header: { alg: 'ES256' } }), 'invalid_token'],
    ['J23 another type', accessToken({}, { header: { typ: 'JWT' } }), 'typ_invalid'],
    ['J23 an assertion', accessToken({}, { header: { typ: 'client-authentication+jwt' } }), 'typ_invalid'],
    ['J17 no exp', accessToken({ exp: undefined }), 'claim_missing'],
    ['J17 no jti', accessToken({ jti: undefined }), 'claim_missing'],
    ['J17 no aud', accessToken({ aud: undefined }), 'claim_missing'],
    ['no roles', accessToken({ roles: undefined }), 'claim_missing'],
    ['roles that are none', accessToken({ roles: [1] }), 'claim_missing'],
    ['scopes as a list', accessToken({ scope: ['a'] }), 'claim_missing'],
    ['no key that it was got with', accessToken({ key_id: undefined }), 'claim_missing'],
    ['of a person', accessToken({ sub: 'somebody' }), 'sub_invalid'],
    ['J18 an end that is text', accessToken({ exp: String(now + 60) }), 'exp_invalid'],
    ['J18 longer than an hour', accessToken({ exp: now + 3_601 }), 'lifetime_invalid'],
    ['J19 ended', accessToken({ iat: now - 400, exp: now - 30 }), 'token_expired'],
    ['J19 not valid yet', accessToken({ iat: now + 31, exp: now + 60 }), 'token_not_yet_valid'],
    ['J20 for another service', accessToken({ aud: 'https://billing.shop.svc' }), 'wrong_audience'],
    ['J20 for this one and another', accessToken({ aud: ['https://orders.shop.svc', 'https://x'] }), 'aud_invalid'],
    [
      'J21 of the server of another service',
      accessToken({ iss: `${installationIssuer}/services/shop/billing` }),
      'wrong_audience',
    ],
    ['J21 of an issuer with a slash behind', accessToken({ iss: `${installationIssuer}/` }), 'invalid_token'],
    ['J21 of an issuer that begins alike', accessToken({ iss: `${installationIssuer}x` }), 'invalid_token'],
    ['of a client that is granted nothing here', accessToken({ sub: 'sc_x', client_id: 'sc_x' }), 'not_subscribed'],
    ['older than its client', accessToken({ iat: now - 3_700, exp: now + 10 - 120 }), 'token_expired'],
  ])('is refused: %s', (_, token, reason) => {
    expect(proved(token)).toBe(reason)
  })

  it.each([
    ['its key is revoked', { keys: [keyRow(mainKey, { revoked: true })] }, 'key_revoked'],
    ['its key is gone', { keys: [] }, 'key_revoked'],
    ['its key has ended', { keys: [keyRow(mainKey, { notAfter: now })] }, 'key_expired'],
    ['its key is younger', { keys: [keyRow(mainKey, { notBefore: now + 31 })] }, 'token_predates_key'],
    ['its client is younger', { createdAt: now + 31 }, 'token_predates_key'],
    ['its client is suspended', { suspended: true }, 'client_suspended'],
    ['it was revoked', { accessTokens: { revoked: ['a', id] } }, 'token_revoked'],
    ['all until then were revoked', { accessTokens: { revokedUpTo: now } }, 'token_revoked'],
    ['all before, and another one', { accessTokens: { revoked: ['a'], revokedUpTo: now - 1 } }, 'proved'],
  ])('counts no more, remembered or not, when %s', (_, client, reason) => {
    const snapshot = snapshotOf(rowsWith(client))
    expect(proved(accessToken(), rowsWith(client))).toBe(reason)
    const known = verifyToken(accessToken(), snapshotOf(rows), now)
    if (typeof known === 'string') throw new Error(known)
    const again = checkIdentity(known, snapshot, now)
    expect(typeof again === 'string' ? again : 'proved').toBe(reason)
  })

  it('of a client secret counts as long as the secret does, which no guard takes', () => {
    const token = accessToken({ key_id: bounds.kid })
    const withSecret = (more: object) => rowsWith({ accessTokens: { clientSecrets: [{ ...bounds, ...more }] } })
    expect(proved(token)).toBe('key_revoked')
    expect(proved(token, withSecret({}))).toBe('proved')
    expect(proved(token, withSecret({ revoked: true }))).toBe('key_revoked')
    expect(proved(token, withSecret({ notAfter: now }))).toBe('key_expired')
  })

  it('of a service account counts as long as the client lists it', () => {
    const token = accessToken({ key_id: 'serviceaccount:batch' })
    expect(proved(token)).toBe('pod_unknown')
    expect(proved(token, rowsWith({ serviceAccounts: [account] }))).toBe('proved')
    expect(proved(token, rowsWith({ serviceAccounts: [account], suspended: true }))).toBe('client_suspended')
  })

  it('is of no kind that a service takes which does not say so', () => {
    expect(proved(accessToken(), rowsWith({}, serviceRow()))).toBe('invalid_token')
  })

  it('leaves client tokens as they are, and none of them is taken for one', () => {
    expect(proved(clientToken())).toBe('proved')
    expect(proved(clientToken({ iss: ordersIssuer }))).toBe('invalid_token')
  })
})

describe('keys of the issuer', () => {
  const published = ({ kid, algorithm, publicKey }: typeof issuerKey) => ({ kid, algorithm, publicKey })

  it('count while they are told: a next one before it signs, an old one until it is gone', () => {
    const next = ed25519Key('next')
    const both = rowsWith({}, takingTokens({}, { keys: [issuerKey, next].map(published) }))
    expect(proved(accessToken({}, { key: next }))).toBe('invalid_token')
    expect([issuerKey, next].map(key => proved(accessToken({}, { key }), both))).toEqual(['proved', 'proved'])
  })

  it('that are gone end what they signed, remembered or not', () => {
    const known = verifyToken(accessToken(), snapshotOf(rows), now)
    const without = rowsWith({}, takingTokens({}, { keys: [published(issuerEs256Key)] }))
    expect(proved(accessToken(), without)).toBe('invalid_token')
    if (typeof known === 'string') throw new Error(known)
    expect(checkIdentity(known, snapshotOf(without), now)).toBe('invalid_token')
  })
})

describe('revocations that are not known', () => {
  const since = (unknownSince?: number) =>
    rowsWith({}, takingTokens({ maxStalenessSeconds: 60 }, { ...(unknownSince !== undefined && { unknownSince }) }))
  const { namesStill } = credentialTable.AccessToken

  it('let no token pass for longer than maxStaleness', () => {
    expect(proved(accessToken(), since(now - 59))).toBe('proved')
    expect(proved(accessToken(), since(now - 60))).toBe('policy_stale')
    expect(proved(accessToken(), since(0))).toBe('policy_stale')
  })

  it('end a remembered one in time, and no longer than they last', () => {
    const known = verifyToken(accessToken(), snapshotOf(since(now - 50)), now)
    if (typeof known === 'string') throw new Error(known)
    expect(known.expiresAt).toBe(now + 10)
    expect(namesStill(known, snapshotOf(since(now - 50)))).toBe(true)
    expect(namesStill(known, snapshotOf(since()))).toBe(false)
    const before = verifyToken(accessToken(), snapshotOf(since()), now)
    if (typeof before === 'string') throw new Error(before)
    expect(namesStill(before, snapshotOf(since(now)))).toBe(false)
  })

  it('touch no other credential', () => {
    expect(proved(clientToken(), since(0))).toBe('proved')
  })
})

it('a remembered one is proved anew when its audience or its client is another', () => {
  const { namesStill } = credentialTable.AccessToken
  const known = verifyToken(accessToken(), snapshotOf(rows), now)
  if (typeof known === 'string') throw new Error(known)
  expect(namesStill(known, snapshotOf(rows))).toBe(true)
  expect(namesStill(known, snapshotOf(rowsWith({}, takingTokens({ audience: 'https://other' }))))).toBe(false)
  expect(namesStill(known, snapshotOf(rowsWith({}, serviceRow())))).toBe(false)
  expect(namesStill(known, snapshotOf(rows.slice(0, -1)))).toBe(false)
})

it('waits for its proof behind others of its own client, and of nobody behind those of no client', () => {
  const owner = (token: string) => {
    const snapshot = snapshotOf(rows)
    const credential = readCredential({
      ...{ method: 'GET', target: '/', names: [], values: [], authorization: `Bearer ${token}` },
    })
    if (typeof credential === 'string') throw new Error(credential)
    return claimedOwner(credential, snapshot)
  }
  expect(owner(accessToken())).toBe(clientId)
  expect(owner(accessToken({ client_id: 'sc_x' }))).toBe(ordersIssuer)
  expect(owner(accessToken({ iss: 'https://elsewhere' }))).toBeUndefined()
})

import { describe, expect, test } from 'vitest'
import { lookup } from '../../../../core/base/shared-map.ts'
import {
  clientTokenExplanation,
  clientToken as entry,
  identityOfKey,
} from '../../../../core/credential/client-token.ts'
import { parseCompact } from '../../../../core/credential/compact.ts'
import { isSignedBy } from '../../../../core/credential/signed.ts'
import { credentialTable } from '../../../../core/credential/table.ts'
import { claimedOwner, verifyToken } from '../../../../core/credential/verify.ts'
import type { KeyRow } from '../../../../core/rows/rows.ts'
import {
  audience,
  claims,
  clientId,
  clientRow,
  clientToken,
  ed25519Key,
  headerOf,
  identityOf,
  issuer,
  keyRow,
  mainKey,
  now,
  serviceRow,
  signToken,
  snapshotOf,
  usualRows,
} from '../fixture.ts'

const usual = snapshotOf(usualRows())
const next = ed25519Key('next')

describe('whose a client token says it is', () => {
  test.each<[string, string | undefined, string | undefined]>([
    ['a client that is known', issuer, issuer],
    ['a client that is not known', `${issuer}x`, undefined],
    ['nobody', undefined, undefined],
  ])('of %s', (_, iss, owner) => {
    expect(entry.claimedBy({ text: '', iss } as never, usual)).toBe(owner)
  })
})

test('a credential is queued by whom it names, where somebody of that name is known', () => {
  const ownerOf = (text: string) =>
    claimedOwner({ text, place: { kinds: [credentialTable.ServiceAccountToken, entry] } } as never, usual)
  expect(ownerOf(clientToken())).toBe(issuer)
  expect(ownerOf(clientToken({ iss: 'https://unknown' }))).toBeUndefined()
  expect(ownerOf('no token')).toBeUndefined()
})

test('a key that may not be used has signed nothing', () => {
  const token = parseCompact(clientToken())
  if (!token) throw new Error('this test needs a token')
  expect(isSignedBy(token, 'Ed25519', undefined)).toBe(false)
})

describe('clients that share an issuer by mistake', () => {
  const other = clientRow({ clientId: 'sc_other', name: 'other', keys: [keyRow(next)] })
  const both = snapshotOf([serviceRow(), clientRow(), other])
  const tokenOf = (sub: string, key = next) => signToken(headerOf(key), claims({ sub, client_id: sub }), key)

  test('are told apart by the subject of the token', () => {
    expect(verifyToken(tokenOf('sc_other'), both, now)).toMatchObject({ clientId: 'sc_other', key: next.kid })
    expect(verifyToken(tokenOf(clientId, mainKey), both, now)).toMatchObject({ clientId, key: mainKey.kid })
  })

  test('sign for themselves only, and for nobody whose name is not there', () => {
    expect(verifyToken(tokenOf(clientId), both, now)).toBe('invalid_token')
    expect(verifyToken(tokenOf('sc_third', mainKey), both, now)).toBe('invalid_token')
  })

  test('an issuer of one client says whose it is, so that a wrong subject is told', () => {
    expect(verifyToken(tokenOf('sc_third', mainKey), usual, now)).toBe('sub_invalid')
  })
})

describe('the edges of what a token says', () => {
  test.each([
    ['an empty audience', { aud: '' }, 'aud_invalid'],
    ['an end that is its beginning', { exp: now }, 'lifetime_invalid'],
  ])('%s is refused', (_, changes, reason) => {
    expect(verifyToken(clientToken(changes), usual, now)).toBe(reason)
  })

  test('a token that was good at all times before is taken', () => {
    expect(verifyToken(clientToken({ nbf: 0 }), usual, now)).toMatchObject({ clientId })
  })
})

describe('a token that was proved', () => {
  const identity = identityOf(usual)
  const client = lookup(usual.clients, clientId)
  if (!client) throw new Error('the client of this test is not there')

  test('whose key went is none of this client', () => {
    const gone = { ...identity, key: 'gone' }
    expect(entry.checkUse(gone, client, serviceRow())).toBeUndefined()
    expect(entry.checkStanding(gone, client, usual, now)).toBe('invalid_token')
  })

  test('is bounded by its own key', () => {
    const row = clientRow({ keys: [keyRow(next, { notAfter: now + 1 }), keyRow(mainKey, { notAfter: now + 2 })] })
    expect(entry.boundsOf(identity, row)?.notAfter).toBe(now + 2)
    expect(entry.boundsOf({ ...identity, key: 'gone' }, row)).toBeUndefined()
  })
})

describe('for people', () => {
  test('a fresh token of a key would prove its client, for as long as it likes', () => {
    const proved = {
      clientId,
      client: 'billing/invoices',
      key: mainKey.kid,
      credential: 'ClientToken',
      subject: clientId,
      scopes: [],
      expiresAt: Number.MAX_SAFE_INTEGER,
      proof: { issuedAt: now, endsAt: Number.MAX_SAFE_INTEGER, audience, issuer },
    }
    expect(identityOfKey(clientRow(), keyRow(), audience, now)).toStrictEqual(proved)
    const narrowed = keyRow(mainKey, { roles: ['reader'] })
    expect(identityOfKey(clientRow(), narrowed, audience, now)).toStrictEqual({ ...proved, roles: ['reader'] })
  })

  const third = ed25519Key('third')
  const causes = (keys: readonly KeyRow[]) => {
    const token = parseCompact(clientToken({}, ed25519Key('unknown')))
    if (!token) throw new Error('this test needs a token')
    return clientTokenExplanation.causesOf(
      { text: '', token, asked: undefined } as never,
      snapshotOf([serviceRow(), clientRow({ keys })]),
    )
  }
  const unknown = `kid ${ed25519Key('unknown').kid} is no key of the client`
  test.each<[string, KeyRow[], string]>([
    ['none', [], 'which has none.'],
    ['one', [keyRow()], `which has ${mainKey.kid} (AccessKey main).`],
    [
      'several',
      [keyRow(), keyRow(third, { accessKey: 'third', revoked: true })],
      `which has ${mainKey.kid} (AccessKey main), ${third.kid} (AccessKey third, revoked).`,
    ],
  ])('a key that is not of the client is told with those it has: %s', (_, keys, words) => {
    const told = causes(keys).filter(cause => cause !== undefined)
    expect(told).toEqual([expect.stringContaining(unknown)])
    expect(told[0]).toContain(words)
  })

  test('each key stands as it is', () => {
    const keys = [
      keyRow(),
      keyRow(next, { accessKey: 'next', notAfter: now, roles: ['reader'] }),
      keyRow(ed25519Key('third'), { revoked: true }),
    ]
    expect(clientTokenExplanation.standingsOf(clientRow({ keys }), now)).toStrictEqual([
      { key: mainKey.kid, accessKey: 'main' },
      { key: next.kid, accessKey: 'next', fault: 'key_expired', notAfter: now, roles: ['reader'] },
      { key: ed25519Key('third').kid, accessKey: 'main', fault: 'key_revoked' },
    ])
  })
})

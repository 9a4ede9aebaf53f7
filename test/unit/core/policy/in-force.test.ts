import { describe, expect, test } from 'vitest'
import {
  askedCredential,
  credentialsOf,
  grantsOf,
  identityOfCredential,
} from '../../../../core/policy/client-standing.ts'
import { policyInForce } from '../../../../core/policy/policy-in-force.ts'
import type { Row } from '../../../../core/rows/rows.ts'
import {
  audience,
  clientId,
  clientRow,
  ed25519Key,
  es256Key,
  grantRow,
  keyRow,
  mainKey,
  now,
  roleRow,
  serviceRow,
} from '../fixture.ts'

const route = (name: string, path: string) => ({ name, path, methods: ['GET'], variants: 'Refuse' }) as const
const reader = roleRow('reader', { methods: ['GET'], paths: ['/a', '/b'] })

describe('a policy, whatever credentials there are', () => {
  const service = serviceRow({ routes: [route('a', '/a'), route('b', '/b')], accepts: [] })
  const suspended = clientRow({ suspended: true, keys: [] })
  const other = clientRow({ clientId: 'sc_other', name: 'other', issuer: 'https://other' })
  const policy = (rows: readonly Row[]) => policyInForce(rows, now)
  const rows = [service, reader, grantRow('g', 'reader'), suspended, other]

  test('decides for a client without keys, suspended, of a service that takes none', () => {
    const decisions = ['billing/invoices', 'billing/other', 'billing/unknown', 'shop/orders'].map(name =>
      policy(rows)?.decide(name, 'GET', '/a'),
    )
    expect(decisions.map(decision => decision?.reason)).toEqual([
      'granted',
      'not_granted',
      'not_granted',
      'not_granted',
    ])
    expect(decisions[0]).toMatchObject({ allow: true, identity: { clientId } })
    expect(policy(rows)?.decide('billing/invoices', 'POST', '/a').reason).toBe('route_unknown')
  })

  test('has the routes of the service, and says which one decides', () => {
    const found = policy(rows)
    expect(found?.routes).toEqual(service.routes)
    expect(['/a', '/b', '/c', '/%'].map(path => found?.endpoint('GET', path)?.name)).toEqual([
      'a',
      'b',
      undefined,
      undefined,
    ])
    expect(found?.endpoint('POST', '/a')).toBeUndefined()
  })

  test('names no route for a path that is nearly one, or is none', () => {
    expect(['/A', '/%', 'a'].map(path => policy(rows)?.endpoint('GET', path))).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    expect(policy(rows)?.decide('billing/invoices', 'GET', '/A').reason).toBe('path_ambiguous')
  })

  test('decides for a client that has the name of the service, wherever its row stands', () => {
    const { namespace, name } = service
    const same = clientRow({ namespace, name })
    for (const some of [
      [service, reader, grantRow('g', 'reader'), same],
      [same, grantRow('g', 'reader'), reader, service],
    ])
      expect(policy(some)?.decide('shop/orders', 'GET', '/a')).toMatchObject({ allow: true, identity: { clientId } })
  })

  test.each<[string, Row[]]>([
    ['there is no service', rows.slice(1)],
    ['a route of it cannot be read', [serviceRow({ routes: [route('a', '/{')] }), ...rows.slice(1)]],
  ])('is none where %s', (_, some) => {
    expect(policy(some)).toBeUndefined()
  })
})

describe('the credentials of a client', () => {
  const next = ed25519Key('next')
  const account = { name: 'app', uid: 'u', pods: ['p'] }
  const client = clientRow({
    keys: [keyRow(mainKey, { revoked: true }), keyRow(next, { accessKey: 'next' })],
    serviceAccounts: [account],
  })
  const all = credentialsOf(client, now)

  test('are its keys, then its service accounts', () => {
    expect(all.map(({ key, fault }) => [key, fault])).toEqual([
      [mainKey.kid, 'key_revoked'],
      [next.kid, undefined],
      ['serviceaccount:app', undefined],
    ])
  })

  test.each([
    ['nothing: the first that counts', undefined, next.kid],
    ['a kid', mainKey.kid, mainKey.kid],
    ['an AccessKey', 'next', next.kid],
    ['a service account', 'serviceaccount:app', 'serviceaccount:app'],
    ['what there is not', 'none', undefined],
  ])('are asked for by %s', (_, asked, key) => {
    expect(askedCredential(all, asked)?.key).toBe(key)
  })

  test('are told where none counts', () => {
    expect(askedCredential(all.slice(0, 1), undefined)?.key).toBe(mainKey.kid)
    expect(askedCredential([], undefined)).toBeUndefined()
  })

  test('prove who has them', () => {
    const use = { audience, now, cluster: { issuer: 'https://cluster', keys: [{ kid: es256Key.kid }] } } as never
    const proved = all.map(credential => identityOfCredential(client, credential, use)?.credential)
    expect(proved).toEqual(['ClientToken', 'ClientToken', 'ServiceAccountToken'])
    expect(identityOfCredential(client, undefined, use)).toBeUndefined()
    expect(identityOfCredential(client, { key: 'none' } as never, use)).toBeUndefined()
  })
})

describe('the grants of a client', () => {
  const attributes = { tenant: 'acme' }
  const rows: Row[] = [
    serviceRow(),
    grantRow('b', 'reader', { expiresAt: now }),
    grantRow('a', 'writer', { attributes }),
    grantRow('d', 'reader', { expiresAt: now + 1 }),
    grantRow('c', 'reader'),
    grantRow('e', 'auditor'),
    grantRow('f', 'reader', { clients: ['sc_other'] }),
  ]
  const expected = [
    { name: 'e', role: 'auditor', ended: false },
    { name: 'b', role: 'reader', ended: true, expiresAt: now },
    { name: 'c', role: 'reader', ended: false },
    { name: 'd', role: 'reader', ended: false, expiresAt: now + 1 },
    { name: 'a', role: 'writer', ended: false, attributes },
  ]

  test('are those that name it, by role, then by name, and whether they have ended', () => {
    expect(grantsOf(rows, clientId, now)).toStrictEqual(expected)
    expect(grantsOf([...rows].reverse(), clientId, now)).toStrictEqual(expected)
  })
})

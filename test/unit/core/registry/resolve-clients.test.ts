import { describe, expect, it } from 'vitest'
import type { ApiClient } from '../../../../core/api/api-client.ts'
import { resolveClients } from '../../../../core/registry/resolve-clients.ts'
import { client, issuerUrl, namespace, namespaces } from './objects.ts'

const later = { creationTimestamp: '2026-11-22T11:00:00Z' }
function resolve(clients: ApiClient[], clientIds: Record<string, string> = {}) {
  return resolveClients({
    clients,
    namespaces: namespaces(
      namespace('shop', { 'latchkey.dev/organization': 'acme' }),
      namespace('other'),
      namespace('blue', { 'latchkey.dev/installation': 'blue' }),
    ),
    installation: 'default',
    issuerUrl,
    clientIds: new Map(Object.entries(clientIds)),
  })
}
const reasons = (clients: ApiClient[], clientIds?: Record<string, string>) =>
  [...resolve(clients, clientIds)].map(([key, { reason, accepted }]) => `${key} ${reason} ${accepted}`)

describe('a client', () => {
  it('has its issuer, its organization from the namespace and its service accounts', () => {
    const given = client('shop', 'checkout', { organization: 'says-who', serviceAccounts: [{ name: 'worker' }] })
    expect(resolve([given]).get('shop/checkout')).toMatchObject({
      accepted: true,
      reason: 'Accepted',
      organization: 'acme',
      serviceAccounts: ['worker'],
      suspended: false,
      issuer: expect.stringMatching(/^https:\/\/issuer\.test\/default\/v1\/clients\/sc_[a-z2-7]{26}$/),
    })
  })

  it('of another installation, of no known namespace, or being deleted does not exist', () => {
    const clients = [
      client('blue', 'a'),
      client('nowhere', 'b'),
      client('shop', 'c', {}, { deletionTimestamp: '2026-11-22T11:00:00Z' }),
    ]
    expect(resolve(clients).size).toBe(0)
  })
})

describe('a chosen client id', () => {
  it('must begin with the namespace of the client', () => {
    expect(
      reasons([client('shop', 'a', { clientId: 'other.a' }), client('shop', 'b', { clientId: 'shop.b' })]),
    ).toEqual(['shop/a ClientIdNotAllowed false', 'shop/b Accepted true'])
  })

  it('that is no more than a longer name of the namespace is refused', () => {
    expect(reasons([client('shop', 'a', { clientId: 'shopping.a' })])).toEqual(['shop/a ClientIdNotAllowed false'])
  })

  it('of the chart belongs to the one object it names, also in the namespace it begins with', () => {
    const clients = [
      client('shop', 'a', { clientId: 'other.id' }),
      client('other', 'b', { clientId: 'other.id' }, later),
    ]
    expect(reasons(clients, { 'other.id': 'shop/a' })).toEqual([
      'shop/a Accepted true',
      'other/b ClientIdNotAllowed false',
    ])
  })

  it('is held by the oldest, whatever order they come in', () => {
    const [old, young] = [
      client('shop', 'z', { clientId: 'shop.x' }),
      client('shop', 'a', { clientId: 'shop.x' }, later),
    ]
    const expected = ['shop/z Accepted true', 'shop/a ClientIdTaken false']
    expect(reasons([young, old])).toEqual(expected)
    expect(reasons([old, young])).toEqual(expected)
  })
})

describe('a service account', () => {
  const wants = (name: string, accounts: string[], more = {}) =>
    client('shop', name, { serviceAccounts: accounts.map(account => ({ name: account })) }, more)

  it('is one client only: the oldest', () => {
    const resolved = resolve([wants('young', ['worker'], later), wants('old', ['worker'])])
    expect(resolved.get('shop/young')).toMatchObject({ reason: 'ServiceAccountTaken', serviceAccounts: [] })
    expect(resolved.get('shop/young')?.message).toContain('old')
    expect(resolved.get('shop/old')).toMatchObject({ accepted: true, serviceAccounts: ['worker'] })
  })

  it('is not held by a client that is refused itself', () => {
    const clients = [
      wants('a', ['one']),
      wants('b', ['one', 'two'], later),
      wants('c', ['two'], { creationTimestamp: '2026-11-22T12:00:00Z' }),
    ]
    expect(reasons(clients)).toEqual([
      'shop/a Accepted true',
      'shop/b ServiceAccountTaken false',
      'shop/c Accepted true',
    ])
  })

  it('of the same name in another namespace is another one', () => {
    const clients = [wants('a', ['worker']), client('other', 'b', { serviceAccounts: [{ name: 'worker' }] }, later)]
    expect(reasons(clients)).toEqual(['shop/a Accepted true', 'other/b Accepted true'])
  })
})

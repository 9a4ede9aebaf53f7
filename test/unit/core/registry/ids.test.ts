import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { issuerOf } from '../../../../core/base/ids.ts'
import { audienceOf, byAge, clientIdOf, earlierIdentity, installationOf } from '../../../../core/registry/ids.ts'
import { client, namespace, service } from './objects.ts'

/** RFC 4648 section 6 by bits, another way than the code under test. */
function base32(bytes: Uint8Array): string {
  const bits = [...bytes].map(byte => byte.toString(2).padStart(8, '0')).join('')
  return (bits.match(/.{1,5}/g) ?? [])
    .map(five => 'abcdefghijklmnopqrstuvwxyz234567'[Number.parseInt(five.padEnd(5, '0'), 2)])
    .join('')
}

it('derives the client id from installation, namespace and name', () => {
  const digest = createHash('sha256').update('["default","ns-uid","checkout"]').digest()
  expect(clientIdOf(client('shop', 'checkout'), 'ns-uid', 'default')).toBe(`sc_${base32(digest).slice(0, 26)}`)
})

it('gives the same id after prune and re-apply, another in another namespace, installation or name', () => {
  const ids = [
    clientIdOf(client('shop', 'checkout'), 'a', 'default'),
    clientIdOf(client('shop', 'checkout'), 'a', 'default'),
    clientIdOf(client('shop', 'checkout'), 'b', 'default'),
    clientIdOf(client('shop', 'checkout'), 'a', 'other'),
    clientIdOf(client('shop', 'billing'), 'a', 'default'),
  ]
  expect(ids[0]).toBe(ids[1])
  expect(new Set(ids).size).toBe(4)
})

it('gives every identity from the second on an id of its own, and the first the one that it always had', () => {
  const idOf = (spec: object) => clientIdOf(client('shop', 'checkout', spec), 'a', 'default')
  expect(idOf({ identity: 1 })).toBe(idOf({}))
  const digest = createHash('sha256').update('["default","a","checkout",2]').digest()
  expect(idOf({ identity: 2 })).toBe(`sc_${base32(digest).slice(0, 26)}`)
  expect(new Set([1, 2, 3, 10, 1000].map(identity => idOf({ identity }))).size).toBe(5)
  expect(idOf({ clientId: 'shop.x', identity: 2 })).toBe('shop.x')
})

it('knows the ids that a client had before, and takes no other for one of them', () => {
  const idOf = (identity: number, name = 'checkout') => clientIdOf(client('shop', name, { identity }), 'a', 'default')
  const earlier = (clientId: string, spec: object) =>
    earlierIdentity(clientId, client('shop', 'checkout', spec), 'a', 'default')
  expect([1, 2, 3, 4].map(identity => earlier(idOf(identity), { identity: 3 }))).toEqual([1, 2, undefined, undefined])
  expect(earlier(idOf(999), { identity: 1000 })).toBe(999)
  expect(earlier(idOf(1), {})).toBeUndefined()
  expect(earlier(idOf(1, 'billing'), { identity: 3 })).toBeUndefined()
  expect(earlier('shop.x', { clientId: 'shop.x', identity: 2 })).toBeUndefined()
})

it('keeps a chosen id, a chosen audience, and the defaults of the rest', () => {
  expect(clientIdOf(client('shop', 'x', { clientId: 'shop.x' }), 'a', 'default')).toBe('shop.x')
  expect(audienceOf(service('shop', 'orders'))).toBe('https://orders.shop.svc')
  expect(audienceOf(service('shop', 'orders', { audience: 'https://api.example.org' }))).toBe('https://api.example.org')
  expect(issuerOf('https://i.test/d', 'shop.x')).toBe('https://i.test/d/v1/clients/shop.x')
  expect(installationOf(namespace('shop'))).toBe('default')
  expect(installationOf(namespace('shop', { 'latchkey.dev/installation': 'blue' }))).toBe('blue')
})

it('orders by age, then by uid', () => {
  const [old, a, b] = [
    client('shop', 'z', {}, { creationTimestamp: '2026-01-01T00:00:00Z', uid: '9' }),
    client('shop', 'y', {}, { uid: '1' }),
    client('shop', 'x', {}, { uid: '2' }),
  ]
  expect([b, a, old].sort(byAge)).toEqual([old, a, b])
})

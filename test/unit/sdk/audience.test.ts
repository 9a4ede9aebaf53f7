import { expect, test } from 'vitest'
import { serviceAudience } from '../../../sdk/audience.ts'

test.each([
  'http://orders.shop',
  'http://orders.shop/orders/7?x=1',
  'http://orders.shop:8080',
  'http://ORDERS.shop.',
  'http://orders.shop.svc',
  'https://orders.shop.svc',
  'https://orders.shop.svc.',
  'https://orders.shop.svc.cluster.local:8443/',
])('%s is the service orders in shop', url => {
  expect(serviceAudience(new URL(url))).toBe('https://orders.shop.svc')
})

test.each([
  ['a public host of two labels', 'https://github.com'],
  ['a public host of three labels', 'https://api.stripe.com'],
  ['a host that only begins like a service', 'https://orders.shop.svc.evil.example'],
  ['another cluster’s domain', 'https://orders.shop.svc.other.local'],
  ['a bare name', 'http://orders'],
  ['an IPv4 address', 'http://10.96.0.50'],
  ['an IPv6 address', 'http://[fd00::1]'],
  ['a pod’s own name', 'http://pod-0.orders.shop.svc'],
  ['an escaped label', 'http://orders_.shop.svc'],
])('no audience follows from %s', (_, url) => {
  expect(serviceAudience(new URL(url))).toBeUndefined()
})

test('the cluster’s domain can be another one', () => {
  const url = new URL('http://orders.shop.svc.corp.example')
  expect(serviceAudience(url, 'corp.example')).toBe('https://orders.shop.svc')
})

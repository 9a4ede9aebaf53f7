import { describe, expect, it } from 'vitest'
import type { GuardedService } from '../../../../core/api/guarded-service.ts'
import type { OpenApiSource } from '../../../../core/registry/openapi-document.ts'
import { resolveServices } from '../../../../core/registry/resolve-services.ts'
import { issuerUrl, namespace, namespaces, service, target } from './objects.ts'

const later = { creationTimestamp: '2026-11-22T11:00:00Z' }
const targets = new Map(
  ['shop/orders', 'shop/billing', 'other/orders', 'blue/orders'].map(key =>
    target(...(key.split('/') as [string, string])),
  ),
)

function resolve(services: GuardedService[], documents: Record<string, OpenApiSource> = {}) {
  return resolveServices({
    services,
    targets,
    namespaces: namespaces(
      namespace('shop'),
      namespace('other'),
      namespace('blue', { 'latchkey.dev/installation': 'blue' }),
    ),
    documents: new Map(Object.entries(documents)),
    installation: 'default',
    issuerUrl,
    reservedAudiences: ['https://kubernetes.default.svc', 'https://cluster.example.org'],
  })
}
const reasons = (services: GuardedService[], documents?: Record<string, OpenApiSource>) =>
  [...resolve(services, documents).values()].map(({ key, reason }) => `${key} ${reason}`)
const reasonOf = (spec: Partial<GuardedService['spec']>) =>
  resolve([service('shop', 'orders', spec)]).get('shop/orders')

describe('a service port', () => {
  it('is held by the oldest, by name or by number, and a second one never loosens it (K27)', () => {
    const old = service('shop', 'orders')
    const open = service(
      'shop',
      'everything-public',
      { targetRef: { name: 'orders', port: 'http' }, public: [{ path: '/**' }] },
      later,
    )
    const alone = resolve([old]).get('shop/orders')
    const both = resolve([open, old])
    expect(both.get('shop/orders')).toEqual(alone)
    expect(both.get('shop/everything-public')).toMatchObject({ reason: 'TargetConflict', accepted: false, routes: [] })
  })

  it('stays held while the holder has a mistake of its own', () => {
    const broken = service('shop', 'orders', { openapi: { configMapRef: { name: 'api' } } })
    const open = service('shop', 'open', { targetRef: { name: 'orders', port: 80 } }, later)
    expect(reasons([broken, open])).toEqual(['shop/orders OpenApiNotFound', 'shop/open TargetConflict'])
  })

  it('of another number is another port', () => {
    const admin = service('shop', 'admin', { targetRef: { name: 'orders', port: 'admin' } }, later)
    expect(reasons([service('shop', 'orders'), admin])).toEqual(['shop/orders Accepted', 'shop/admin Accepted'])
    expect(resolve([admin]).get('shop/admin')?.target?.port).toBe(81)
  })

  it('that does not exist is not found', () => {
    expect(reasonOf({ targetRef: { name: 'orders', port: 8080 } })?.reason).toBe('TargetNotFound')
    expect(reasonOf({ targetRef: { name: 'nobody', port: 80 } })?.reason).toBe('TargetNotFound')
  })

  it('that does not exist takes no policy from the guards: a mistyped port is no outage', () => {
    const routes = [{ name: 'one', path: '/orders/{id}', methods: ['GET' as const] }]
    const found = reasonOf({ targetRef: { name: 'orders', port: 8080 }, routes })
    expect(found).toMatchObject({ accepted: false, published: true, routes: [{ name: 'one' }] })
  })

  it.each<[string, GuardedService['spec']]>([
    ['is reserved', { targetRef: { name: 'orders', port: 8080 }, audience: 'https://billing.shop.svc' }],
    [
      'has a mistake in its spec besides',
      { targetRef: { name: 'orders', port: 8080 }, openapi: { configMapRef: { name: 'api' } } },
    ],
  ])('of a service that %s publishes nothing', (_, spec) => {
    expect(reasonOf(spec)).toMatchObject({ accepted: false, published: false, routes: [] })
  })
})

describe('an audience', () => {
  it.each([
    ['https://billing.shop.svc', 'AudienceReserved'],
    ['https://orders.other.svc', 'AudienceReserved'],
    ['https://orders.other.svc.cluster.local', 'AudienceReserved'],
    ['https://orders.other.svc:8443/api', 'AudienceReserved'],
    ['https://pod.orders.shop.svc', 'AudienceReserved'],
    ['https://orders.shop.svc.cluster.local', 'Accepted'],
    ['https://orders.shop.svc/v2', 'Accepted'],
    ['https://svc.example.org', 'Accepted'],
    [issuerUrl, 'AudienceReserved'],
    [`${issuerUrl}/v1/snapshots`, 'AudienceReserved'],
    ['https://issuer.test/defaults', 'Accepted'],
    ['https://kubernetes.default.svc', 'AudienceReserved'],
    ['https://cluster.example.org', 'AudienceReserved'],
  ])('%s for shop/orders: %s (K27)', (audience, reason) => {
    expect(reasonOf({ audience })?.reason).toBe(reason)
  })

  it('is held by the oldest in the installation', () => {
    const audience = 'https://api.example.org'
    const services = [service('other', 'orders', { audience }, later), service('shop', 'orders', { audience })]
    expect(reasons(services)).toEqual(['shop/orders Accepted', 'other/orders AudienceConflict'])
  })

  it('is not held by a service of another installation', () => {
    const audience = 'https://api.example.org'
    const services = [service('blue', 'orders', { audience }), service('shop', 'orders', { audience }, later)]
    expect(reasons(services)).toEqual(['shop/orders Accepted'])
  })
})

describe('routes', () => {
  it('that match equally well are a conflict that names both', () => {
    const found = reasonOf({
      routes: [
        { name: 'one', path: '/orders/{id}', methods: ['GET'] },
        { name: 'two', path: '/orders/{other}', methods: ['GET', 'POST'] },
      ],
    })
    expect(found?.reason).toBe('RouteConflict')
    expect(found?.message).toMatch(/one.*two/)
  })

  it.each([
    ['a bad template', { routes: [{ name: 'one', path: '/a//b', methods: ['GET' as const] }] }, 'spec.routes[0].path'],
    ['a bad public path', { public: [{ path: '/a/**/b' }] }, 'spec.public[0].path'],
    [
      'a permission for a parameter the path lacks',
      {
        routes: [
          {
            name: 'one',
            path: '/a/{id}',
            methods: ['GET' as const],
            permission: { action: 'read', resource: 'a/{key}' },
          },
        ],
      },
      'spec.routes[0].permission.resource',
    ],
    ['a duration nobody can read', { maxStaleness: '1d' }, 'spec.maxStaleness'],
  ])('with %s are invalid, and the message names the field', (_what, spec, field) => {
    const found = reasonOf(spec)
    expect(found?.reason).toBe('Invalid')
    expect(found?.message).toContain(field)
  })

  it('come from the document, or the reason says why not', () => {
    const openapi = { configMapRef: { name: 'api' } }
    const document = { openapi: '3.1.0', paths: { '/orders': { get: {} } } }
    const given = service('shop', 'orders', { openapi })
    expect(resolve([given], { 'shop/orders': { document } }).get('shop/orders')?.routes).toEqual([
      { name: 'get-orders', path: '/orders', methods: ['GET'], variants: 'Refuse' },
    ])
    expect(reasons([given], { 'shop/orders': { notFound: 'x' } })).toEqual(['shop/orders OpenApiNotFound'])
    expect(reasons([given], { 'shop/orders': { unreadable: 'x' } })).toEqual(['shop/orders OpenApiInvalid'])
    expect(reasons([given], { 'shop/orders': { document: [] } })).toEqual(['shop/orders OpenApiInvalid'])
  })
})

import { describe, expect, it } from 'vitest'
import type { GuardedService } from '../../../../core/api/guarded-service.ts'
import { keyOf } from '../../../../core/registry/ids.ts'
import type { OpenApiSource } from '../../../../core/registry/openapi-document.ts'
import { resolveServices } from '../../../../core/registry/resolve-services.ts'
import { issuerUrl, namespace, namespaces, service, target } from './objects.ts'

const later = { creationTimestamp: '2026-11-22T11:00:00Z' }
const targets = new Map(
  ['shop/orders', 'shop/billing', 'other/orders', 'blue/orders'].map(key =>
    target(...(key.split('/') as [string, string])),
  ),
)

function resolve(
  services: GuardedService[],
  documents: Record<string, OpenApiSource> = {},
  more: { unconfirmed?: 'refused' } = {},
) {
  return resolveServices({
    ...more,
    services,
    targets,
    namespaces: namespaces(
      namespace('shop'),
      namespace('other'),
      namespace('blue', { 'latchkey.dev/installation': 'blue' }),
    ),
    documents: one => documents[keyOf(one)],
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
    const missing: OpenApiSource = { fault: { reason: 'OpenApiNotFound', message: 'x' } }
    expect(reasons([broken, open], { 'shop/orders': missing })).toEqual([
      'shop/orders OpenApiNotFound',
      'shop/open TargetConflict',
    ])
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

  const audience = 'https://api.example.org'
  const held = (one: GuardedService): GuardedService => ({ ...one, status: { audience } })
  const refused = (one: GuardedService, generation = 1): GuardedService => ({
    ...one,
    status: { refusedAudience: audience, observedGeneration: generation },
  })

  it('S11 stays away from whoever lay in wait when its holder is applied again', () => {
    const waiting = service('other', 'orders', { audience })
    const holder = service('shop', 'orders', { audience }, later)
    expect(resolve([held(service('shop', 'orders', { audience })), waiting]).get('other/orders')).toMatchObject({
      reason: 'AudienceConflict',
      claim: 'taken',
      message: expect.not.stringContaining('shop'),
    })
    // Between deletion and re-creation nobody has it, and afterwards the holder has it again, though it is younger.
    expect(resolve([refused(waiting)]).get('other/orders')).toMatchObject({ accepted: false, claim: 'taken' })
    const again = resolve([refused(waiting), holder])
    expect(again.get('shop/orders')).toMatchObject({ accepted: true, claim: 'held' })
    expect(again.get('other/orders')?.message).toContain('change spec or create this GuardedService anew')
  })

  it('goes to one that was refused it once its spec has changed, or where it asks for another one', () => {
    const changed = refused(service('other', 'orders', { audience }, { generation: 2 }))
    expect(resolve([changed]).get('other/orders')).toMatchObject({ accepted: true, claim: 'held' })
    const elsewhere = refused(service('other', 'orders', { audience: `${audience}/v2` }))
    expect(resolve([elsewhere]).get('other/orders')?.accepted).toBe(true)
  })

  it('stays with the namespace that has it, whoever is as old and has the smaller uid', () => {
    const first = held(service('shop', 'orders', { audience }, { uid: 'b' }))
    const second = service('other', 'orders', { audience }, { uid: 'a' })
    expect(reasons([first, second])).toEqual(['other/orders AudienceConflict', 'shop/orders Accepted'])
  })

  it('goes to the next oldest within one namespace, and that one is told by whom it is held', () => {
    const next = service('shop', 'billing', { audience }, later)
    const both = resolve([held(service('shop', 'orders', { audience })), next])
    expect(both.get('shop/billing')).toMatchObject({
      reason: 'AudienceConflict',
      claim: 'none',
      message: expect.stringContaining('shop/orders'),
    })
    expect(resolve([next]).get('shop/billing')).toMatchObject({ accepted: true, claim: 'held' })
  })

  it('is held also while a mistake keeps its holder from being accepted', () => {
    const lost = held(service('shop', 'orders', { audience, targetRef: { name: 'nobody', port: 80 } }))
    const resolved = resolve([lost, service('other', 'orders', { audience })])
    expect(resolved.get('shop/orders')).toMatchObject({ reason: 'TargetNotFound', claim: 'held' })
    expect(resolved.get('other/orders')).toMatchObject({ reason: 'AudienceConflict', claim: 'taken' })
  })

  it('counts for readers of status only once the operator has given it, unless nobody else may ask for it', () => {
    const asking = service('shop', 'orders', { audience })
    const own = service('shop', 'billing', { audience: 'https://billing.shop.svc' })
    const as = (one: GuardedService) => resolve([one], {}, { unconfirmed: 'refused' }).get(`shop/${one.metadata.name}`)
    expect(as(asking)?.accepted).toBe(false)
    expect(as({ ...asking, status: { audience: `${audience}/old` } })?.accepted).toBe(false)
    expect(as(held(asking))?.accepted).toBe(true)
    expect([as(own)?.accepted, as(service('shop', 'orders'))?.accepted]).toEqual([true, true])
  })

  it('is not held by a service of another installation', () => {
    const audience = 'https://api.example.org'
    const services = [service('blue', 'orders', { audience }), service('shop', 'orders', { audience }, later)]
    expect(reasons(services)).toEqual(['shop/orders Accepted'])
  })
})

describe('tags of a route', () => {
  const tagged = (tags: unknown, path = '/orders/{tenant}') =>
    reasonOf({ routes: [{ name: 'r', path, methods: ['GET'], tags: tags as never }] })

  it('reach its row as a map; without any it is the row of earlier releases', () => {
    const tags = { kind: 'orders', tenant: '{tenant}' }
    expect(tagged(tags)).toMatchObject({ reason: 'Accepted', routes: [{ name: 'r', tags }] })
    for (const none of [undefined, {}, []]) expect(tagged(none)?.routes[0]).not.toHaveProperty('tags')
  })

  it('stored as a list are words without a value, and the message says for how long', () => {
    const { accepted, message, routes } = tagged(['pci', 'a b']) ?? {}
    expect([accepted, routes?.[0]?.tags]).toEqual([true, { pci: '', 'a b': '' }])
    expect(message).toBe(
      'Tokens for this service carry the audience https://orders.shop.svc. spec.routes[0].tags: a list is read as words without a value, in this release only; write a map, as in {kind: orders}.',
    )
    expect(tagged({ pci: '' })?.message).toBe('Tokens for this service carry the audience https://orders.shop.svc.')
  })

  it.each<[string, unknown, string | undefined, string]>([
    ['no map', 'pci', undefined, 'spec.routes[0].tags: expected a map'],
    [
      'a value of the path that it does not have',
      { t: '{tenant}' },
      '/orders',
      'spec.routes[0].tags.t: the path has no {tenant}.',
    ],
    ['a number', { t: 1 }, undefined, 'spec.routes[0].tags: the value of t is no text'],
  ])('that are %s are a mistake, also where no webhook looked', (_, tags, path, message) => {
    expect(tagged(tags, path)).toMatchObject({ accepted: false, published: false, reason: 'Invalid' })
    expect(tagged(tags, path)?.message).toContain(message)
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

  describe('that a document names', () => {
    const openapi = { configMapRef: { name: 'api' } }
    const given = service('shop', 'orders', { openapi })
    const routes = [{ name: 'get-orders', path: '/orders', methods: ['GET' as const], variants: 'Refuse' as const }]
    const fault = { reason: 'OpenApiInvalid', message: 'At paths: no operation.' } as const
    const unread = { reason: 'OpenApiUnread', message: 'It could not be fetched.' } as const
    const accepted = (status: 'True' | 'False'): GuardedService => ({
      ...given,
      status: {
        conditions: [
          { type: 'Accepted', status, reason: 'X', message: '', lastTransitionTime: '2026-11-22T10:00:00Z' },
        ],
      },
    })
    const found = (source: OpenApiSource | undefined, one = given) => {
      const resolved = resolve([one], source && { 'shop/orders': source }).get('shop/orders')
      return [resolved?.accepted, resolved?.reason, resolved?.withheld ?? false, resolved?.routes.length]
    }

    it('come from it', () => {
      expect(resolve([given], { 'shop/orders': { routes } }).get('shop/orders')?.routes).toBe(routes)
    })

    it.each([
      ['good', given, { routes }, [true, 'Accepted', false, 1]],
      ['faulty, with routes from before', given, { routes, fault }, [true, 'OpenApiOutdated', false, 1]],
      ['not fetched, with routes from before', given, { routes, fault: unread }, [true, 'OpenApiOutdated', false, 1]],
      ['faulty, and never was good', given, { fault }, [false, 'OpenApiInvalid', false, 0]],
      ['faulty, and was refused before', accepted('False'), { fault }, [false, 'OpenApiInvalid', false, 0]],
      ['faulty after a start, and was good', accepted('True'), { fault }, [true, 'OpenApiOutdated', true, 0]],
      ['not read yet', given, undefined, [false, 'OpenApiUnread', true, 0]],
      ['not fetched', given, { fault: unread }, [false, 'OpenApiUnread', true, 0]],
      [
        'not fetched after a start, and was good',
        accepted('True'),
        { fault: unread },
        [true, 'OpenApiOutdated', true, 0],
      ],
      ['not fetched, and was refused before', accepted('False'), { fault: unread }, [false, 'OpenApiUnread', true, 0]],
    ] as const)('stay what they were, or are withheld, or there are none: %s (S10)', (_, one, source, expected) => {
      expect(found(source, one as GuardedService)).toEqual(expected)
    })

    it('say in the message what is wrong and what holds', () => {
      expect(resolve([given], { 'shop/orders': { routes, fault } }).get('shop/orders')?.message).toBe(
        'At paths: no operation. The routes that were read before stay in force.',
      )
    })

    it('are of no use to a service that another fault refuses, and waited for where only the Service is not there', () => {
      const foreign = service('shop', 'foreign', { openapi, audience: 'https://billing.shop.svc' })
      const nowhere = service('shop', 'nowhere', { openapi })
      const resolved = resolve([foreign, nowhere])
      const told = [...resolved.values()].map(({ reason, withheld }) => [reason, withheld])
      expect(told).toEqual([
        ['AudienceReserved', undefined],
        ['TargetNotFound', true],
      ])
    })
  })
})

import { describe, expect, test } from 'vitest'
import type { Decision } from '../../../../core/policy/decision.ts'
import { decisionOn, everyPath, reasonOf, routeRow, sliceOf } from '../../../builders/policy.ts'
import { clientRow, grantRow, roleRow, snapshotOf, usualRows, withoutIdentity } from '../fixture.ts'

const ask = (...asked: Parameters<typeof decisionOn>): Decision => withoutIdentity(decisionOn(...asked))

describe('without routes', () => {
  const snapshot = snapshotOf(usualRows())

  test('a path rule allows, and the decision says which', () => {
    expect(ask(snapshot, 'GET /orders/42?full=1')).toEqual({
      allow: true,
      reason: 'granted',
      rule: 'role/reader#0',
      grant: 'read',
      roles: ['reader'],
    })
  })

  test('HEAD follows GET, and nothing else does', () => {
    expect(ask(snapshot, 'HEAD /orders')).toMatchObject({ allow: true })
    for (const method of ['POST', 'get', 'TRACE', 'PROPFIND', 'QUERY', 'OPTIONS', '']) {
      expect(reasonOf(snapshot, `${method} /orders`)).toBe('not_granted')
    }
  })

  test('a method that no rule can name is said to be one, and no role that cannot be is asked for', () => {
    const detail = expect.stringContaining('No rule and no route can name the method of this call')
    for (const method of ['PROPFIND', 'REPORT', 'get']) {
      expect(ask(snapshot, `${method} /orders`)).toEqual({ allow: false, reason: 'not_granted', detail })
    }
    const routed = sliceOf({ routes: [routeRow('a', '/a')] }, ...everyPath)
    expect(ask(routed, 'PROPFIND /a')).toMatchObject({ reason: 'route_unknown', detail })
    expect(ask(routed, 'GET /b')).not.toHaveProperty('detail')
    expect(ask(snapshot, 'POST /orders')).toMatchObject({ missing: 'POST /orders' })
  })

  test('a rule for HEAD allows no GET', () => {
    const head = sliceOf({}, roleRow('h', { methods: ['HEAD'], paths: ['/x'] }), grantRow('g', 'h'), clientRow())
    expect([reasonOf(head, 'HEAD /x'), reasonOf(head, 'GET /x')]).toEqual(['granted', 'not_granted'])
  })

  test('what is not granted says what is missing', () => {
    expect(ask(snapshot, 'POST /invoices/7?x=1')).toEqual({
      allow: false,
      reason: 'not_granted',
      missing: 'POST /invoices/7',
    })
  })

  test('P08: case, a trailing slash and a dot make another path', () => {
    const exact = sliceOf({}, roleRow('r', { methods: ['GET'], paths: ['/admin'] }), grantRow('g', 'r'), clientRow())
    expect(reasonOf(exact, 'GET /admin')).toBe('granted')
    for (const path of ['/Admin', '/admin/', '/admin.', '/admin%20', '/admin/*', '/*']) {
      expect(reasonOf(exact, `GET ${path}`)).toBe('not_granted')
    }
  })

  test('a star and a name take one segment that is not empty; two stars take any rest', () => {
    const some = sliceOf(
      {},
      roleRow('r', { methods: ['GET'], paths: ['/a/*', '/b/{x}/c', '/d/**'] }),
      grantRow('g', 'r'),
      clientRow(),
    )
    for (const path of ['/a/1', '/b/1/c', '/d', '/d/', '/d/1/2/3'])
      expect(reasonOf(some, `GET ${path}`)).toBe('granted')
    for (const path of ['/a', '/a/', '/a/1/', '/a/1/2', '/b/c', '/dd']) {
      expect(reasonOf(some, `GET ${path}`)).toBe('not_granted')
    }
  })

  test('an escape that a path may have is the character it stands for', () => {
    const money = sliceOf({}, roleRow('r', { methods: ['GET'], paths: ['/$/a%20b'] }), grantRow('g', 'r'), clientRow())
    expect(reasonOf(money, 'GET /%24/a%20b')).toBe('granted')
    expect(reasonOf(money, 'GET /$/a%20b')).toBe('granted')
  })

  test('permission rules open nothing', () => {
    const rule = { permissions: [{ action: 'read', resources: ['**'] }] }
    expect(reasonOf(sliceOf({}, roleRow('r', rule), grantRow('g', 'r'), clientRow()), 'GET /x')).toBe('not_granted')
  })
})

describe('with routes', () => {
  const routes = [
    routeRow('list', '/orders', { permission: { action: 'list', resource: 'orders' } }),
    routeRow('get', '/orders/{id}', { permission: { action: 'read', resource: 'orders/{id}' } }),
    routeRow('drop', '/orders/{id}', { methods: ['DELETE'], permission: { action: 'drop', resource: 'orders/{id}' } }),
    routeRow('plain', '/plain/**'),
  ]
  const reader = roleRow('reader', {
    permissions: [
      { action: 'list', resources: ['orders'] },
      { action: 'read', resources: ['orders/{id}', 'drafts/*'] },
    ],
  })
  const snapshot = sliceOf({ routes }, reader, grantRow('g', 'reader'), clientRow())

  test('a permission rule whose action and resource match opens the route', () => {
    expect(ask(snapshot, 'GET /orders/42')).toMatchObject({ allow: true, route: 'get', rule: 'role/reader#0' })
    expect(ask(snapshot, 'HEAD /orders')).toMatchObject({ allow: true, route: 'list' })
  })

  test('another action is missing', () => {
    expect(ask(snapshot, 'DELETE /orders/42')).toEqual({
      allow: false,
      reason: 'not_granted',
      route: 'drop',
      missing: 'drop orders/{id}',
    })
  })

  test('a route without permission is opened by path rules only', () => {
    expect(ask(snapshot, 'GET /plain/x')).toEqual({
      allow: false,
      reason: 'not_granted',
      route: 'plain',
      missing: 'GET /plain/**',
    })
    const both = sliceOf({ routes }, ...everyPath)
    expect(ask(both, 'GET /plain/x')).toMatchObject({ allow: true, route: 'plain', rule: 'role/all#0' })
    expect(reasonOf(both, 'GET /orders/42')).toBe('not_granted')
  })

  test('no route, or one for another method, is route_unknown', () => {
    const both = sliceOf({ routes }, ...everyPath)
    expect(ask(both, 'GET /elsewhere')).toEqual({ allow: false, reason: 'route_unknown' })
    expect(ask(both, 'POST /orders')).toEqual({ allow: false, reason: 'route_unknown' })
  })

  test('a path segment is only the value of its name: stars and names in it mean nothing', () => {
    const rule = { permissions: [{ action: 'read', resources: ['orders/mine'] }] }
    const mine = sliceOf({ routes }, roleRow('r', rule), grantRow('g', 'r'), clientRow())
    expect(reasonOf(mine, 'GET /orders/mine')).toBe('granted')
    for (const id of ['*', '**', 'other', '%7Bid%7D', 'Mine'])
      expect(reasonOf(mine, `GET /orders/${id}`)).not.toBe('granted')
  })

  test('a resource that takes a value the path does not have can never be opened', () => {
    const broken = [routeRow('r', '/x', { permission: { action: 'read', resource: 'orders/{id}' } })]
    const rule = { permissions: [{ action: 'read', resources: ['**'] }] }
    expect(reasonOf(sliceOf({ routes: broken }, roleRow('r', rule), grantRow('g', 'r'), clientRow()), 'GET /x')).toBe(
      'not_granted',
    )
  })

  test('the most specific route decides: literal, name, star, rest, segment by segment', () => {
    const many = sliceOf(
      {
        routes: [
          routeRow('rest', '/**'),
          routeRow('star', '/a/*/c'),
          routeRow('name', '/a/{x}/**'),
          routeRow('literal', '/a/b/{y}'),
          routeRow('end', '/a/b'),
        ],
      },
      ...everyPath,
    )
    const routeOf = (path: string) => ask(many, `GET ${path}`).route
    expect(['/a/b', '/a/b/c', '/a/x/c', '/a/x', '/a', '/', '/a/b/c/d'].map(routeOf)).toEqual([
      'end',
      'literal',
      'name',
      'name',
      'rest',
      'rest',
      'name',
    ])
  })

  test('a written HEAD holds before the one that follows from GET', () => {
    const heads = sliceOf({ routes: [routeRow('g', '/x'), routeRow('h', '/x', { methods: ['HEAD'] })] }, ...everyPath)
    expect(ask(heads, 'HEAD /x')).toMatchObject({ route: 'h' })
  })
})

describe('P35: a path that an app may fold into a more specific route', () => {
  const routes = [
    routeRow('rest', '/**'),
    routeRow('secret', '/reports/secret', { permission: { action: 'read', resource: 'secret' } }),
    routeRow('slash', '/area/', { permission: { action: 'read', resource: 'area' } }),
    routeRow('upper', '/Admin', { permission: { action: 'read', resource: 'admin' } }),
  ]
  const snapshot = sliceOf({ routes }, ...everyPath)

  test.each([
    '/Reports/secret',
    '/reports/SECRET',
    '/reports/secret/',
    '/REPORTS/SECRET/',
    '/area',
    '/AREA',
    '/admin',
    '/ADMIN/',
    '/report%C5%BF/secret',
  ])('GET %s is path_ambiguous', path => {
    expect(ask(snapshot, `GET ${path}`)).toEqual({ allow: false, reason: 'path_ambiguous' })
  })

  test.each(['/reports', '/Reports', '/reports/other/', '/reports/secret/x', '/Other', '/'])(
    'GET %s folds into nothing more specific and passes',
    path => {
      expect(ask(snapshot, `GET ${path}`)).toMatchObject({ allow: true, route: 'rest' })
    },
  )

  test('another method of the more specific route does not matter', () => {
    const posts = sliceOf(
      { routes: [routeRow('rest', '/**'), routeRow('p', '/x', { methods: ['POST'] })] },
      ...everyPath,
    )
    expect(reasonOf(posts, 'GET /X')).toBe('granted')
  })

  test('without a route for all, the path as declared is named too', () => {
    const one = sliceOf({ routes: [routeRow('r', '/orders')] }, ...everyPath)
    expect([reasonOf(one, 'GET /orders/'), reasonOf(one, 'GET /orderz')]).toEqual(['path_ambiguous', 'route_unknown'])
  })

  test('variants: Distinct lets the app tell them apart', () => {
    const distinct = routes.map(each => ({ ...each, variants: 'Distinct' as const }))
    const both = sliceOf({ routes: distinct }, ...everyPath)
    for (const path of ['/Reports/secret', '/reports/secret/', '/area', '/admin']) {
      expect(ask(both, `GET ${path}`)).toMatchObject({ allow: true, route: 'rest' })
    }
  })

  test('two declared routes that differ in case only are both taken as written', () => {
    const cased = sliceOf({ routes: [routeRow('a', '/x'), routeRow('b', '/X'), routeRow('c', '/x/')] }, ...everyPath)
    expect(['/x', '/X', '/x/'].map(path => ask(cased, `GET ${path}`).route)).toEqual(['a', 'b', 'c'])
  })
})

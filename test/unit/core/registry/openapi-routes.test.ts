import { describe, expect, it } from 'vitest'
import { openApiRoutes } from '../../../../core/registry/openapi-routes.ts'

const schemes = Object.fromEntries(['oauth', 'oidc', 'key', 'bearer'].map(name => [name, { type: 'http' }]))
const document = (paths: unknown, more: object = {}) => ({
  openapi: '3.0.3',
  paths,
  components: { securitySchemes: schemes },
  ...more,
})
const read = (given: unknown) => openApiRoutes(given, 'orders')
const routesOf = (given: unknown) => {
  const found = read(given)
  return 'fault' in found ? found.fault : found.routes
}
const security = (...list: object[]) => ({ '/a': { get: { security: list } } })

describe('an OpenAPI document', () => {
  it('gives a route per operation, named by operationId or by method and path', () => {
    const paths = {
      '/orders': { get: { operationId: 'listOrders' }, post: {} },
      '/orders/{order-id}': { delete: { operationId: 'Order.Delete_one' }, parameters: [], summary: 'x' },
      '/': { get: {} },
      'x-internal': { get: {} },
    }
    expect(routesOf(document(paths))).toEqual([
      { name: 'list-orders', path: '/orders', methods: ['GET'], variants: 'Refuse' },
      { name: 'post-orders', path: '/orders', methods: ['POST'], variants: 'Refuse' },
      { name: 'order-delete-one', path: '/orders/{order_id}', methods: ['DELETE'], variants: 'Refuse' },
      { name: 'get', path: '/', methods: ['GET'], variants: 'Refuse' },
    ])
  })

  it('gives each name once, each a DNS label', () => {
    const long = 'x'.repeat(80)
    const paths = Object.fromEntries(
      ['same', 'same', 'SAME', 'same-2', '', '***', long, long].map((operationId, index) => [
        `/${index}`,
        { get: { operationId } },
      ]),
    )
    const routes = routesOf(document(paths))
    const names = Array.isArray(routes) ? routes.map(({ name }) => name) : []
    expect(new Set(names).size).toBe(8)
    for (const name of names) expect(name).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/)
    expect(names.slice(0, 2)).toEqual(['same', 'same-2'])
  })

  it.each([
    [[{ url: 'https://api.example.org/v1/' }], '/v1/a'],
    [[{ url: '/v2' }, { url: '/other' }], '/v2/a'],
    [[{ url: 'https://{host}/{base}', variables: { host: { default: 'h' }, base: { default: 'v3' } } }], '/v3/a'],
    [[{ url: 'https://api.example.org' }], '/a'],
    [[], '/a'],
    [[{ url: '/{base}' }], 'At servers.0.variables.base: the URL has this variable'],
    [[{ url: '/a{b' }], 'At servers.0.url: a brace or star'],
    [[{}], 'At servers.0.url: expected a text'],
    ['x', 'At servers: expected a list.'],
    [null, 'At servers: expected a list, not null; write one or leave the field out.'],
    [[{ url: '/v1', varaibles: {} }], 'At servers.0.varaibles: no field of a server'],
    [
      [{ url: 'https://h:{port}/v1', variables: { port: { default: 8443 } } }],
      'At servers.0.variables.port.default: expected a text; put it in quotes',
    ],
    [[{ url: '/{v}', variables: { v: { enum: ['v1'] } } }], 'At servers.0.variables.v.default: expected a text'],
    [
      [{ url: '/{v}', variables: { v: { Default: 'v1', default: 'v2' } } }],
      'variables.v.Default: no field of a server variable; write default',
    ],
    [[{ url: '{server}/v1', variables: { server: { default: 'https://h/api' } } }], '/api/v1/a'],
    [[{ $ref: '#/x-server' }], '/v9/a'],
  ])('with servers %j puts its paths below %s', (servers, expected) => {
    const routes = routesOf(document({ '/a': { get: {} } }, { servers, 'x-server': { url: '/v9' } }))
    if (Array.isArray(routes)) expect(routes[0]?.path).toBe(expected)
    else expect(routes).toContain(expected)
  })

  it.each([
    ['resource:action', [{ oauth: ['orders:read'] }], { action: 'read', resource: 'orders' }],
    ['the last colon', [{ oauth: ['urn:acme:orders:read'] }], { action: 'read', resource: 'urn:acme:orders' }],
    ['no colon: an action on the service', [{ oauth: ['read'] }], { action: 'read', resource: 'orders' }],
    ['a second scheme without scopes beside it', [{ oauth: ['a:b'], key: [] }], { action: 'b', resource: 'a' }],
    ['the same scope in two schemes', [{ oauth: ['a:b'] }, { oidc: ['a:b'] }], { action: 'b', resource: 'a' }],
    ['schemes without scopes', [{ bearer: [] }, { key: [] }], undefined],
  ])('makes a permission of %s', (_what, list, permission) => {
    expect(routesOf(document(security(...list)))).toMatchObject([permission ? { permission } : { path: '/a' }])
    const routes = routesOf(document(security(...list)))
    expect(Array.isArray(routes) && routes[0]?.permission).toEqual(permission)
  })

  it.each([
    ['several scopes', [{ oauth: ['a:b', 'a:c'] }]],
    ['alternatives with different scopes', [{ oauth: ['a:b'] }, { key: [] }]],
    ['a scope or nobody at all', [{ oauth: ['a:b'] }, {}]],
    ['a scope that is no permission', [{ oauth: ['https://example.org/auth/read'] }]],
    ['no list', [{ oauth: 'a:b' }]],
  ])('is refused with %s, and the place is named', (_what, list) => {
    expect(routesOf(document(security(...list)))).toContain('At paths./a.get.security')
  })

  it('takes the security of the document where the operation has none, and an empty list leaves it out', () => {
    const paths = { '/a': { get: {} }, '/b': { get: { security: [] } } }
    const routes = routesOf(document(paths, { security: [{ oauth: ['orders:read'] }] }))
    expect(routes).toMatchObject([{ path: '/a', permission: { action: 'read' } }, { path: '/b' }])
    expect(Array.isArray(routes) && routes[1] && 'permission' in routes[1]).toBe(false)
  })

  it('lets HEAD follow GET, and refuses one that differs', () => {
    expect(routesOf(document({ '/a': { get: {}, head: {} } }))).toHaveLength(1)
    const differs = { '/a': { get: {}, head: { security: [{ oauth: ['a:b'] }] } } }
    expect(routesOf(document(differs))).toContain('At paths./a.head.security')
    const modes = { '/a': { get: { 'x-latchkey-mode': 'Audit' }, head: {} } }
    expect(routesOf(document(modes))).toContain('At paths./a.head.x-latchkey-mode')
  })

  it('puts paths below the servers of the path or the operation, where these have some of their own', () => {
    const paths = {
      '/a': { servers: [{ url: '/item' }], get: {}, post: { servers: [{ url: 'https://h/own' }] } },
      '/b': { get: {} },
    }
    const routes = routesOf(document(paths, { servers: [{ url: '/all' }] }))
    expect(routes).toMatchObject([{ path: '/item/a' }, { path: '/own/a' }, { path: '/all/b' }])
  })

  it('puts paths at / where a path or an operation has an empty list of servers, as the document does', () => {
    const paths = { '/a': { servers: [], get: {} }, '/b': { get: { servers: [] }, put: {} } }
    const routes = routesOf(document(paths, { servers: [{ url: '/all' }] }))
    expect(routes).toMatchObject([{ path: '/a' }, { path: '/b' }, { path: '/all/b' }])
  })

  it('keeps the slash of the path / below a server with a path', () => {
    const below = (url: string) => routesOf(document({ '/': { get: {} } }, { servers: [{ url }] }))
    expect(below('/base')).toMatchObject([{ path: '/base/' }])
    expect(below('/base/')).toMatchObject([{ path: '/base/' }])
    expect(below('https://h')).toMatchObject([{ path: '/' }])
  })

  it.each([
    ['/{_id}', '/{p_id}'],
    ['/{2fa}', '/{p2fa}'],
    ['/{order-id}', '/{order_id}'],
    ['/{größe}', '/{gr__e}'],
    ['/{a-b}/{a_b}/{a.b}', '/{a_b_2}/{a_b}/{a_b_3}'],
    [`/{${'x'.repeat(40)}}`, `/{${'x'.repeat(32)}}`],
    [`/{${'x'.repeat(40)}}/{${'x'.repeat(32)}}`, `/{${'x'.repeat(30)}_2}/{${'x'.repeat(32)}}`],
    ['/{id}/{p_id}/{_id}', '/{id}/{p_id}/{p_id_2}'],
  ])('gives the parameters of %s names that templates take, each once', (path, template) => {
    expect(routesOf(document({ [path]: { get: {} } }))).toMatchObject([{ path: template }])
  })

  it('takes the variants of routes from x-latchkey-variants, of the operation or else of the document', () => {
    const paths = { '/a': { get: { 'x-latchkey-variants': 'Refuse' }, post: {} } }
    const routes = routesOf(document(paths, { 'x-latchkey-variants': 'Distinct' }))
    expect(routes).toMatchObject([{ variants: 'Refuse' }, { variants: 'Distinct' }])
    const wrong = { '/a': { get: { 'x-latchkey-variants': 'distinct' }, post: {} } }
    expect(routesOf(document(wrong))).toBe('At paths./a.get.x-latchkey-variants: expected Refuse or Distinct.')
    expect(routesOf(document({ '/a': { get: {} } }, { 'x-latchkey-variants': null }))).toContain(
      'At x-latchkey-variants',
    )
  })

  it('takes the permission from x-latchkey-permission where scopes cannot say it', () => {
    const several = { security: [{ oauth: ['https://example.org/read', 'a:b'] }] }
    const operation = (permission: unknown, more: object = several) => ({
      '/orders/{order-id}': { get: { ...more, 'x-latchkey-permission': permission } },
    })
    const read = { action: 'read', resource: 'orders/{order-id}' }
    expect(routesOf(document(operation(read)))).toMatchObject([
      { permission: { action: 'read', resource: 'orders/{order_id}' } },
    ])
    expect(routesOf(document(operation({ action: 'read', resource: 'orders' }, {})))).toMatchObject([
      { permission: { action: 'read', resource: 'orders' } },
    ])
    for (const wrong of [
      null,
      'orders:read',
      {},
      { action: 'read' },
      { ...read, mode: 'x' },
      { ...read, action: 'a b' },
    ]) {
      expect(routesOf(document(operation(wrong)))).toContain('At paths./orders/{order-id}.get.x-latchkey-permission')
    }
    for (const resource of [1, '', '/orders', 'orders/{other}', 'orders/*', 'o'.repeat(257)]) {
      expect(routesOf(document(operation({ action: 'read', resource })))).toContain('x-latchkey-permission.resource')
    }
    expect(routesOf(document(operation(read, { security: [{ lost: [] }] })))).toContain('no scheme of that name')
  })

  it('takes the mode of a route from x-latchkey-mode, and nothing else in its place', () => {
    const paths = (mode: unknown) => ({ '/a': { get: { 'x-latchkey-mode': mode }, post: {} } })
    const routes = routesOf(document(paths('Audit')))
    expect(routes).toMatchObject([{ path: '/a', mode: 'Audit' }, { path: '/a' }])
    expect(Array.isArray(routes) && routes[1] && 'mode' in routes[1]).toBe(false)
    for (const mode of ['audit', null, true]) {
      expect(routesOf(document(paths(mode)))).toContain('At paths./a.get.x-latchkey-mode: expected Enforce or Audit')
    }
  })

  it.each([
    ['no object', 'text', 'The document'],
    ['another version', { swagger: '2.0', paths: {} }, 'At openapi'],
    ['no paths', { openapi: '3.1.0' }, 'At paths: the document has no operation that a guard could stand before; add'],
    ['no operation', document({}), 'At paths: the document has no operation'],
    ['paths without methods', document({ '/a': { summary: 'x' } }), 'At paths: the document has no operation'],
    ['webhooks alone', { openapi: '3.1.0', webhooks: {} }, 'webhooks are requests that the service makes'],
    [
      'webhooks beside no paths',
      { openapi: '3.1.0', paths: {}, webhooks: { x: { post: {} } } },
      'At paths: the document has no operation that a guard could stand before, since webhooks are requests',
    ],
    [
      'a parameter in the middle of a segment',
      document({ '/a/{id}.json': { get: {} } }),
      'At paths./a/{id}.json: a para',
    ],
    [
      'a verb behind a parameter',
      document({ '/a/{name}:cancel': { get: {} } }),
      'At paths./a/{name}:cancel: a parameter',
    ],
    ['a parameter over several segments', document({ '/{name=a/*}': { get: {} } }), 'must be a whole segment'],
    ['a parameter that takes slashes', document({ '/v1/{+name}': { get: {} } }), 'forms such as {+name} and {name*}'],
    ['a parameter that takes the rest', document({ '/v1/{name*}': { get: {} } }), 'forms such as {+name} and {name*}'],
    ['a parameter with a pattern', document({ '/v1/{id:[0-9]}': { get: {} } }), 'forms such as {+name} and {name*}'],
    ['a parameter with an operator', document({ '/v1/{.ext}': { get: {} } }), 'forms such as {+name} and {name*}'],
    ['a parameter twice', document({ '/{a}/{a}': { get: {} } }), 'At paths./{a}/{a}: a parameter stands twice'],
    ['a parameter without a name', document({ '/{}': { get: {} } }), 'a parameter has no name'],
    ['a wildcard', document({ '/a/*': { get: {} } }), 'At paths./a/*: a star'],
    ['a query', document({ '/a?b=c': { get: {} } }), 'At paths./a?b=c: no path has a query; leave out what follows ?'],
    ['a fragment', document({ '/#a': { get: {} } }), 'At paths./#a: no path has a fragment; leave out what follows #'],
    [
      'an empty segment, told once for all methods',
      document({ '/a//b': { get: {}, put: {} } }),
      'At paths./a//b: an empty segment; write one slash.',
    ],
    ['a dot segment', document({ '/a/../b': { get: {} } }), 'At paths./a/../b: a segment is not in normal form'],
    ['an escaped letter', document({ '/%61': { get: {} } }), 'At paths./%61: a segment is not in normal form'],
    ['a path that is too long', document({ [`/${'a'.repeat(512)}`]: { get: {} } }), 'at most 512 characters'],
    ['a relative path', document({ a: { get: {} } }), 'begins with /'],
    ['a numeric version', { openapi: 3.1, paths: {} }, 'At openapi: expected a text such as 3.1.0'],
    ['a version to come', { openapi: '3.3.0', paths: {} }, 'At openapi'],
    ['an operation that is none', document({ '/a': { get: 1 } }), 'At paths./a.get'],
  ])('with %s is refused, and the place is named', (_what, given, words) => {
    expect(routesOf(given)).toContain(words)
  })

  it('with more than 2,000 operations is refused', () => {
    const paths = Object.fromEntries(Array.from({ length: 2_001 }, (_, index) => [`/${index}`, { get: {} }]))
    expect(routesOf(document(paths))).toContain('2000')
  })

  it('does not repeat what could break a message', () => {
    const fault = routesOf(document({ [`/a\n\u0000${'x'.repeat(5_000)}{`]: { get: {} } }))
    expect(fault).toMatch(/^[\x20-\x7e]{1,500}$/)
  })

  it('is told all that is wrong with it at once, as much as a condition holds', () => {
    const three = { '/a/{': { get: {} }, '/b': { GET: {}, get: { security: null }, post: { securtiy: [] } } }
    expect(routesOf(document(three))).toMatch(/^4 faults\. At paths\.\/a\/\{: .+ At paths\.\/b\.GET: .+ At .+ At .+\.$/)
    const wrong = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`x${at}`, {}]))
    expect(routesOf(document(wrong(20)))).toMatch(/^20 faults\..* At paths\.x19: a path begins with \/\.$/)
    expect(routesOf(document(wrong(659)))).toMatch(/^659 faults\..*\. And 639 more\.$/)
    expect(routesOf(document(wrong(5_000)))).toMatch(/^1000 faults or more\..*\. And 980 more\.$/)
    const long = Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`${'y'.repeat(400)}${at}`, {}]))
    expect(routesOf(document(long))).toMatch(/^30 faults\..{500,1900}\. And \d\d more\.$/)
  })
})

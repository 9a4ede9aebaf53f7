import { describe, expect, it } from 'vitest'
import { readOpenApi } from '../../../../core/registry/openapi-document.ts'
import { openApiRoutes } from '../../../../core/registry/openapi-routes.ts'
import { readYaml } from '../../../../platform/read-yaml.ts'
import { service } from './objects.ts'

const document = (paths: unknown, more: object = {}) => ({ openapi: '3.0.3', paths, ...more })
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
    [[{ url: 'v1' }], 'At servers.0.url'],
    [[{ url: '//evil/v1' }], 'At servers.0.url'],
    [[{ url: '/v1?x=1' }], 'At servers.0.url'],
    [[{ url: '/{base}' }], 'At servers.0.url'],
    ['x', 'At servers.0.url'],
  ])('with servers %j puts its paths below %s', (servers, expected) => {
    const routes = routesOf(document({ '/a': { get: {} } }, { servers }))
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
    const routes = routesOf(document(paths, { security: [{ o: ['orders:read'] }] }))
    expect(routes).toMatchObject([{ path: '/a', permission: { action: 'read' } }, { path: '/b' }])
    expect(Array.isArray(routes) && routes[1] && 'permission' in routes[1]).toBe(false)
  })

  it('lets HEAD follow GET, and refuses one that differs', () => {
    expect(routesOf(document({ '/a': { get: {}, head: {} } }))).toHaveLength(1)
    const differs = { '/a': { get: {}, head: { security: [{ o: ['a:b'] }] } } }
    expect(routesOf(document(differs))).toContain('At paths./a.head.security')
    const modes = { '/a': { get: { 'x-latchkey-mode': 'Audit' }, head: {} } }
    expect(routesOf(document(modes))).toContain('At paths./a.head.x-latchkey-mode')
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
    ['no paths', { openapi: '3.1.0' }, 'At paths'],
    ['no operation', document({}), 'no operation'],
    ['a parameter in the middle of a segment', document({ '/a/{id}.json': { get: {} } }), 'whole segment'],
    ['a parameter twice', document({ '/{a-b}/{a_b}': { get: {} } }), 'name of its own'],
    ['a parameter without a usable name', document({ '/{1}': { get: {} } }), 'name of its own'],
    ['a wildcard', document({ '/a/*': { get: {} } }), 'whole segment'],
    ['a relative path', document({ a: { get: {} } }), 'begins with /'],
    ['a reference', document({ '/a': { $ref: 'https://evil.example/' } }), '$ref'],
    ['servers of a path', document({ '/a': { servers: [], get: {} } }), 'servers'],
    ['servers of an operation', document({ '/a': { get: { servers: [] } } }), 'servers'],
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
    expect(fault).toMatch(/^[\x20-\x7e…]{1,500}$/)
  })
})

describe('the ConfigMap of a document', () => {
  const named = service('shop', 'orders', { openapi: { configMapRef: { name: 'api' } } })
  const configMap = (data: Record<string, string>) => ({ metadata: { name: 'api', namespace: 'shop' }, data })

  it('gives the parsed document, or says what is missing', () => {
    expect(readOpenApi(named, configMap({ 'openapi.yaml': '{"a":1}' }), readYaml)).toEqual({ document: { a: 1 } })
    expect(readOpenApi(named, undefined, readYaml)).toMatchObject({ notFound: expect.stringContaining('api') })
    expect(readOpenApi(named, configMap({ other: '' }), readYaml)).toHaveProperty('notFound')
  })

  it('is refused when it is too long or unreadable, without quoting it', () => {
    expect(readOpenApi(named, configMap({ 'openapi.yaml': 'x'.repeat(2 ** 21 + 1) }), readYaml)).toHaveProperty(
      'unreadable',
    )
    const bad = readOpenApi(named, configMap({ 'openapi.yaml': 'secret: {' }), readYaml)
    expect(JSON.stringify(bad)).not.toContain('secret')
  })
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { GuardedService } from '../../../../core/api/guarded-service.ts'
import { kinds } from '../../../../core/api/kinds.ts'
import { type Proposal, type ProposalOptions, proposeRoles } from '../../../../core/learn/propose-role.ts'
import type { SeenCall } from '../../../../core/learn/seen-traffic.ts'
import { policyInForce } from '../../../../core/policy/policy-in-force.ts'
import type { ManifestObject } from '../../../../core/registry/manifest-objects.ts'
import { manifestSlice } from '../../../../core/registry/manifests.ts'
import type { RouteRow, Row } from '../../../../core/rows/rows.ts'
import { routeRow } from '../../../builders/policy.ts'
import { clientRow, grantRow, now, roleRow, serviceRow } from '../fixture.ts'

const call = (change: Partial<SeenCall> = {}): SeenCall => ({
  client: 'checkout/checkout',
  method: 'GET',
  path: '/orders/7',
  calls: 1,
  lastSeen: '2026-11-25T10:00:00.000Z',
  ...change,
})
const options = (change: Partial<ProposalOptions> = {}): ProposalOptions => ({
  service: 'shop/orders',
  rows: undefined,
  distinct: 3,
  now,
  ...change,
})
const rulesOf = ({ roles }: Proposal) => roles.flatMap(({ role }) => role.spec.rules)

describe('where the service declares routes', () => {
  const routes = [
    routeRow('order', '/orders/{id}', { methods: ['GET', 'DELETE'] }),
    routeRow('search', '/orders/search'),
    routeRow('items', '/orders/{id}/items', { permission: { action: 'read', resource: 'orders/{id}/items' } }),
    routeRow('broken', '/broken', { permission: { action: 'read', resource: 'x/{nobody}' } }),
  ]
  const rows = [serviceRow({ routes }), clientRow()]

  test('a path rule has their template, and says which other routes that opens', () => {
    const proposal = proposeRoles([call(), call({ path: '/orders/8', calls: 4 })], options({ rows }))
    expect(rulesOf(proposal)).toEqual([{ services: ['orders'], methods: ['GET'], paths: ['/orders/{id}'] }])
    expect(proposal.roles[0]?.evidence[0]?.get('/orders/{id}')).toEqual({
      calls: 5,
      lastSeen: '2026-11-25T10:00:00.000Z',
      paths: 2,
      alsoOpens: ['search'],
    })
  })

  test('a permission rule has their permission, and no path rule is made for it', () => {
    const proposal = proposeRoles([call({ path: '/orders/7/items' })], options({ rows }))
    expect(rulesOf(proposal)).toEqual([
      { services: ['orders'], permissions: [{ action: 'read', resources: ['orders/{id}/items'] }] },
    ])
  })

  test.each<[string, Partial<SeenCall>, string]>([
    ['no route matches', { path: '/other' }, 'route_unknown'],
    ['the path is only nearly a route', { path: '/orders/Search' }, 'path_ambiguous'],
    ['the route can be opened by nobody', { path: '/broken' }, 'no role can open their route broken'],
    ['the path has several readings', { path: '/orders/../x' }, 'normal form'],
  ])('nothing is proposed when %s', (_, change, why) => {
    const proposal = proposeRoles([call(change)], options({ rows }))
    expect(proposal.roles).toEqual([])
    expect(proposal.leftOut).toMatchObject([{ why: expect.stringContaining(why), calls: 1 }])
  })

  test('what is allowed by now, or is public by now, is left out', () => {
    const open = [
      serviceRow({ routes, public: [{ path: '/orders/search', methods: ['GET'] }] }),
      roleRow('reader', { methods: ['GET'], paths: ['/orders/{id}'] }),
      grantRow('reads', 'reader'),
      clientRow({ suspended: true }),
    ]
    const calls = [call({ client: 'billing/invoices' }), call({ path: '/orders/search' })]
    expect(proposeRoles(calls, options({ rows: open }))).toMatchObject({
      roles: [],
      leftOut: [{ why: 'they are allowed by now', calls: 2 }],
    })
  })

  test('without them at hand the audit line says what was missing', () => {
    const calls = [
      call({ route: 'order', missing: 'GET /orders/{id}' }),
      call({ path: '/orders/7/items', route: 'items', missing: 'read orders/{id}/items' }),
      call({ path: '/orders/9', route: 'order' }),
    ]
    const proposal = proposeRoles(calls, options())
    expect(rulesOf(proposal)).toEqual([
      { services: ['orders'], permissions: [{ action: 'read', resources: ['orders/{id}/items'] }] },
      { services: ['orders'], methods: ['GET'], paths: ['/orders/{id}'] },
    ])
    expect(proposal.leftOut).toMatchObject([{ why: expect.stringContaining('--manifests') }])
  })
})

describe('who gets what', () => {
  test('clients that need the same share a role, others have their own', () => {
    const calls = [
      call({ client: 'a/one' }),
      call({ client: 'b/two' }),
      call({ client: 'c/three', method: 'POST', path: '/orders' }),
    ]
    const { roles } = proposeRoles(calls, options())
    expect(roles.map(({ role, grants }) => [role.metadata.name, grants.flatMap(({ spec }) => spec.clients)])).toEqual([
      [
        'orders-proposed-1',
        [
          { namespace: 'a', name: 'one' },
          { namespace: 'b', name: 'two' },
        ],
      ],
      ['orders-proposed-2', [{ namespace: 'c', name: 'three' }]],
    ])
  })

  test('one client gives no reason to let another do more', () => {
    const many = [1, 2, 3].map(id => call({ client: 'a/one', path: `/orders/${id}` }))
    const { roles } = proposeRoles([...many, call({ client: 'b/two', path: '/orders/1' })], options())
    expect(roles.map(({ role }) => role.spec.rules[0]?.paths)).toEqual([['/orders/{id}'], ['/orders/1']])
  })

  test('a name that is taken is not proposed', () => {
    const rows = [serviceRow(), roleRow('orders-proposed', { methods: ['GET'], paths: ['/x'] })]
    expect(proposeRoles([call()], options({ rows })).roles[0]?.role.metadata.name).toBe('orders-proposed-1')
  })

  test('methods of one path stand together; HEAD beside GET is left out, a method no rule can name is said', () => {
    const calls = ['GET', 'HEAD', 'DELETE', 'PURGE'].map(method => call({ method }))
    const proposal = proposeRoles(calls, options())
    expect(rulesOf(proposal)).toEqual([{ services: ['orders'], methods: ['DELETE', 'GET'], paths: ['/orders/7'] }])
    expect(proposal.leftOut).toMatchObject([{ why: 'no rule can name their method' }])
  })

  test('what does not fit into one rule, one role or one grant goes into more', () => {
    const word = (at: number): string => [...String(at)].map(digit => 'abcdefghij'[Number(digit)]).join('')
    const calls = Array.from({ length: 64 * 64 + 1 }, (_, at) => call({ path: `/x/${word(at)}` }))
    const { roles } = proposeRoles(calls, options())
    expect(roles.map(({ role }) => role.spec.rules.length)).toEqual([64, 1])
    const clients = Array.from({ length: 257 }, (_, at) => call({ client: `a/c${at}` }))
    expect(proposeRoles(clients, options()).roles[0]?.grants.map(({ spec }) => spec.clients.length)).toEqual([256, 1])
  })
})

/** The proposal as a cluster would take it: every object by its schema, then compiled to a slice. */
function applied(proposal: Proposal, clients: readonly string[], routes: readonly RouteRow[]): Row[] {
  const objects: ManifestObject[] = proposal.roles.flatMap(({ role, grants }) => [role, ...grants])
  for (const object of objects) {
    const kind = kinds.find(candidate => candidate.kind === object.kind)
    expect(kind?.spec.safeParse((object as unknown as GuardedService).spec).error).toBeUndefined()
  }
  const metadata = { namespace: 'shop', name: 'orders' }
  const { apiVersion } = proposal.roles[0]?.role ?? { apiVersion: 'latchkey.dev/v1alpha1' }
  const service = {
    apiVersion,
    kind: 'GuardedService',
    metadata,
    spec: { targetRef: { name: 'orders', port: 80 }, ...(routes.length > 0 && { routes }) },
  }
  const callers = clients.map(client => {
    const [namespace = '', name = ''] = client.split('/')
    return { apiVersion, kind: 'ApiClient', metadata: { namespace, name }, spec: {} }
  })
  const given = [service, ...callers, ...objects] as ManifestObject[]
  return manifestSlice(given, { service: 'shop/orders', issuer: 'https://issuer', installation: 'default', now }).rows
}

const word = fc.constantFrom('orders', 'items', 'search', 'a*b', '%C3%A9', 'x.y')
const id = fc.integer({ min: 1, max: 30 }).map(String)
const path = fc
  .tuple(fc.array(fc.oneof(word, id), { minLength: 1, maxLength: 4 }), fc.constantFrom('', '', '/'))
  .map(([segments, end]) => `/${segments.join('/')}${end}`)
const client = fc.constantFrom('a/one', 'b/two', 'c/three')
const method = fc.constantFrom('GET', 'HEAD', 'POST', 'DELETE')
const calls = fc.array(fc.record({ client, method, path }), { minLength: 1, maxLength: 60 })

/** A second reading of templates, of its own. */
function matches(template: string, asked: string): boolean {
  const wanted = template.split('/')
  const found = asked.split('/')
  return (
    wanted.length === found.length &&
    wanted.every((part, at) =>
      /^\{\w+\}$/.test(part) ? found[at] !== '' : decodeURIComponent(part) === decodeURIComponent(found[at] ?? ''),
    )
  )
}

test('a proposal that is applied allows every call it was made for, and nothing outside the templates it shows', () => {
  fc.assert(
    fc.property(calls, calls, (seen, others) => {
      const proposal = proposeRoles(
        seen.map(each => call(each)),
        options(),
      )
      const rows = applied(proposal, ['a/one', 'b/two', 'c/three'], [])
      const policy = policyInForce(rows, now)
      for (const each of seen) expect(policy?.decide(each.client, each.method, each.path).reason).toBe('granted')
      for (const each of others) {
        const shown = proposal.roles.some(
          ({ role, grants }) =>
            grants.some(({ spec }) =>
              spec.clients.some(({ namespace, name }) => `${namespace}/${name}` === each.client),
            ) &&
            role.spec.rules.some(
              rule =>
                (rule.methods?.includes(each.method as 'GET') ||
                  (each.method === 'HEAD' && rule.methods?.includes('GET'))) &&
                rule.paths?.some(template => matches(template, each.path)),
            ),
        )
        expect(policy?.decide(each.client, each.method, each.path).allow).toBe(shown)
      }
    }),
    { numRuns: 150 },
  )
})

test('with routes it allows every call it was made for, and opens no route that nobody asked for without saying so', () => {
  const routes = [
    routeRow('orders', '/orders', { methods: ['GET', 'POST'] }),
    routeRow('order', '/orders/{id}', { methods: ['GET', 'DELETE'] }),
    routeRow('search', '/orders/search'),
    routeRow('items', '/orders/{id}/items', { permission: { action: 'read', resource: 'orders/{id}/items' } }),
    routeRow('item', '/orders/{id}/items/{item}', {
      methods: ['GET', 'DELETE'],
      permission: { action: 'edit', resource: 'items' },
    }),
  ]
  const asked = fc.constantFrom(
    '/orders',
    '/orders/1',
    '/orders/2',
    '/orders/search',
    '/orders/1/items',
    '/orders/1/items/2',
  )
  const list = fc.array(fc.record({ client, method: fc.constantFrom('GET', 'DELETE', 'POST'), path: asked }), {
    minLength: 1,
    maxLength: 6,
  })
  fc.assert(
    fc.property(list, list, (seen, others) => {
      const before = [serviceRow({ routes })]
      const proposal = proposeRoles(
        seen.map(each => call(each)),
        options({ rows: before }),
      )
      const declared = policyInForce(before, now)
      const policy = policyInForce(applied(proposal, ['a/one', 'b/two', 'c/three'], routes), now)
      for (const each of seen) {
        const found = declared?.endpoint(each.method, each.path)
        expect(policy?.decide(each.client, each.method, each.path).allow).toBe(found !== undefined)
      }
      const spoken = new Set(
        proposal.roles.flatMap(({ evidence }) =>
          evidence.flatMap(each => [...each.values()].flatMap(({ alsoOpens }) => alsoOpens)),
        ),
      )
      for (const each of others) {
        const decision = policy?.decide(each.client, each.method, each.path)
        if (!decision?.allow) continue
        const asked = seen.some(
          one => one.client === each.client && declared?.endpoint(one.method, one.path)?.name === decision.route,
        )
        expect(asked || spoken.has(decision.route ?? '')).toBe(true)
      }
    }),
    { numRuns: 150 },
  )
})

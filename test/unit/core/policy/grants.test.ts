import { describe, expect, test } from 'vitest'
import type { Comparison } from '../../../../core/api/role.ts'
import type { Identity } from '../../../../core/base/identity.ts'
import { decide } from '../../../../core/policy/decide.ts'
import type { ClientRow, GrantRow } from '../../../../core/rows/rows.ts'
import { clientRow, grantRow, identityOf, now, roleRow, serviceRow, snapshotOf, usualRows } from '../fixture.ts'

const identity = identityOf(snapshotOf(usualRows()))
const get = (rows: readonly unknown[], target: string, who: Partial<Identity> = {}, at = now) =>
  decide({ method: 'GET', target }, { ...identity, ...who }, snapshotOf([serviceRow(), clientRow(), ...rows]), at)
const read = { methods: ['GET'], paths: ['/**'] }

describe('the best grant is named', () => {
  test('first by role, then by rule, then by name of the grant, whatever the order of rows', () => {
    const rows = [
      roleRow('b', read),
      roleRow('a', { methods: ['POST'], paths: ['/x'] }, read, read),
      grantRow('z', 'a'),
      grantRow('y', 'a'),
      grantRow('x', 'b'),
    ]
    for (const order of [rows, [...rows].reverse()]) {
      expect(get(order, '/x')).toMatchObject({ rule: 'role/a#1', grant: 'y', roles: ['a', 'b'] })
    }
  })

  test('a lower rule of a later grant of the same role is better', () => {
    const tied = { methods: ['GET'], paths: ['/{t}'], when: [{ attributeEquals: { param: 't', attribute: 'tenant' } }] }
    const rows = [
      roleRow('a', tied, read),
      grantRow('g1', 'a'),
      grantRow('g2', 'a', { attributes: { tenant: 'acme' } }),
    ]
    expect(get(rows, '/acme')).toMatchObject({ rule: 'role/a#0', grant: 'g2', attributes: { tenant: 'acme' } })
    expect(get(rows, '/other')).toMatchObject({ rule: 'role/a#1', grant: 'g1' })
    expect(get(rows, '/other')).not.toHaveProperty('attributes')
  })

  test('the index of a rule is the one in the Role, also where rules of other services are left out', () => {
    const role = { type: 'role', name: 'a', rules: [{ index: 7, ...read }] }
    expect(get([role, grantRow('g', 'a')], '/x')).toMatchObject({ rule: 'role/a#7' })
  })
})

describe('grants end', () => {
  const rows = (changes: Partial<GrantRow>) => [roleRow('a', read), roleRow('b', read), grantRow('g', 'a', changes)]

  test('to the second, and then say so', () => {
    expect(get(rows({ expiresAt: now + 1 }), '/x')).toMatchObject({ allow: true })
    expect(get(rows({ expiresAt: now }), '/x')).toEqual({ allow: false, reason: 'grant_expired' })
  })

  test('and are no hindrance to others, nor named among the roles', () => {
    expect(get([...rows({ expiresAt: now }), grantRow('h', 'b')], '/x')).toMatchObject({ grant: 'h', roles: ['b'] })
  })

  test('and say nothing where they would not have allowed', () => {
    const other = [roleRow('a', { methods: ['GET'], paths: ['/other'] }), grantRow('g', 'a', { expiresAt: now })]
    expect(get(other, '/x')).toMatchObject({ reason: 'not_granted' })
  })
})

describe('a key is narrowed', () => {
  const rows = [roleRow('a', read), roleRow('b', read), grantRow('g', 'a'), grantRow('h', 'b')]

  test('to its roles, in the decision and in the roles it tells', () => {
    expect(get(rows, '/x', { roles: ['b', 'other'] })).toMatchObject({ grant: 'h', roles: ['b'] })
  })

  test('to nothing by an empty list', () => {
    expect(get(rows, '/x', { roles: [] })).toMatchObject({ reason: 'not_granted' })
  })
})

test('grants of other clients, of unknown roles, and no grant at all give nothing', () => {
  expect(get([roleRow('a', read), grantRow('g', 'a', { clients: ['sc_b'] })], '/x')).toMatchObject({
    reason: 'not_granted',
  })
  expect(get([grantRow('g', 'gone')], '/x')).toMatchObject({ reason: 'not_granted' })
  expect(get([roleRow('a', read)], '/x')).toMatchObject({ reason: 'not_granted' })
  expect(get([roleRow('a', read), grantRow('g', 'a'), grantRow('h', 'gone')], '/x')).toMatchObject({ roles: ['a'] })
})

describe('when', () => {
  const ask = (
    when: Comparison[],
    path: string,
    target: string,
    grant: Partial<GrantRow>,
    client: Partial<ClientRow> = {},
    who: Partial<Identity> = {},
  ) =>
    decide(
      { method: 'GET', target },
      { ...identity, ...who },
      snapshotOf([
        serviceRow(),
        clientRow(client),
        roleRow('a', { methods: ['GET'], paths: [path], when }),
        grantRow('g', 'a', grant),
      ]),
      now,
    ).allow
  const tenant: Comparison = { attributeEquals: { param: 'tenant', attribute: 'tenant' } }

  test('attributeEquals ties a value of the path to what the grant says of the client', () => {
    const acme = { attributes: { tenant: 'acme corp' } }
    expect(ask([tenant], '/t/{tenant}/**', '/t/acme%20corp/x', acme)).toBe(true)
    expect(ask([tenant], '/t/{tenant}/**', '/t/other/x', acme)).toBe(false)
    expect(ask([tenant], '/t/{tenant}/**', '/t/ACME%20corp/x', acme)).toBe(false)
  })

  test('attributeEquals does not hold without the attribute or without the name', () => {
    expect(ask([tenant], '/t/{tenant}', '/t/acme', {})).toBe(false)
    expect(ask([tenant], '/t/{tenant}', '/t/acme', { attributes: {} })).toBe(false)
    expect(ask([tenant], '/t/*', '/t/acme', { attributes: { tenant: 'acme' } })).toBe(false)
    expect(ask([tenant], '/t/{other}', '/t/undefined', { attributes: {} })).toBe(false)
  })

  test('J26: attributes that every object has count for nothing', () => {
    const builtIn: Comparison = { attributeEquals: { param: 'tenant', attribute: 'constructor' } }
    expect(ask([builtIn], '/t/{tenant}', '/t/x', { attributes: {} })).toBe(false)
  })

  test('organizationEquals ties a value of the path to the organization of the client', () => {
    const organization: Comparison = { organizationEquals: { param: 'org' } }
    expect(ask([organization], '/o/{org}', '/o/acme', {}, { organization: 'acme' })).toBe(true)
    expect(ask([organization], '/o/{org}', '/o/acme', {}, { organization: 'other' })).toBe(false)
    expect(ask([organization], '/o/{org}', '/o/undefined', {})).toBe(false)
  })

  test('scopeContains asks for a scope of the token', () => {
    const scope: Comparison = { scopeContains: { scope: 'orders:read' } }
    expect(ask([scope], '/x', '/x', {}, {}, { scopes: ['a', 'orders:read'] })).toBe(true)
    expect(ask([scope], '/x', '/x', {}, {}, { scopes: ['orders:readall'] })).toBe(false)
    expect(ask([scope], '/x', '/x', {})).toBe(false)
  })

  test('all of a list must hold', () => {
    const both: Comparison[] = [tenant, { organizationEquals: { param: 'tenant' } }]
    const grant = { attributes: { tenant: 'acme' } }
    expect(ask(both, '/{tenant}', '/acme', grant, { organization: 'acme' })).toBe(true)
    expect(ask(both, '/{tenant}', '/acme', grant, { organization: 'x' })).toBe(false)
  })

  test('in permission rules the names are those of the resource', () => {
    const rule = { permissions: [{ action: 'read', resources: ['tenants/{tenant}/orders'] }], when: [tenant] }
    const route = {
      name: 'r',
      path: '/v1/{t}',
      methods: ['GET'],
      variants: 'Refuse',
      permission: { action: 'read', resource: 'tenants/{t}/orders' },
    } as const
    const rows = [
      serviceRow({ routes: [route] }),
      clientRow(),
      roleRow('a', rule),
      grantRow('g', 'a', { attributes: { tenant: 'acme' } }),
    ]
    const allowed = (target: string) => decide({ method: 'GET', target }, identity, snapshotOf(rows), now).allow
    expect([allowed('/v1/acme'), allowed('/v1/other')]).toEqual([true, false])
  })
})

import { describe, expect, test } from 'vitest'
import { decide } from '../../../../core/policy/decide.ts'
import { decisionOn, everyPath, mainIdentity, reasonOf, routeRow, sliceOf } from '../../../builders/policy.ts'
import { clientRow, grantRow, now, roleRow, serviceRow, snapshotOf, usualRows } from '../fixture.ts'

const usual = snapshotOf(usualRows())

describe('what a denial holds', () => {
  test('a request that can be read in two ways is refused, never let through', () => {
    expect(decisionOn(usual, 'GET /orders', 'credential_ambiguous')).toEqual({
      allow: false,
      reason: 'credential_ambiguous',
    })
    expect(decisionOn(usual, 'GET /orders', 'request_malformed')).toEqual({ allow: false, reason: 'request_malformed' })
    expect(decide({ method: 'GET', target: 'orders' }, 'credential_missing', usual, now)).toEqual({
      allow: false,
      reason: 'request_malformed',
      identity: undefined,
    })
  })

  test('a path in no normal form is told where, and a target that is no path is not', () => {
    expect(decisionOn(usual, 'GET /a//b')).toMatchObject({
      allow: false,
      reason: 'path_malformed',
      detail: expect.stringMatching(/./),
    })
    expect(decisionOn(usual, 'GET orders')).not.toHaveProperty('detail')
  })

  test('where no route is, none is named, nor a mode', () => {
    const denied = decisionOn(usual, 'GET /other')
    expect(denied).not.toHaveProperty('route')
    expect(denied).not.toHaveProperty('mode')
  })

  test('an allowed call has a route where there is one, and attributes where the grant has them', () => {
    const attributes = { tenant: 'acme' }
    const rows = [
      roleRow('all', { methods: ['GET'], paths: ['/**'] }),
      grantRow('g', 'all', { attributes }),
      clientRow(),
    ]
    const plain = decisionOn(sliceOf({}, ...rows), 'GET /a')
    expect(plain).toMatchObject({ allow: true, attributes })
    expect(plain).not.toHaveProperty('route')
    const routed = decisionOn(sliceOf({ routes: [routeRow('a', '/a')] }, ...rows), 'GET /a')
    expect(routed).toMatchObject({ allow: true, route: 'a', attributes })
    const bare = decisionOn(sliceOf({ routes: [routeRow('a', '/a')] }, ...everyPath), 'GET /a')
    expect(bare).toMatchObject({ allow: true, route: 'a' })
    expect(bare).not.toHaveProperty('attributes')
    expect(decisionOn(usual, 'GET /orders')).not.toHaveProperty('attributes')
  })
})

describe('the mode of a denial', () => {
  const routes = [routeRow('kept', '/kept', { mode: 'Enforce' }), routeRow('learnt', '/learnt', { mode: 'Audit' })]
  const strict = sliceOf({ mode: 'Audit', routes }, clientRow())
  const lenient = sliceOf({ mode: 'Audit', routes: routes.slice(1) }, clientRow())

  test('is its route’s', () => {
    expect(decisionOn(strict, 'GET /kept')).toMatchObject({ reason: 'not_granted', route: 'kept', mode: 'Enforce' })
    expect(decisionOn(strict, 'GET /learnt')).toMatchObject({ reason: 'not_granted', route: 'learnt', mode: 'Audit' })
  })

  test.each([
    ['a path that is nearly a route’s', 'GET /KEPT', 'path_ambiguous'],
    ['a method in other letters', 'get /kept', 'route_unknown'],
    ['a method that no route can name', 'PROPFIND /elsewhere', 'route_unknown'],
  ])('is Enforce for %s, since an app may read it as that route’s', (_, line, reason) => {
    expect(decisionOn(strict, line)).toMatchObject({ allow: false, reason, mode: 'Enforce' })
    expect(decisionOn(lenient, line)).not.toHaveProperty('mode')
  })

  test.each(['GET', 'DELETE', 'HEAD'])('is the service’s where nothing is near: %s', method => {
    const denied = decisionOn(strict, `${method} /elsewhere`)
    expect(denied).toMatchObject({ reason: 'route_unknown' })
    expect(denied).not.toHaveProperty('mode')
  })
})

test('a condition on the organization holds for no client that has none, whatever the path leaves open', () => {
  const when = [{ organizationEquals: { param: 'org' } }]
  const rows = [roleRow('r', { methods: ['GET'], paths: ['/o/*'], when }), grantRow('g', 'r'), clientRow()]
  expect(reasonOf(snapshotOf([serviceRow(), ...rows]), 'GET /o/acme', mainIdentity)).toBe('not_granted')
})

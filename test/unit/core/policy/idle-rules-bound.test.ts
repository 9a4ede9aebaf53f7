import { describe, expect, it } from 'vitest'
import type { RoleRule } from '../../../../core/api/role.ts'
import { finish } from '../../../../core/base/steps.ts'
import { findingIdleRules } from '../../../../core/policy/idle-rules.ts'
import type { RouteRow } from '../../../../core/rows/rows.ts'

const route = (path: string, permission?: RouteRow['permission']): RouteRow => ({
  name: path,
  path,
  methods: ['GET'],
  variants: 'Refuse',
  ...(permission && { permission }),
})
const many = (count: number) => Array.from({ length: count }, (_, index) => index)
const rule = (members: Partial<RoleRule>): RoleRule =>
  ({ services: ['wide'], methods: ['GET'], ...members }) as RoleRule
const told = (rules: readonly RoleRule[], routes: readonly RouteRow[]) => finish(findingIdleRules(rules, () => routes))

// Of one pass only so much is judged. Whoever matches is found last here, so that what is given up half way looks wrong.
describe('what is too much to compare is never told as wrong', () => {
  const last = [...many(1_000).map(index => route(`/a${index}/x`)), route('/z/{y}')]
  const asking = [
    ...many(1_000).map(index => route(`/a${index}`, { action: 'read', resource: `a${index}/x` })),
    route('/z', { action: 'read', resource: 'z/{y}' }),
  ]

  it('of paths', () => {
    expect(told([rule({ paths: many(64).map(() => '/*/y') })], last)).toEqual([])
  })

  it('of permissions', () => {
    const permissions = [{ action: 'read', resources: many(64).map(() => '*/y') }]
    expect(told([rule({ permissions })], asking)).toEqual([])
  })

  it('of routes that alone are too many', () => {
    const wide = many(20_000).map(index => route(`/a${index}`))
    expect(told([rule({ paths: ['/none'] })], wide)).toEqual([])
  })
})

describe('what comes after too much is not judged', () => {
  const wrong = rule({ paths: ['/none'] })
  const fine = '/a1/x'
  const routes = [route(fine)]

  it('unless there was not too much yet', () => {
    expect(told([rule({ paths: many(500).map(() => fine) }), wrong], routes)).toHaveLength(1)
    expect(told([rule({ paths: [`/${'long'.repeat(50)}`] }), wrong], routes)).toHaveLength(2)
  })

  it.each([
    ['paths', rule({ paths: many(5_000).map(() => fine) })],
    ['long paths', rule({ paths: many(40).map(() => `/**/${'x'.repeat(8_000)}`) })],
    ['permissions', rule({ permissions: [{ action: 'read', resources: many(5_000).map(() => 'x/y') }] })],
  ])('of %s', (_, before) => {
    const asking = [...routes, route('/b', { action: 'read', resource: 'x/y' })]
    expect(told([before, wrong], asking).filter(text => text.includes('/none'))).toEqual([])
  })
})

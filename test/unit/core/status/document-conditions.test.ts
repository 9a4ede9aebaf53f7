import { expect, it } from 'vitest'
import type { ResolvedService } from '../../../../core/registry/resolve-services.ts'
import { planGuardedService } from '../../../../core/status/plan-guarded-service.ts'
import { service } from '../registry/objects.ts'

const object = service('shop', 'orders')
const base = {
  key: 'shop/orders',
  service: object,
  audience: 'https://orders.shop.svc',
  routes: [],
  published: true,
  claim: 'held' as const,
}

function conditions(resolved: Pick<ResolvedService, 'accepted' | 'reason' | 'message'>) {
  const { conditions = [] } = planGuardedService(
    { object, resolved: { ...base, ...resolved }, report: undefined },
    '2026-11-30T12:00:00Z',
  )
  return conditions.flatMap(({ type, status, reason, message }) =>
    type === 'Accepted' || type === 'Ready' ? [[type, status, reason, message]] : [],
  )
}

it('a document that cannot be used leaves the service accepted, not ready, and says why in both (S12)', () => {
  const message = 'At paths: no operation. The routes that were read before stay in force.'
  expect(conditions({ accepted: true, reason: 'OpenApiOutdated', message })).toEqual([
    ['Accepted', 'True', 'OpenApiOutdated', message],
    ['Ready', 'False', 'OpenApiOutdated', message],
  ])
})

it('a document that could not be fetched yet is neither accepted nor refused (S12)', () => {
  const found = conditions({ accepted: false, reason: 'OpenApiUnread', message: 'Not yet.' })
  expect(found[0]).toEqual(['Accepted', 'Unknown', 'OpenApiUnread', 'Not yet.'])
  expect(found[1]?.slice(0, 2)).toEqual(['Ready', 'False'])
})

import { describe, expect, it } from 'vitest'
import type { GuardedService } from '../../../../core/api/guarded-service.ts'
import type { ResolvedService } from '../../../../core/registry/resolve-services.ts'
import type { ServiceReport } from '../../../../core/status/judge-enforcement.ts'
import { planGuardedService } from '../../../../core/status/plan-guarded-service.ts'
import { service } from '../registry/objects.ts'

const now = '2027-01-15T08:00:00Z'

interface Given {
  spec?: Partial<GuardedService['spec']>
  resolved?: Partial<ResolvedService>
  report?: Partial<ServiceReport>
  selector?: Record<string, string>
  targetPort?: string | number
}

function plan({ spec, resolved, report, selector = { app: 'api' }, targetPort = 'guard' }: Given) {
  const object = service('shop', 'api', spec)
  const ports = [{ port: 80, targetPort }]
  return planGuardedService(
    {
      object,
      report: { current: 2, guarded: 2, total: 2, wouldDeny: 0, exposed: [], ...report },
      resolved: {
        key: 'shop/api',
        service: object,
        accepted: true,
        published: true,
        reason: 'Accepted',
        message: '',
        audience: 'https://api.shop.svc',
        claim: 'held',
        routes: [],
        target: { port: 80, service: { metadata: { name: 'api' }, spec: { selector, ports } } },
        ...resolved,
      },
    },
    now,
  )
}
const condition = (given: Given, type: string) => {
  const found = plan(given).conditions?.find(one => one.type === type)
  return found && `${found.status} ${found.reason}`
}

describe('calls that go around the guard', () => {
  const bypass = { targetPort: 8080 }
  const exposed = { report: { exposed: ['web-1 (0.0.0.0:8080)'] } }
  it.each<[string, Given, string, string | undefined]>([
    ['a Service that leads to the app', bypass, 'False ServiceBypassesGuard', 'True ServiceBypassesGuard'],
    ['an app that listens beyond loopback', exposed, 'False DirectAccess', 'True DirectAccess'],
    [
      'the same, reported only',
      { ...exposed, spec: { directAccess: 'Report' } },
      'False DirectAccess',
      'True DirectAccess',
    ],
    ['the first in Audit', { ...bypass, spec: { mode: 'Audit' } }, 'False ServiceBypassesGuard', undefined],
    ['the second in Audit', { ...exposed, spec: { mode: 'Audit' } }, 'False DirectAccess', undefined],
    ['a guard that is behind', { report: { current: 1 } }, 'False Waiting', undefined],
    ['no pod', { report: { current: 0, total: 0 } }, 'True NoGuards', undefined],
    ['every guard', {}, 'True Enforced', undefined],
  ])('%s: a person is called in mode Enforce (S12)', (_what, given, enforced, stalled) => {
    expect([condition(given, 'Enforced'), condition(given, 'Stalled')]).toEqual([enforced, stalled])
  })

  it('cannot be ruled out where the Service has no selector: nobody calls that enforced (S12)', () => {
    expect(condition({ selector: {}, report: { current: 0, total: 0 } }, 'Enforced')).toBe('Unknown NoGuards')
    // An authorizer decides for whoever asks it, wherever the endpoints lead.
    expect(condition({ selector: {}, report: { central: true } }, 'Enforced')).toBe('True Enforced')
  })
})

describe('the audience', () => {
  const refused = { accepted: false, reason: 'AudienceConflict', message: 'Taken.' } as const
  it('stands in status while it is held, also by a service that is not accepted', () => {
    expect(plan({ resolved: { accepted: false, reason: 'TargetNotFound' } })).toMatchObject({
      audience: 'https://api.shop.svc',
    })
  })

  it('that another namespace has stands there as refused, and one of the same namespace not at all', () => {
    const taken = plan({ resolved: { ...refused, claim: 'taken' } })
    expect([taken.audience, taken.refusedAudience]).toEqual([undefined, 'https://api.shop.svc'])
    const younger = plan({ resolved: { ...refused, claim: 'none' } })
    expect([younger.audience, younger.refusedAudience]).toEqual([undefined, undefined])
    expect(condition({ resolved: refused }, 'Ready')).toBe('False AudienceConflict')
  })
})

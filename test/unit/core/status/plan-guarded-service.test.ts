import { describe, expect, it } from 'vitest'
import type { GuardedService, GuardedServiceStatus } from '../../../../core/api/guarded-service.ts'
import type { ResolvedService } from '../../../../core/registry/resolve-services.ts'
import { exposedTold } from '../../../../core/status/exposed-pods.ts'
import type { ServiceReport } from '../../../../core/status/judge-enforcement.ts'
import { planGuardedService } from '../../../../core/status/plan-guarded-service.ts'
import { transitionEvents } from '../../../../core/status/report.ts'
import { service } from '../registry/objects.ts'
import { serviceReport } from './service-report.ts'

const now = '2027-01-15T08:00:00Z'

interface Given {
  spec?: Partial<GuardedService['spec']>
  resolved?: Partial<ResolvedService>
  status?: GuardedServiceStatus
  report?: Partial<ServiceReport>
  /** Whether the issuers were asked. */
  asked?: boolean
  selector?: Record<string, string>
  targetPort?: string | number
}

function plan({
  spec,
  status,
  resolved,
  report,
  asked = true,
  selector = { app: 'api' },
  targetPort = 'guard',
}: Given) {
  const object = { ...service('shop', 'api', spec), ...(status && { status }) }
  const ports = [{ port: 80, targetPort }]
  return planGuardedService(
    {
      object,
      report: asked ? serviceReport(report) : undefined,
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

const messageOf = (given: Given, type = 'Enforced') => plan(given).conditions?.find(one => one.type === type)?.message

describe('pods whose app listens beyond loopback', () => {
  const report = { exposed: ['web-1 (0.0.0.0:8080)'] }
  it('are out of the Service under Refuse, and the condition says so and what to do', () => {
    expect(messageOf({ report })).toBe(
      'The app listens beyond loopback in web-1 (0.0.0.0:8080); directAccess: Refuse keeps these pods out of the Service. Let it listen on 127.0.0.1. Pods made from now on get HOST=127.0.0.1 where their template sets no HOST: if the app takes it, roll out again.',
    )
    expect(messageOf({ report, spec: { directAccess: 'Report' } })).toContain('(0.0.0.0:8080); callers that know')
  })

  it('are told first while the Service does not lead to the guard either: a rollout hangs on them', () => {
    const given = { report: { ...report, guarded: 1, current: 1 }, targetPort: 8080 }
    expect(messageOf(given)).toMatch(
      /^The app listens beyond loopback in web-1 \(0\.0\.0\.0:8080\); directAccess: Refuse keeps these pods out of the Service\. Set it to Report .* The Service's port does not lead to the guard/,
    )
    const reported = { report, targetPort: 8080, spec: { directAccess: 'Report' as const } }
    expect(messageOf(reported)).toMatch(/8080\); that may be so until .* Run: kubectl patch service api -n shop .*'$/)
    expect(condition(reported, 'Enforced')).toBe('False ServiceBypassesGuard')
  })

  it('are named up to five', () => {
    const many = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
    expect(messageOf({ report: { exposed: many } })).toContain('in a, b, c, d, e and 2 more; ')
    expect(exposedTold([messageOf({ report: { exposed: many } }) ?? ''])).toBe('a, b, c, d, e and 2 more')
  })
})

describe('pods that are not counted', () => {
  const lacking = (['Unlabelled', 'OtherService', 'NotInjected', 'NotConnected', 'Behind'] as const).map(lack => ({
    lack,
    count: lack === 'Unlabelled' ? 5 : 1,
    pods: lack === 'Unlabelled' ? ['a', 'b', 'c'] : [lack === 'OtherService' ? 'web (apis)' : 'web'],
  }))
  const report = { current: 0, guarded: 1, total: 9, lacking }
  it('are told by what they lack', () => {
    expect(messageOf({ report })).toBe(
      [
        '0 of 9 pods have a guard that holds the current revision.',
        'Without the label: a, b, c and 2 more; put latchkey.dev/guard: api into the pod template of their workload and roll out.',
        'With the label of another GuardedService: web (apis); make it latchkey.dev/guard: api and roll out.',
        'With the label, but made without the guard: web; roll out again.',
        'Made right, but the guard is not connected: web; if it stays so, kubectl logs POD -n shop -c latchkey-guard says why.',
        'With a guard that holds an earlier revision: web.',
      ].join(' '),
    )
  })
  it('are told so too while the Service does not lead to the guard; an earlier revision is no hindrance there', () => {
    const message = messageOf({ report, targetPort: 8080 })
    expect(message).toContain('1 of 9 pods have one. Without the label: a, b, c and 2 more;')
    expect(message).not.toContain('earlier revision')
    const labelled = messageOf({ report: { ...report, lacking: lacking.slice(3, 4) }, targetPort: 8080 })
    expect(labelled).not.toContain('put latchkey.dev/guard')
  })
})

describe('an app that does not listen where the guard reaches it', () => {
  const report = { notListening: ['web-1 (127.0.0.1:9999)'] }
  it('leaves the policy published and enforced; READY says what is wrong, and the annotation that mends it', () => {
    expect(condition({ report }, 'Enforced')).toBe('True Enforced')
    expect(condition({ report }, 'Ready')).toBe('True NothingListens')
    expect(messageOf({ report }, 'Ready')).toBe(
      "The policy is published, but nothing listens where the guard reaches the app: web-1 (127.0.0.1:9999). Calls there are answered 502. Name the app's port in the pod annotation latchkey.dev/upstream-port, and let it listen on 127.0.0.1; or its socket in latchkey.dev/upstream-socket.",
    )
    expect(messageOf({ report: { notListening: ['a', 'b', 'c', 'd'] } }, 'Ready')).toContain('a, b, c and 1 more.')
  })
  it('is a warning event when it begins', () => {
    const [before, after] = [plan({}).conditions ?? [], plan({ report }).conditions ?? []]
    expect(transitionEvents(before, after, 'live')).toMatchObject([{ type: 'Warning', reason: 'NothingListens' }])
  })
})

describe('guards that are too old to know all of the policy', () => {
  const report = { outdated: { needs: '0.3.0', count: 1, pods: ['web-1'] } }
  it('leave the policy published and enforced; READY names their pods and the release that they need', () => {
    expect(condition({ report }, 'Enforced')).toBe('True Enforced')
    expect(condition({ report }, 'Ready')).toBe('True GuardsOutdated')
    expect(messageOf({ report }, 'Ready')).toBe(
      'The policy is published, but some guards are too old to know all that it says, and deny what that touches: web-1. They need release 0.3.0: roll out again, so that the pods get the guard that is installed.',
    )
  })
  it('are named by three, whatever their number', () => {
    const outdated = { needs: '0.10.0', count: 1_000, pods: ['a', 'b', 'c'] }
    expect(messageOf({ report: { outdated } }, 'Ready')).toContain('a, b, c and 997 more. They need release 0.10.0')
  })
  it('are told on while the issuers have not been asked again', () => {
    const ready = plan({ status: plan({ report }), asked: false }).conditions?.find(({ type }) => type === 'Ready')
    expect(ready?.reason).toBe('GuardsOutdated')
  })
  it('come after an app that does not listen, which answers nobody', () => {
    expect(condition({ report: { ...report, notListening: ['web-1 (127.0.0.1:9999)'] } }, 'Ready')).toBe(
      'True NothingListens',
    )
  })
  it('are a warning event when they begin', () => {
    const [before, after] = [plan({}).conditions ?? [], plan({ report }).conditions ?? []]
    expect(transitionEvents(before, after, 'live')).toMatchObject([{ type: 'Warning', reason: 'GuardsOutdated' }])
  })
})

describe('guards that are not sent the policy because it is too large for them', () => {
  const tooLarge = { memory: 256 * 1_048_576, count: 1, pods: ['web-1'] }
  const lacking = [
    { lack: 'NotConnected', count: 1, pods: ['web-2'] },
    { lack: 'SliceTooLarge', count: 1, pods: ['web-1'] },
  ] as const
  const report = { current: 0, tooLarge, lacking }
  const kept =
    'The policy is too large for the guards of web-1. They go on with the one before, without what was revoked or granted since, until it is older than maxStaleness; new ones deny.'
  it('call for a person in both modes, and the message names the memory needed and what else is wrong', () => {
    for (const mode of ['Enforce', 'Audit'] as const) {
      expect(condition({ report, spec: { mode } }, 'Enforced')).toBe('False SliceTooLarge')
      expect(condition({ report, spec: { mode } }, 'Stalled')).toBe('True SliceTooLarge')
    }
    expect(condition({ report }, 'Ready')).toBe('True Ready')
    expect(messageOf({ report })).toBe(
      `${kept} They need 256Mi: put latchkey.dev/guard-memory: 256Mi into the annotations of the pod template and roll out. 0 of 2 pods have a guard that holds the current revision. Made right, but the guard is not connected: web-2; if it stays so, kubectl logs POD -n shop -c latchkey-guard says why.`,
    )
  })
  it('are told what else helps where no memory does, and what an authorizer needs', () => {
    const refused = { count: 4, clients: ['evil/mallory', 'evil/eve', 'evil/ivan'] }
    expect(messageOf({ report: { ...report, tooLarge: { ...tooLarge, refused } } })).toContain(
      'They have all of it that fits: what is revoked is refused there as everywhere, and so are the largest clients, evil/mallory, evil/eve, evil/ivan and 1 more. They need 256Mi',
    )
    const one = { ...tooLarge, refused: { count: 1, clients: ['evil/mallory'] } }
    expect(messageOf({ report: { tooLarge: one } })).toContain('and so is the largest client, evil/mallory.')
    const none = { ...tooLarge, refused: { count: 0, clients: [] } }
    expect(messageOf({ report: { tooLarge: none } })).toContain('and so is everybody whose grant or role had no place.')
    const without = { tooLarge: { count: 5, pods: ['a', 'b', 'c'] } }
    expect(messageOf({ report: without })).toContain('of a, b, c and 2 more. ')
    expect(messageOf({ report: without })).toContain(
      'larger than any guard is sent: divide the service, or grant fewer',
    )
    expect(messageOf({ report: { tooLarge, central: true } })).toContain(
      `${kept} Set authorizer.resources.limits.memory of the chart to 256Mi or more.`,
    )
  })
  it('are a warning event when they begin, also among guards that are behind', () => {
    const [before, after] = [plan({ report: { current: 0 } }).conditions ?? [], plan({ report }).conditions ?? []]
    expect(transitionEvents(before, after, 'live')).toMatchObject([{ type: 'Warning', reason: 'SliceTooLarge' }])
    expect(transitionEvents(after, after, 'live')).toEqual([])
    expect(transitionEvents(after, plan({}).conditions ?? [], 'live')).toMatchObject([{ reason: 'Enforced' }])
  })
})

describe('what columns tell of guards', () => {
  it('is what pods lack, and the releases; nothing of either where there is nothing to tell', () => {
    const lacking = [
      { lack: 'NotConnected', count: 2, pods: ['a', 'b'] },
      { lack: 'Behind', count: 1, pods: ['c'] },
    ] as const
    const versions = [
      { version: '0.2.0', count: 7 },
      { version: '0.1.0', count: 2 },
    ]
    expect(plan({ report: { lacking, versions } })).toMatchObject({
      lacking: '2 NotConnected, 1 Behind',
      guardVersions: '0.2.0, 0.1.0 (2)',
    })
    const well = plan({})
    expect([Object.hasOwn(well, 'lacking'), Object.hasOwn(well, 'guardVersions')]).toEqual([false, false])
  })
  it('stays while the issuers have not been asked again, and goes when they have', () => {
    const status = plan({ report: { lacking: [{ lack: 'Behind', count: 1, pods: ['c'] }] } })
    expect(plan({ status, asked: false }).lacking).toBe('1 Behind')
    expect(plan({ status }).lacking).toBeUndefined()
  })
  it('names four releases, however many guards say', () => {
    const versions = ['6', '5', '4', '3', '2'].map(version => ({ version, count: 1 }))
    expect(plan({ report: { versions } }).guardVersions).toBe('6, 5 (1), 4 (1), 3 (1), …')
  })
})

it('a service without pods says where it is told that pods cannot be made', () => {
  expect(messageOf({ report: { current: 0, total: 0 } })).toContain('kubectl describe replicasets -n shop')
})

it('a service whose port is not there, new or not, is not told of guards it may never have had', () => {
  const resolved = { accepted: false, reason: 'TargetNotFound', message: 'why' } as const
  expect(messageOf({ resolved })).toBe(
    'The service is not accepted, but its policy is published: guards that it has, or gets, decide by it.',
  )
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

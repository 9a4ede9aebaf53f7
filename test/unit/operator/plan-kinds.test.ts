import { expect, test } from 'vitest'
import { accessGrant } from '../../../core/api/access-grant.ts'
import { type ApiClient, apiClient } from '../../../core/api/api-client.ts'
import { guardedService } from '../../../core/api/guarded-service.ts'
import { type KindDefinition, schemaFaultOf } from '../../../core/api/kind.ts'
import { role } from '../../../core/api/role.ts'
import { type ResolvedClient, resolveClients } from '../../../core/registry/resolve-clients.ts'
import type { ResolvedService } from '../../../core/registry/resolve-services.ts'
import type { ServiceReport } from '../../../core/status/judge-enforcement.ts'
import { planAccessGrant } from '../../../core/status/plan-access-grant.ts'
import { canBeUsed, identityEvents, planApiClient } from '../../../core/status/plan-api-client.ts'
import { planGuardedService } from '../../../core/status/plan-guarded-service.ts'
import { forbiddenPolicy, planNetworkPolicy } from '../../../core/status/plan-network-policy.ts'
import { planRole } from '../../../core/status/plan-role.ts'
import type { ConditionFinding, EnforcedView, StoredCondition } from '../../../core/status/report.ts'
import { clientOf, start } from '../core/keys/access-key-store.ts'
import { serviceReport } from '../core/status/service-report.ts'

const now = '2027-01-15T08:00:00Z'
const metadata = { name: 'x', namespace: 'shop', uid: 'u', generation: 3 }
const pausedMetadata = { ...metadata, annotations: { 'latchkey.dev/paused': 'true' } }
const waiting: EnforcedView = { state: 'waiting', message: 'Guards hold it at shop/api (1 of 2).' }
const left: EnforcedView = {
  state: 'waiting',
  reason: 'GuardsLeftBehind',
  message: 'Guards of shop/gone go on: gone-1.',
}
const views: EnforcedView[] = [{ state: 'enforced' }, { state: 'no-guards' }, waiting, left]

type Planned = { conditions?: StoredCondition[] | undefined }

/** All statuses that the situations give, each planned twice: the second time there is nothing to write. */
function reasonsOf<Status extends Planned>(kind: KindDefinition, plans: ((status?: Status) => Status)[]): string[] {
  const found = plans.flatMap(plan => {
    const status = plan()
    expect(plan(status)).toEqual(status)
    expect(status.conditions?.every(one => one.observedGeneration === 3)).toBe(true)
    return (status.conditions ?? []).map(({ type, reason }) => `${type}/${reason}`)
  })
  const listed = Object.entries(kind.conditions).flatMap(([type, reasons]) =>
    Object.keys(reasons).map(reason => `${type}/${reason}`),
  )
  expect(listed).toEqual(expect.arrayContaining(found))
  return listed.filter(reason => !found.includes(reason))
}

test('every reason of an ApiClient is produced, and no other', () => {
  const reasons: ResolvedClient['reason'][] = ['Accepted', 'ClientIdTaken', 'ClientIdNotAllowed', 'ServiceAccountTaken']
  const clients = reasons.map(reason => clientOf({}, { reason, accepted: reason === 'Accepted', message: 'why' }))
  const plan = (client: ResolvedClient, schemaFault?: string) => (status?: ReturnType<typeof planApiClient>) =>
    planApiClient(
      { object: { metadata, spec: {}, ...(status && { status }) }, client, usableKeys: 2, schemaFault },
      now,
    )
  const suspended = clientOf({}, { suspended: true })
  expect(plan(suspended)()).toMatchObject({ state: 'Suspended', keys: 0 })
  const paused = (status?: ReturnType<typeof planApiClient>) =>
    planApiClient(
      { object: { metadata: pausedMetadata, spec: {}, ...(status && { status }) }, client: clientOf(), usableKeys: 2 },
      now,
    )
  const plans = [...clients.map(client => plan(client)), plan(suspended), plan(clientOf(), 'spec.owner: wrong'), paused]
  expect(reasonsOf(apiClient, plans)).toEqual([])
})

test('an ApiClient says which identity its id is of, once it was named, and an event tells when it gets another', () => {
  const from = (spec: ApiClient['spec']): ResolvedClient => {
    const namespaces = new Map([['shop', { metadata: { name: 'shop', uid: 'ns' } }]])
    const clients = [{ metadata: { ...metadata, namespace: 'shop' }, spec }]
    const rules = { installation: 'default', issuerUrl: 'https://i.test', clientIds: new Map() }
    const [found] = resolveClients({ clients, namespaces, ...rules }).values()
    if (!found) throw new Error('no client')
    return found
  }
  const plan = (spec: ApiClient['spec'], previous?: ApiClient['status']) => {
    const client = from(spec)
    const object = { metadata, spec, ...(previous && { status: previous }) }
    return { status: planApiClient({ object, client, usableKeys: 0 }, now), events: identityEvents(previous, client) }
  }
  const first = plan({})
  expect(first.status).not.toHaveProperty('identity')
  expect(first.events).toEqual([])
  const same = plan({ identity: 1 }, first.status)
  expect(same.status).toEqual({ ...first.status, identity: 1 })
  expect(same.events).toEqual([])
  const third = plan({ identity: 3 }, first.status)
  expect(third.status).toMatchObject({ identity: 3, state: 'Active' })
  expect(third.events).toEqual([
    expect.objectContaining({
      type: 'Warning',
      reason: 'IdentityReplaced',
      note: expect.stringContaining(`Identity 3 takes the place of 1: the client id is ${third.status.clientId}.`),
    }),
  ])
  expect(third.events[0]?.note.length).toBeLessThan(1_024)
  expect(plan({ identity: 3 }, third.status).events).toEqual([])
  // Another id for another cause is no other identity.
  expect(plan({ identity: 3 }, { ...third.status, clientId: 'sc_another' }).events).toEqual([])
  expect(plan({ clientId: 'shop.x' }, first.status).events).toEqual([])
})

test('every reason of a Role is produced, and no other', () => {
  const spec = { rules: [{ services: ['api'], methods: ['GET' as const], paths: ['/**'] }] }
  const plan =
    (
      change: { missing?: string[]; idle?: string[]; enforced?: EnforcedView; schemaFault?: string },
      about = metadata,
    ) =>
    (status?: ReturnType<typeof planRole>) =>
      planRole(
        {
          object: { metadata: about, spec, ...(status && { status }) },
          missing: [],
          idle: [],
          grants: 0,
          enforced: waiting,
          ...change,
        },
        now,
      )
  const plans = [
    ...views.map(enforced => plan({ enforced })),
    plan({ missing: ['api'] }),
    plan({ idle: ['spec.rules[0].paths[0]: /nots matches no route of api.'] }),
    plan({ schemaFault: 'wrong' }),
    plan({}, pausedMetadata),
  ]
  expect(reasonsOf(role, plans)).toEqual([])
})

test('every reason of an AccessGrant is produced, and no other', () => {
  const spec = { roleRef: { name: 'reader' }, clients: [{ namespace: 'shop', name: 'web' }] }
  const both = new Map([['shop/web', clientOf()]])
  type Status = ReturnType<typeof planAccessGrant>['status']
  type Change = Partial<Omit<Parameters<typeof planAccessGrant>[0], 'object'>> & {
    expiresAt?: string
    before?: Status
    about?: typeof metadata
  }
  const plan =
    ({ expiresAt, before, about = metadata, ...change }: Change) =>
    (status = before) =>
      planAccessGrant(
        {
          object: {
            metadata: about,
            spec: { ...spec, ...(expiresAt !== undefined && { expiresAt }) },
            ...(status && { status }),
          },
          clients: both,
          roleExists: true,
          enforced: waiting,
          ...change,
        },
        start,
      ).status
  const pinned: Status = {
    observedGeneration: 3,
    clients: [{ namespace: 'shop', name: 'web', clientId: 'shop.first', state: 'Granted' }],
  }
  const plans = [
    ...views.map(enforced => plan({ enforced })),
    plan({ roleExists: false }),
    plan({ missingServices: ['orders'], opensSomething: false }),
    plan({ clients: new Map() }),
    plan({ clients: new Map([['shop/web', clientOf({}, { accepted: false })]]) }),
    plan({ before: pinned }),
    plan({ expiresAt: '2020-01-01T00:00:00Z' }),
    ...[30, 14, 7, 1].map(days => plan({ expiresAt: new Date((start + days * 86_400) * 1_000).toISOString() })),
    plan({ schemaFault: 'spec.attributes: too many' }),
    plan({ about: pausedMetadata }),
  ]
  expect(reasonsOf(accessGrant, plans)).toEqual([])
  expect(plan({ before: pinned })().clients?.[0]).toMatchObject({ clientId: 'shop.first', state: 'Replaced' })
})

test('every reason of a GuardedService is produced, and no other', () => {
  const spec = { targetRef: { name: 'api', port: 80 } }
  const target = (targetPort: string | number) => ({
    port: 80,
    service: {
      metadata: { name: 'api' },
      spec: { selector: { app: 'x' }, ports: [{ port: 79 }, { port: 80, targetPort }] },
    },
  })
  const object = { metadata, spec }
  const good: ResolvedService = {
    key: 'shop/x',
    service: object,
    accepted: true,
    published: true,
    reason: 'Accepted',
    message: '',
    audience: 'https://x.shop.svc',
    claim: 'held',
    routes: [],
    target: target('guard'),
  }
  type Status = ReturnType<typeof planGuardedService>
  const plan = (resolved: Partial<ResolvedService>, given?: ServiceReport, schemaFault?: string) => (status?: Status) =>
    planGuardedService(
      {
        object: { ...object, ...(status && { status }) },
        resolved: { ...good, ...resolved },
        report: given,
        schemaFault,
      },
      now,
    )
  const faults = Object.keys(guardedService.conditions.Accepted ?? {}).filter(reason => reason !== 'Accepted')
  const plans = [
    ...faults.map(reason => plan({ accepted: false, reason: reason as ResolvedService['reason'], message: 'why' })),
    plan({}, serviceReport()),
    plan({ reason: 'OpenApiOutdated', message: 'why' }, serviceReport()),
    plan({}, serviceReport({ current: 1 })),
    plan({}, serviceReport({ current: 0, total: 0 })),
    plan({}, serviceReport({ exposed: ['web-1 (0.0.0.0:8080)'] })),
    plan({}, serviceReport({ notListening: ['web-1 (127.0.0.1:9999)'] })),
    plan({}, serviceReport({ outdated: { needs: '0.3.0', count: 1, pods: ['web-1'] } })),
    plan({}, serviceReport({ tooLarge: { memory: 268_435_456, count: 1, pods: ['web-1'] } })),
    plan({}),
    plan({ target: target(8080) }, serviceReport()),
    plan({ target: target(8080) }, serviceReport({ central: true })),
    plan({}, serviceReport(), 'spec.mode: wrong'),
    (status?: Status) =>
      planGuardedService(
        {
          object: { ...object, metadata: pausedMetadata, ...(status && { status }) },
          resolved: good,
          report: serviceReport(),
        },
        now,
      ),
  ]
  const asked = {
    ...object,
    metadata: { ...metadata, uid: 'u1' },
    spec: { ...spec, networkPolicy: 'Generate' as const },
  }
  const unselecting = (targetPort: string | number) => {
    const { port, service } = target(targetPort)
    return { port, service: { ...service, spec: { ports: service.spec.ports } } }
  }
  const selecting = (targetPort: string | number) => {
    const { port, service } = target(targetPort)
    return { port, service: { ...service, spec: { ...service.spec, selector: { app: 'x' } } } }
  }
  const isolating = (isolation: ConditionFinding | undefined) => (status?: Status) =>
    planGuardedService(
      { object: { ...asked, ...(status && { status }) }, resolved: good, report: serviceReport(), isolation },
      now,
    )
  const policies = (
    [
      [selecting('guard'), true],
      [selecting('guard'), false],
      [selecting(8080), true],
      [unselecting('guard'), true],
      [selecting('guard'), true, { metadata: { name: 'latchkey-x' } }],
    ] as const
  ).map(([target, accepted, found]) => {
    const resolved = { ...good, target }
    return planNetworkPolicy({ object: asked, resolved, accepted, found, openPorts: [] }).finding
  })
  const pausedPolicy = planNetworkPolicy({
    object: { ...asked, metadata: pausedMetadata },
    resolved: { ...good, target: selecting('guard') },
    accepted: true,
    found: undefined,
    openPorts: [],
  }).finding
  const isolated = [...policies, pausedPolicy, forbiddenPolicy('shop')].map(isolating)
  expect(reasonsOf(guardedService, [...plans, ...isolated])).toEqual([])
  const central = plan({ target: target(8080) }, serviceReport({ central: true }))()
  expect(central.conditions?.find(one => one.type === 'Enforced')).toMatchObject({
    status: 'True',
    message: expect.stringContaining('decided by nobody: close that way'),
  })
  const bypassed = (given?: ServiceReport) =>
    plan({ target: target(8080) }, given)().conditions?.find(one => one.type === 'Enforced')?.message
  expect(bypassed(serviceReport())).toContain(
    `kubectl patch service api -n shop --type=json -p '[{"op":"add","path":"/spec/ports/1/targetPort","value":"guard"}]'`,
  )
  expect(bypassed(serviceReport({ current: 0, guarded: 0, total: 0 }))).toContain('kubectl patch service')
  // A pod without a guard would get no traffic any more.
  for (const early of [bypassed(), bypassed(serviceReport({ current: 1, guarded: 1 }))]) {
    expect(early).not.toContain('kubectl')
  }
  const unlabelled = [{ lack: 'Unlabelled' as const, count: 1, pods: ['web-2'] }]
  expect(bypassed(serviceReport({ current: 1, guarded: 1, lacking: unlabelled }))).toContain(
    '1 of 2 pods have one. Without the label: web-2; put latchkey.dev/guard: x into the pod template',
  )
  const enforcedOf = (resolved: Partial<ResolvedService>) =>
    plan(resolved)().conditions?.find(one => one.type === 'Enforced')?.message
  expect(enforcedOf({ accepted: false, reason: 'TargetNotFound' })).toContain('its policy is published')
  expect(enforcedOf({ accepted: false, published: false, reason: 'TargetConflict' })).toContain('deny')
})

test('Enforced stays True for its generation and starts anew with the next', () => {
  const spec = { rules: [{ services: ['api'], methods: ['GET' as const], paths: ['/**'] }] }
  const plan = (generation: number, enforced: EnforcedView, status?: ReturnType<typeof planRole>) =>
    planRole(
      {
        object: { metadata: { ...metadata, generation }, spec, ...(status && { status }) },
        missing: [],
        idle: [],
        grants: 0,
        enforced,
      },
      now,
    )
  const reason = (status: ReturnType<typeof planRole>) =>
    status.conditions?.find(one => one.type === 'Enforced')?.reason
  const enforced = plan(3, { state: 'enforced' })
  expect(reason(plan(3, waiting, enforced))).toBe('Enforced')
  expect(reason(plan(4, waiting, enforced))).toBe('Waiting')
})

test('a field that this version does not know is a fault, not ignored (F17)', () => {
  expect(schemaFaultOf(role, { rules: [{ services: ['a'], methods: ['GET'], paths: ['/'], deny: true }] })).toContain(
    'rules',
  )
  expect(schemaFaultOf(apiClient, {})).toBeUndefined()
})

test.each([
  ['Active', undefined, true],
  ['Active', '2026-11-22T10:00:01Z', true],
  ['Active', '2026-11-22T10:00:00Z', false],
  ['Retiring', '2026-11-22T10:00:01Z', true],
  ['Retiring', '2026-11-22T10:00:00Z', false],
  ['Pending', undefined, false],
  ['Expired', undefined, false],
  ['Revoked', undefined, false],
] as const)('a key that is %s until %s counts as one that a client can use: %s', (state, notAfter, counts) => {
  const publicKey = { kty: 'OKP', crv: 'Ed25519', x: '' } as const
  const key = { kid: 'k', publicKey, state, notBefore: '2026-11-22T09:00:00Z', ...(notAfter && { notAfter }) }
  expect(canBeUsed(key, Date.parse('2026-11-22T10:00:00Z') / 1_000)).toBe(counts)
})

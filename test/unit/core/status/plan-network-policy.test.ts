import { describe, expect, it } from 'vitest'
import type { GuardedService } from '../../../../core/api/guarded-service.ts'
import type { ResolvedService } from '../../../../core/registry/resolve-services.ts'
import {
  type NetworkPolicyObject,
  networkPolicyName,
  planNetworkPolicy,
} from '../../../../core/status/plan-network-policy.ts'

const object: GuardedService = {
  metadata: { name: 'orders', namespace: 'shop', uid: 'u1' },
  spec: { targetRef: { name: 'orders', port: 80 }, networkPolicy: 'Generate' },
}
const targetOf = (selector?: Record<string, string>, targetPort: string | number = 'guard') => ({
  port: 80,
  service: { metadata: { name: 'orders' }, spec: { ...(selector && { selector }), ports: [{ port: 80, targetPort }] } },
})
const resolved: ResolvedService = {
  key: 'shop/orders',
  service: object,
  accepted: true,
  published: true,
  reason: 'Accepted',
  message: '',
  audience: 'https://orders.shop.svc',
  claim: 'held',
  routes: [],
  target: targetOf({ tier: 'web', app: 'orders' }),
}
const plan = (change: Partial<Parameters<typeof planNetworkPolicy>[0]> = {}) =>
  planNetworkPolicy({ object, resolved, accepted: true, found: undefined, openPorts: [], ...change })
const made = (change: Partial<Parameters<typeof planNetworkPolicy>[0]> = {}): NetworkPolicyObject => {
  const { wanted } = plan(change)
  if (!wanted) throw new Error('nothing is made')
  return wanted
}
const none = { ...object, spec: { ...object.spec, networkPolicy: 'None' as const } }
const { networkPolicy: _, ...unset } = object.spec

describe('the NetworkPolicy of a service', () => {
  it('lets the two ports of the guard into the pods of the Service, owned by the GuardedService', () => {
    expect(plan()).toMatchObject({ do: 'apply', finding: { type: 'Isolated', status: 'True', reason: 'Isolated' } })
    expect(made()).toEqual({
      metadata: {
        name: 'latchkey-orders',
        namespace: 'shop',
        labels: { 'app.kubernetes.io/managed-by': 'latchkey' },
        ownerReferences: [
          { apiVersion: 'latchkey.dev/v1alpha1', kind: 'GuardedService', name: 'orders', uid: 'u1', controller: true },
        ],
      },
      spec: {
        podSelector: { matchLabels: { tier: 'web', app: 'orders' } },
        policyTypes: ['Ingress'],
        ingress: [
          {
            ports: [
              { port: 15080, protocol: 'TCP' },
              { port: 15081, protocol: 'TCP' },
            ],
          },
        ],
      },
    })
  })
  it('lets in the open ports of any of its pods, once each and in order; rubbish opens nothing', () => {
    const { spec } = made({ openPorts: ['9091, 9090', '9090', 'http', '70000,0', '15080', ''] })
    expect(spec?.ingress?.[0]?.ports?.map(({ port }) => port)).toEqual([15080, 15081, 9090, 9091])
  })
  it('is left alone when it is as it should be, whatever others added beside our fields', () => {
    const { metadata, spec } = made()
    const found = {
      metadata: { ...metadata, labels: { ...metadata.labels, team: 'a' } },
      spec: {
        ...spec,
        podSelector: { matchLabels: { app: 'orders', tier: 'web' } },
        policyTypes: ['Ingress', 'Egress'],
        egress: [],
      },
    }
    expect(plan({ found })).toMatchObject({ do: 'nothing', finding: { status: 'True' } })
  })
  it.each<[string, (policy: NetworkPolicyObject) => object]>([
    ['another selector', ({ spec }) => ({ spec: { ...spec, podSelector: { matchLabels: { app: 'x' } } } })],
    ['a wider selector', ({ spec }) => ({ spec: { ...spec, podSelector: {} } })],
    [
      'a selector with an expression',
      ({ spec }) => ({ spec: { ...spec, podSelector: { ...spec?.podSelector, matchExpressions: [{}] } } }),
    ],
    ['one port more', ({ spec }) => ({ spec: { ...spec, ingress: [{ ports: [{ port: 8080, protocol: 'TCP' }] }] } })],
    ['one rule more', ({ spec }) => ({ spec: { ...spec, ingress: [...(spec?.ingress ?? []), {}] } })],
    ['callers named', ({ spec }) => ({ spec: { ...spec, ingress: [{ ...spec?.ingress?.[0], from: [] }] } })],
    ['no ingress', ({ spec }) => ({ spec: { ...spec, policyTypes: ['Egress'] } })],
    ['its label gone', ({ metadata }) => ({ metadata: { ...metadata, labels: {} } })],
  ])('is put right with %s', (_what, change) => {
    const policy = made()
    expect(plan({ found: { ...policy, ...change(policy) } as NetworkPolicyObject }).do).toBe('apply')
  })
  it('goes when it is asked for no more; one that is not ours stays', () => {
    const foreign = { metadata: { name: 'latchkey-orders', namespace: 'shop' } }
    for (const object of [none, { ...none, spec: unset }]) {
      expect(plan({ object })).toEqual({ do: 'nothing' })
      expect(plan({ object, found: made() })).toEqual({ do: 'delete' })
      expect(plan({ object, found: foreign })).toEqual({ do: 'nothing' })
    }
    expect(plan({ found: foreign })).toMatchObject({ do: 'nothing', finding: { reason: 'NetworkPolicyConflict' } })
  })
  it('is not ours when it belongs to a GuardedService of that name that is gone', () => {
    const again = { ...object, metadata: { ...object.metadata, uid: 'u2' } }
    expect(plan({ object: again, found: made() })).toMatchObject({ do: 'nothing', finding: { status: 'False' } })
  })
  it('is not made before the Service leads to the guard, and stays when it leads there no more', () => {
    const bypassing = { ...resolved, target: targetOf({ app: 'orders' }, 8080) }
    expect(plan({ resolved: bypassing })).toMatchObject({ do: 'nothing', finding: { reason: 'ServiceBypassesGuard' } })
    expect(
      plan({ resolved: bypassing, found: made({ resolved: { ...resolved, target: targetOf({ app: 'orders' }) } }) }),
    ).toMatchObject({
      do: 'nothing',
      finding: { status: 'True' },
    })
  })
  it('never takes in all pods of a namespace, and waits for a service that is understood', () => {
    for (const target of [targetOf(), targetOf({})]) {
      expect(plan({ resolved: { ...resolved, target } })).toMatchObject({
        do: 'nothing',
        finding: { reason: 'NoSelector' },
      })
    }
    expect(plan({ accepted: false, found: made() })).toMatchObject({
      do: 'nothing',
      finding: { reason: 'NotAccepted' },
    })
  })
  it('has a name of at most 253 characters', () => {
    expect(networkPolicyName('orders')).toBe('latchkey-orders')
    expect(networkPolicyName(`${'a'.repeat(243)}.${'b'.repeat(9)}`)).toBe(`latchkey-${'a'.repeat(243)}`)
  })
})

describe('of a service that is paused', () => {
  const annotations = { 'latchkey.dev/paused': 'true' }
  const paused = (one: GuardedService) => ({ ...one, metadata: { ...one.metadata, annotations } })
  const left = { do: 'nothing', finding: { type: 'Isolated', status: 'False', reason: 'Paused' } }

  it('none is made, changed or removed, and that is said', () => {
    expect(plan({ object: paused(object) })).toMatchObject(left)
    expect(plan({ object: paused(object), found: made(), openPorts: ['9090'] })).toMatchObject(left)
    expect(plan({ object: paused(none), found: made() })).toMatchObject(left)
  })

  it('one that is as it should be is told as ever, and none is missed that nobody asked for', () => {
    expect(plan({ object: paused(object), found: made() })).toMatchObject({ finding: { status: 'True' } })
    expect(plan({ object: paused(none) })).toEqual({ do: 'nothing' })
  })
})

import { expect, test } from 'vitest'
import type { PodObject } from '../../../core/registry/kubernetes.ts'
import { guardsLeftOf, guardsOf } from '../../../operator/guarded-service/guards-of.ts'

const own = 'latchkey-system'
const pod = (namespace: string, name: string, change: object = {}, phase = 'Running'): PodObject => ({
  metadata: { namespace, name, uid: `uid-${name}`, ...change },
  status: { phase },
})
const behind = [pod('shop', 'web-1', { labels: { app: 'web' } }), pod('shop', 'db-1', { labels: { app: 'db' } })]
const central = (name: string, enforces = 'shop/other,shop/web') =>
  pod(own, name, { annotations: { 'latchkey.dev/enforces': enforces } })

/** The guards of shop/web. */
function expected(pods: readonly PodObject[], targetPort: number | string = 'guard') {
  const service = { metadata: { namespace: 'shop', name: 'web' }, spec: { targetRef: { name: 'web', port: 'http' } } }
  const target = { metadata: {}, spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort }] } }
  return guardsOf(
    'shop/web',
    {
      services: { store: new Map([['shop/web', service]]) },
      targets: { store: new Map([['shop/web', target]]) },
      by: { podsOfNamespace: { get: (name: string) => pods.filter(({ metadata }) => metadata.namespace === name) } },
    } as never,
    own,
  )
}
/** Their names. */
function guards(...given: Parameters<typeof expected>) {
  const { pods, central } = expected(...given)
  return { names: pods.map(({ name }) => name), central }
}

test('the guards of a service are the pods behind it', () => {
  expect(guards(behind)).toEqual({ names: ['web-1'], central: undefined })
  // Past the guard: it is for the condition to say so, the pods are concerned all the same.
  expect(guards(behind, 8080)).toEqual({ names: ['web-1'], central: undefined })
})

test('and its authorizers, beside the pods or, where the Service leads past the guard, alone', () => {
  const both = [...behind, central('authorizer-1'), central('authorizer-2')]
  expect(guards(both)).toEqual({ names: ['web-1', 'authorizer-1', 'authorizer-2'], central: true })
  expect(guards(both, 8080)).toEqual({ names: ['authorizer-1', 'authorizer-2'], central: true })
})

test('nobody else’s pod is an authorizer, no authorizer of other services, and none that is ending or done', () => {
  const strangers = [
    pod('shop', 'usurper', { annotations: { 'latchkey.dev/enforces': 'shop/web' } }),
    central('other', 'shop/webshop'),
    pod(own, 'ending', {
      annotations: { 'latchkey.dev/enforces': 'shop/web' },
      deletionTimestamp: '2026-11-25T00:00:00Z',
    }),
    pod(own, 'done', { annotations: { 'latchkey.dev/enforces': 'shop/web' } }, 'Failed'),
  ]
  expect(guards([...behind, ...strangers])).toEqual({ names: ['web-1'], central: undefined })
})

test('what is wrong with the making of a pod is seen from its label and its init containers; an authorizer has none', () => {
  const made = (name: string, label?: string, ...initContainers: string[]): PodObject => ({
    ...pod('shop', name, { labels: { app: 'web', ...(label !== undefined && { 'latchkey.dev/guard': label }) } }),
    spec: { initContainers: initContainers.map(one => ({ name: one })) },
  })
  const pods = [
    made('right', 'web', 'migrate', 'latchkey-guard'),
    made('plain'),
    made('misspelt', 'wbe', 'latchkey-guard'),
    made('late', 'web', 'migrate'),
    central('authorizer'),
  ]
  expect(expected(pods).pods.map(({ name, wrong, other }) => [name, wrong, other])).toEqual([
    ['right', undefined, undefined],
    ['plain', 'Unlabelled', undefined],
    ['misspelt', 'OtherService', 'wbe'],
    ['late', 'NotInjected', undefined],
    ['authorizer', undefined, undefined],
  ])
})

test('where the service is gone, or its Service, the label of a pod says whose policy its guard has', () => {
  const made = (name: string, label: string, change: object = {}): PodObject => ({
    ...pod('shop', name, { labels: { 'latchkey.dev/guard': label }, ...change }),
    spec: { initContainers: [{ name: 'latchkey-guard' }] },
  })
  const pods = [
    made('left-1', 'web'),
    {
      ...pod('shop', 'by-hand', { labels: { 'latchkey.dev/guard': 'web' } }),
      status: { containerStatuses: [{ name: 'latchkey-guard' }] },
    },
    made('other', 'db'),
    made('ending', 'web', { deletionTimestamp: '2026-11-25T00:00:00Z' }),
    pod('shop', 'without', { labels: { 'latchkey.dev/guard': 'web' } }),
    { ...made('elsewhere', 'web'), metadata: { ...made('elsewhere', 'web').metadata, namespace: 'partners' } },
    central('authorizer-1'),
  ]
  const by = { podsOfNamespace: { get: (name: string) => pods.filter(({ metadata }) => metadata.namespace === name) } }
  const left = (services: readonly [string, object][]) =>
    guardsLeftOf(
      'shop/web',
      { services: { store: new Map(services) }, targets: { store: new Map() }, by } as never,
      own,
    )
  const names = ['left-1', 'by-hand', 'authorizer-1']
  expect(left([]).pods.map(({ name }) => name)).toEqual(names)
  expect(left([]).left).toEqual({})
  expect(left([['shop/web', { spec: { maxStaleness: '1h' } }]]).left).toEqual({ maxStaleness: '1h' })
})

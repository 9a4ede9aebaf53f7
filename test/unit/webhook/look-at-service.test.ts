import { expect, it } from 'vitest'
import type { Resource } from '../../../platform/kube/client.ts'
import { createLookAtService } from '../../../webhook/admission/checks/look-at-service.ts'
import type { Lead } from '../../../webhook/injection/lead.ts'
import { inject, injected, podOf } from './pods.ts'

type Get = Parameters<typeof createLookAtService>[0]['get']

const guarded = { metadata: { name: 'orders' }, spec: { targetRef: { name: 'web', port: 'http' } } }
const serviceTo = (targetPort: number | string) => ({
  metadata: { name: 'web' },
  spec: { ports: [{ name: 'http', port: 80, targetPort }] },
})
const portless = { metadata: { name: 'web' }, spec: { ports: [{ name: 'other', port: 80, targetPort: 'guard' }] } }
const client = (objects: Record<string, object>): { get: Get } => ({
  get: (async ({ plural }: Resource, _namespace: string, name: string) => objects[`${plural}/${name}`]) as Get,
})

it.each<[string, Record<string, object>, Lead]>([
  ['the app', { 'guardedservices/orders': guarded, 'services/web': serviceTo(8080) }, 'PastGuard'],
  ['the guard', { 'guardedservices/orders': guarded, 'services/web': serviceTo('guard') }, 'ToGuard'],
  ['nowhere yet', { 'guardedservices/orders': guarded }, 'NoService'],
  ['a port that is not there', { 'guardedservices/orders': guarded, 'services/web': portless }, 'NoService'],
  ['the guard, for a GuardedService to come', { 'services/web': serviceTo('guard') }, 'NoGuardedService'],
  ['what nobody guards', { 'services/web': serviceTo(8080) }, 'NoGuardedService'],
])('a Service that leads to %s', async (_, objects, lead) => {
  expect(await createLookAtService(client(objects))('shop', 'orders')).toBe(lead)
})

it.each<[string, Get]>([
  ['refuses', (() => Promise.reject(new Error('no'))) as Get],
  ['never answers', (() => new Promise(() => {})) as Get],
])('is unknown when the API server %s', async (_, get) => {
  expect(await createLookAtService({ get })('shop', 'orders')).toBe('Unknown')
})

it('S06 asks for 32 pods at a time, and for no more of one namespace than it leaves to others', async () => {
  let asked = 0
  const get = (() => {
    asked++
    return new Promise(() => {})
  }) as Get
  const look = createLookAtService({ get })
  const greedy = Array.from({ length: 100 }, () => look('greedy', 'orders'))
  expect(asked).toBe(16)
  const others = Array.from({ length: 50 }, (_, at) => look(`n${at}`, 'orders'))
  expect(asked).toBe(32)
  const leads = await Promise.all([...greedy, ...others])
  expect(new Set(leads)).toEqual(new Set(['Unknown']))
})

const hostOf = (lead: Lead): string | undefined =>
  injected(podOf(), {}, lead).spec.containers[0]?.env?.find(({ name }) => name === 'HOST')?.value

it('an app that the Service still leads to is not sent to loopback, and the pod’s maker is told what to do', () => {
  expect(hostOf('PastGuard')).toBeUndefined()
  const { warnings } = inject(podOf(), {}, 'PastGuard') as { warnings: readonly string[] }
  expect(warnings.join()).toContain(
    'the Service of shop/orders does not lead to the guard yet, so HOST=127.0.0.1 is not',
  )
})

it.each(['ToGuard', 'Unknown'] as const)('goes to loopback, and nobody is told: %s', lead => {
  expect(hostOf(lead)).toBe('127.0.0.1')
  expect(inject(podOf(), {}, lead)).toMatchObject({ warnings: [] })
})

it.each([
  [
    'NoGuardedService',
    'there is no GuardedService shop/ordres yet: the pod has no policy and is not ready until it exists. HOST=127.0.0.1 is not set; roll out again once the Service leads to the guard, or set HOST in the pod template yourself',
  ],
  [
    'NoService',
    'the GuardedService shop/ordres names a Service or port that is not there yet, so HOST=127.0.0.1 is not set; roll out again once the Service leads to the guard, or set HOST in the pod template yourself',
  ],
] as const)('what is to come may lead to the app, which is not sent to loopback: %s', (lead, warning) => {
  expect(hostOf(lead)).toBeUndefined()
  expect(inject(podOf({ label: 'ordres' }), {}, lead)).toMatchObject({ warnings: [warning] })
})

import { afterAll, beforeAll, expect, test } from 'vitest'
import { timeOf } from '../../../core/base/time.ts'
import type { RunningOperator } from '../../../operator/run-operator.ts'
import { type Clock, systemClock } from '../../../platform/clock.ts'
import type { Resource } from '../../../platform/kube/client.ts'
import {
  accessGrants,
  accessKeys,
  apiClients,
  guardedServices,
  roles,
  services,
} from '../../../platform/kube/resources.ts'
import { kubectl } from '../chart/render-chart.ts'
import { condition, startTestCluster, type TestCluster, until, type WithStatus } from './cluster.ts'
import { type IssuerDouble, startIssuerDouble } from './issuer-double.ts'

/** Timers are over a hundred times as soon: half a minute is a third of a second. */
const clock: Clock = { ...systemClock, after: (ms, callback) => systemClock.after(ms / 100, callback) }

let cluster: TestCluster
let operator: RunningOperator
let issuer: IssuerDouble
let namespace: string
beforeAll(async () => {
  cluster = await startTestCluster()
  operator = await cluster.start({}, undefined, clock)
  issuer = await startIssuerDouble(cluster.client)
  namespace = await cluster.namespace()
  const create = (resource: Resource, name: string, spec: object) =>
    cluster.client.create<WithStatus>(resource, { metadata: { name, namespace }, spec })
  await create(services, 'api', { selector: { app: 'api' }, ports: [{ port: 80, targetPort: 'guard' }] })
  await create(guardedServices, 'api', { targetRef: { name: 'api', port: 80 } })
  await create(apiClients, 'web', {})
  await create(accessKeys, 'web', { clientRef: { name: 'web' } })
  await create(accessKeys, 'idle', { clientRef: { name: 'web' } })
  await create(roles, 'reader', { rules: [{ services: ['api'], methods: ['GET'], paths: ['/**'] }] })
  await create(accessGrants, 'give', { roleRef: { name: 'reader' }, clients: [{ namespace, name: 'web' }] })
  for (const [resource, name] of [
    [accessKeys, 'web'],
    [accessKeys, 'idle'],
    [roles, 'reader'],
    [accessGrants, 'give'],
  ] as const)
    await condition(cluster.client, resource, { metadata: { namespace, name } }, { type: 'Ready', reason: 'Ready' })
})
afterAll(async () => {
  await operator?.stop()
  issuer?.stop()
  await cluster?.stop()
})

const get = (resource: Resource, name: string) => cluster.client.get<WithStatus>(resource, namespace, name)
const lastUsed = async (resource: Resource, name: string) => (await get(resource, name))?.status?.lastUsedAt
const used = (kinds: Record<string, string>, second: number): void => {
  issuer.used = Object.fromEntries(
    Object.entries(kinds).map(([kind, name]) => [kind, { [`${namespace}/${name}`]: second }]),
  )
}

test('what guards told stands in the statuses of keys, grants and roles, and in their columns', async () => {
  const second = Math.floor(Date.now() / 1_000) - 7_200
  used({ accesskeys: 'web', accessgrants: 'give', roles: 'reader' }, second)
  for (const [resource, name] of [
    [accessKeys, 'web'],
    [accessGrants, 'give'],
    [roles, 'reader'],
  ] as const) {
    await until(async () => (await lastUsed(resource, name)) === timeOf(second), `the last use of ${name}`)
    const plural = `${resource.plural}.latchkey.dev`
    const table = await kubectl(cluster.plane.kubeconfig, ['get', plural, name, `-n=${namespace}`, '-o=wide'])
    expect(table).toMatch(/LAST-USED/)
    expect(table).toMatch(/\b(120m|2h\d*m?)\b/)
  }
  expect(await lastUsed(accessKeys, 'idle')).toBeUndefined()
})

test('it stays where a pass writes the status for something else, and nothing is written while nothing is used', async () => {
  const told = await until(() => lastUsed(accessKeys, 'web'), 'the last use')
  await cluster.client.patch(accessKeys, namespace, 'web', { spec: { validity: '720h' } })
  const web = { metadata: { namespace, name: 'web' } }
  const after = await condition(cluster.client, accessKeys, web, { type: 'Ready', reason: 'Ready' })
  await until(async () => (await get(accessKeys, 'web'))?.status?.expiresAt, 'the end of the key')
  expect(after.status?.observedGeneration).toBe(2)
  expect(await lastUsed(accessKeys, 'web')).toBe(told)

  const polls = () => issuer.asked.filter(({ path }) => path.startsWith('/v1/usage')).length
  const versions = async () =>
    Promise.all(['web', 'idle'].map(async name => (await get(accessKeys, name))?.metadata.resourceVersion))
  const wait = async (more: number) => {
    const enough = polls() + more
    await expect.poll(polls, { timeout: 15_000 }).toBeGreaterThan(enough)
  }
  await wait(3)
  const before = await versions()
  // That of an earlier time is no news, nor is what has been told.
  used({ accesskeys: 'web' }, 1_000)
  await wait(5)
  expect(await versions()).toEqual(before)
})

import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RunningOperator, runOperator } from '../../../operator/run-operator.ts'
import type { KubeClient, KubeObject, Resource } from '../../../platform/kube/client.ts'
import { configMaps, guardedServices } from '../../../platform/kube/resources.ts'
import { documentOf } from '../../unit/cluster/openapi-fake.ts'
import { addGuarded } from '../crowd/crowd.ts'
import { condition, configOf, startTestCluster, type TestCluster, testLog } from './cluster.ts'

const quick = { goodMs: 200, faultyMs: 200, retryMs: 100, longestRetryMs: 500 }

let cluster: TestCluster
let operator: RunningOperator
let namespace: string
/** While set, nobody gets a ConfigMap. */
let isAway = false

beforeAll(async () => {
  cluster = await startTestCluster()
  operator = await start()
  namespace = await cluster.namespace()
})
afterAll(async () => {
  await operator?.stop()
  await cluster?.stop()
})

const isAwayFor = ({ plural }: Resource, at: string | undefined) =>
  isAway && plural === 'configmaps' && at === namespace
const noAnswer = () => Promise.reject(new Error('no answer'))

function start(): Promise<RunningOperator> {
  const client: KubeClient = {
    ...cluster.client,
    get: (resource, at, name) => (isAwayFor(resource, at) ? noAnswer() : cluster.client.get(resource, at, name)),
    getMetadata: (resource, at, name) =>
      isAwayFor(resource, at) ? noAnswer() : cluster.client.getMetadata(resource, at, name),
  }
  return runOperator({ client, config: configOf(), log: testLog('fatal'), documentTimings: quick })
}
const says = (object: KubeObject, type: string, status: string, reason: string) =>
  condition(cluster.client, guardedServices, object, { type, status, reason })
const document = (name: string, text: string) =>
  cluster.client.create(configMaps, { metadata: { namespace, name }, data: { 'openapi.yaml': text } } as KubeObject)
const change = (name: string, text: string) =>
  cluster.client.patch(configMaps, namespace, name, { data: { 'openapi.yaml': text } })

test('a document that goes bad, away or is renamed leaves the service accepted, not ready, with the cause (S10, S12)', async () => {
  await document('api', documentOf(2))
  const api = await addGuarded(cluster.client, namespace, 'api', 'api')
  await says(api, 'Ready', 'True', 'Ready')
  await change('api', '{')
  const bad = await says(api, 'Ready', 'False', 'OpenApiOutdated')
  expect(bad.found.message).toContain('The routes that were read before stay in force.')
  await says(api, 'Accepted', 'True', 'OpenApiOutdated')
  await cluster.client.delete(configMaps, namespace, 'api')
  await expect
    .poll(async () => (await says(api, 'Ready', 'False', 'OpenApiOutdated')).found.message)
    .toContain('There is no ConfigMap api')
  await document('api', documentOf(1))
  await says(api, 'Ready', 'True', 'Ready')
  await cluster.client.patch(guardedServices, namespace, 'api', {
    spec: { openapi: { configMapRef: { name: 'next' } } },
  })
  expect((await says(api, 'Ready', 'False', 'OpenApiOutdated')).found.message).toContain('There is no ConfigMap next')
  await document('next', documentOf(1, 'next'))
  await says(api, 'Ready', 'True', 'Ready')
})

test('a document that cannot be fetched is not refused: unknown where there never was one, outdated where there was (S10)', async () => {
  await document('fetched', documentOf(1))
  const fetched = await addGuarded(cluster.client, namespace, 'fetched', 'fetched')
  await says(fetched, 'Accepted', 'True', 'Accepted')
  isAway = true
  await says(fetched, 'Accepted', 'True', 'OpenApiOutdated')
  const late = await addGuarded(cluster.client, namespace, 'late', 'fetched')
  await says(late, 'Accepted', 'Unknown', 'OpenApiUnread')
  isAway = false
  await says(fetched, 'Accepted', 'True', 'Accepted')
  await says(late, 'Accepted', 'True', 'Accepted')
})

test('an operator that starts while a document is faulty does not refuse what was good before (S10)', async () => {
  await document('was-good', documentOf(1))
  const good = await addGuarded(cluster.client, namespace, 'was-good', 'was-good')
  await says(good, 'Accepted', 'True', 'Accepted')
  await operator.stop()
  await change('was-good', '{')
  await document('never-good', '{')
  const never = await addGuarded(cluster.client, namespace, 'never-good', 'never-good')
  operator = await start()
  await says(good, 'Accepted', 'True', 'OpenApiOutdated')
  await says(never, 'Accepted', 'False', 'OpenApiInvalid')
  await change('was-good', documentOf(2))
  await says(good, 'Ready', 'True', 'Ready')
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { secretFile } from '../../../core/keys/secret-data.ts'
import type { RunningOperator } from '../../../operator/run-operator.ts'
import type { KubeObject, Resource } from '../../../platform/kube/client.ts'
import { events } from '../../../platform/kube/event.ts'
import { accessKeys, apiClients, namespaces, secrets } from '../../../platform/kube/resources.ts'
import { kubectl } from '../chart/render-chart.ts'
import { condition, startTestCluster, type TestCluster, until } from './cluster.ts'
import { rotating, rotationRig, type Secret, states } from './rotation-rig.ts'

let cluster: TestCluster
let operator: RunningOperator
const { createKey, expectWhole, lead, look, patch, request, rotated, secretOf, setAhead, touch } = rotationRig(
  () => cluster,
)
beforeAll(async () => {
  // Quotas are counted and owned Secrets collected by a controller manager.
  cluster = await startTestCluster({ controllerManager: true })
  operator = await lead(cluster.client)
})
afterAll(async () => {
  await operator?.stop()
  await cluster?.stop()
})

describe('a rotation', () => {
  test('that was asked for is published first, then handed over in place; the old key stays valid', async () => {
    const key = await createKey({ secretTemplate: { annotations: { 'reloader.stakater.com/match': 'true' } } })
    const before = (await secretOf(key)) as Secret
    await request(key)
    const staged = await until(async () => {
      const now = await look(key)
      return states(now).includes('Pending') && now
    }, 'the next key published')
    expect(staged.status?.keyId).toBe(key.status?.keyId)
    expect(rotating(staged)).toBe('Publishing')
    const pending = staged.status?.keys?.find(({ state }) => state === 'Pending')
    expect(secretFile((await secretOf(key, 'web-next')) as Secret, 'key-id')).toBe(pending?.kid)
    const done = await rotated(key)
    await expectWhole(done)
    const after = (await secretOf(key)) as Secret
    expect(after.metadata.uid).toBe(before.metadata.uid)
    expect(after.metadata.annotations).toMatchObject({ 'reloader.stakater.com/match': 'true' })
    expect(done.status?.keyId).toBe(pending?.kid)
    const old = done.status?.keys?.find(({ kid }) => kid === key.status?.keyId)
    expect(Date.parse(old?.notAfter ?? '') - Date.now()).toBeGreaterThan(23 * 3_600_000)
    await until(async () => {
      const { items } = await cluster.client.list<KubeObject & { reason: string }>(events, {
        namespace: key.metadata.namespace ?? '',
      })
      return ['RotationStarted', 'Rotated'].every(reason => items.some(one => one.reason === reason))
    }, 'events of the rotation')
  })

  test('is seen coming in kubectl get', async () => {
    const key = await createKey({ rotation: { every: '720h' } })
    const args = ['get', 'accesskeys.latchkey.dev', 'web', `--namespace=${key.metadata.namespace}`]
    const [heads = '', cells = ''] = (await kubectl(cluster.plane.kubeconfig, args)).split('\n')
    expect(heads).toContain('ROTATES')
    expect(cells).toContain(key.status?.rotates)
    expect(key.status?.rotates).toMatch(/^\d{4}-\d\d-\d\d( \(within 30d\))?$/)
  })

  test('that is asked for ahead begins at that moment', async () => {
    const key = await createKey()
    await request(key, new Date(Date.now() + 4_000))
    await condition(cluster.client, accessKeys, key, { type: 'Rotating', reason: 'Requested' })
    expect(await secretOf(key, 'web-next')).toBeUndefined()
    await expectWhole(await rotated(key))
  })

  test('that is asked for again and again ends with a key younger than the last request, and nothing left over', async () => {
    const key = await createKey()
    let last = ''
    for (let times = 0; times < 3; times++) {
      // Keys are numbered in seconds.
      await new Promise(resolve => setTimeout(resolve, 1_100))
      last = (await request(key)).spec.rotation?.requestedAt ?? ''
    }
    const done = await until(async () => {
      const now = await look(key)
      const active = now.status?.keys?.find(({ state }) => state === 'Active')
      const isYoung = Date.parse(active?.notBefore ?? '') >= Date.parse(last)
      return isYoung && !rotating(now) && !(await secretOf(key, 'web-next')) && now
    }, 'the last request done')
    await expectWhole(done)
    expect(states(done).filter(state => state === 'Pending')).toEqual([])
  })

  test('is revoked with the key: both Secrets hold none', async () => {
    const key = await createKey()
    await request(key)
    await until(async () => states(await look(key)).includes('Pending'), 'the next key published')
    await patch(key, { spec: { revoked: {} } })
    await condition(cluster.client, accessKeys, key, { type: 'Ready', reason: 'Revoked', status: 'True' })
    expect(new Set(states(await look(key)))).toEqual(new Set(['Revoked']))
    await until(async () => !(await secretOf(key, 'web-next')), 'the next Secret deleted')
    expect((await secretOf(key))?.data).toBeUndefined()
  })

  test('leaves no second Secret when the AccessKey is deleted with Orphan', async () => {
    const key = await createKey({ deletionPolicy: 'Orphan' })
    await request(key)
    await until(async () => states(await look(key)).includes('Pending'), 'the next key published')
    await cluster.client.delete(accessKeys, key.metadata.namespace, 'web')
    await until(async () => !(await secretOf(key, 'web-next')), 'the next Secret collected', 30_000)
    expect(await secretOf(key)).toBeDefined()
  })

  test('K13 waits for whoever made a Secret of the next name himself, takes no key from there, and says which', async () => {
    const key = await createKey()
    const { namespace = '' } = key.metadata
    const foreign = await cluster.client.create<KubeObject>(secrets, { metadata: { name: 'web-next', namespace } })
    await request(key)
    const stuck = await condition(cluster.client, accessKeys, key, { type: 'Ready', reason: 'SecretConflict' })
    expect(stuck.found.message).toContain('web-next')
    expect((await secretOf(key, 'web-next'))?.metadata.resourceVersion).toBe(foreign.metadata.resourceVersion)
    await cluster.client.delete(secrets, namespace, 'web-next')
    await touch(key)
    await expectWhole(await rotated(key))
  })

  test('that meets a quota in the middle says so, and goes on when there is room', async () => {
    const key = await createKey()
    const { namespace = '' } = key.metadata
    const quotas: Resource = {
      group: '',
      version: 'v1',
      plural: 'resourcequotas',
      kind: 'ResourceQuota',
      namespaced: true,
    }
    const quota = { metadata: { name: 'few', namespace }, spec: { hard: { 'count/secrets': '1' } } } as KubeObject
    // What a controller would fill in: nothing is counted before.
    await cluster.client.create(quotas, quota)
    await cluster.client.patch(
      quotas,
      namespace,
      'few',
      { status: { hard: { 'count/secrets': '1' }, used: { 'count/secrets': '1' } } },
      { subresource: 'status' },
    )
    const isFull = () =>
      cluster.client.create(secrets, { metadata: { name: 'try', namespace } }, { dryRun: true }).then(
        () => false,
        () => true,
      )
    await until(isFull, 'the quota in force')
    await request(key)
    const stuck = await condition(cluster.client, accessKeys, key, { type: 'Ready', reason: 'SecretRefused' })
    expect(stuck.found.message).toContain('web-next')
    expect((await look(key)).status?.state).toBe('Active')
    await cluster.client.delete(quotas, namespace, 'few')
    await until(async () => !(await isFull()), 'the quota gone')
    await touch(key)
    await expectWhole(await rotated(key))
  })

  test('that is due waits for its window', async () => {
    const noon = new Date(Date.now() + 4 * 3_600_000)
    const start = `${String(noon.getUTCHours()).padStart(2, '0')}:00`
    const key = await createKey({ rotation: { every: '1h', overlap: '30m', windows: [{ start, duration: '1h' }] } })
    expect(key.status?.renewalTime?.slice(11)).toBe(`${start}:00Z`)
    const opens = Date.parse(key.status?.renewalTime ?? '')
    try {
      // Just before it opens: the next key is published and waits.
      setAhead(opens - 3_000 - Date.now())
      await touch(key)
      await until(async () => states(await look(key)).includes('Pending'), 'the next key published')
      const done = await rotated(key)
      const [retired] = (done.status?.keys ?? []).filter(({ state }) => state === 'Retiring')
      expect(Date.parse(retired?.notAfter ?? '') - opens).toBeGreaterThanOrEqual(30 * 60_000)
    } finally {
      setAhead(0)
    }
  })
})

test('K22 a namespace that is deleted while no operator runs goes, with all that is in it', async () => {
  const key = await createKey({ deletionPolicy: 'Orphan' })
  const namespace = key.metadata.namespace ?? ''
  await request(key)
  await until(async () => states(await look(key)).includes('Pending'), 'the next key published')
  await operator.stop()
  for (const resource of [accessKeys, apiClients, secrets]) {
    const { items } = await cluster.client.list(resource, { namespace })
    expect(items.length).toBeGreaterThan(0)
    for (const { metadata } of items) expect(metadata).not.toHaveProperty('finalizers')
  }
  await cluster.client.delete(namespaces, undefined, namespace)
  await until(async () => !(await cluster.client.get(namespaces, undefined, namespace)), 'the namespace gone', 30_000)
  operator = await lead(cluster.client)
})

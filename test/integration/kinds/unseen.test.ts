import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { kinds } from '../../../core/api/kinds.ts'
import { unseenStatus } from '../../../core/api/schema.ts'
import { fieldManager } from '../../../operator/status.ts'
import { createKubeClient, type KubeClient, type KubeObject } from '../../../platform/kube/client.ts'
import { loadKubeConnection } from '../../../platform/kube/connection.ts'
import * as resources from '../../../platform/kube/resources.ts'
import type { ControlPlane } from '../../cluster/control-plane.ts'
import { kubectl } from '../chart/render-chart.ts'
import { workerControlPlane } from '../worker-control-plane.ts'
import { kstatus } from './kstatus.ts'
import { resourceOf, sampleOf } from './samples.ts'

/** Objects that no operator has seen: the API server alone. */
type WithStatus = KubeObject & { spec?: unknown; status?: { conditions?: { type: string; status: string }[] } }
let plane: ControlPlane
let client: KubeClient

beforeAll(async () => {
  plane = await workerControlPlane()
  client = createKubeClient(loadKubeConnection({ kubeconfig: plane.kubeconfig }))
})
afterAll(async () => {
  await client?.close()
  await plane?.stop()
})

const run = (args: string[], objects?: object[]) => kubectl(plane.kubeconfig, args, objects)

describe.each(kinds.map(({ kind, plural }) => ({ kind, plural })))('a new $kind', ({ kind, plural }) => {
  const resource = resourceOf[kind as keyof typeof resourceOf]
  const name = `${plural}.latchkey.dev`

  it('reads as unknown to whoever gets, lists, watches or waits for it (S12)', async () => {
    const sample = { ...sampleOf(kind), metadata: { name: 'fresh', namespace: 'default' } }
    const stopping = new AbortController()
    const { resourceVersion } = await client.list(resource)
    const seen = client
      .watch(resource, { resourceVersion, timeoutSeconds: 20, signal: stopping.signal })
      [Symbol.asyncIterator]()
      .next()
    await client.create(resource, sample as unknown as KubeObject)
    const got = await client.get<WithStatus>(resource, 'default', 'fresh')
    expect(got?.status).toEqual(unseenStatus)
    expect((await client.list<WithStatus>(resource)).items.map(({ status }) => status)).toEqual([unseenStatus])
    expect((await seen).value.object.status).toEqual(unseenStatus)
    stopping.abort()
    expect(kstatus(got as WithStatus & { metadata: object })).toBe('InProgress')
    await expect(run(['wait', '--for=condition=Ready', '--timeout=1s', `${name}/fresh`])).rejects.toThrow('timed out')
    const [heads = '', row = ''] = (await run(['get', name])).split('\n').map(line => line.trim())
    expect(heads.split(/ {2,}/)).toEqual(expect.arrayContaining(['READY', 'REASON']))
    expect(row).toMatch(/Unknown +Pending/)
  })

  it('takes the operator’s status in its place, by server-side apply, and keeps nothing of the default', async () => {
    const metadata = { name: 'fresh', namespace: 'default' }
    const condition = (type: string, status: string) => ({
      type,
      status,
      reason: status === 'True' ? 'Ready' : 'Invalid',
      message: '.',
      observedGeneration: 1,
      lastTransitionTime: '2026-11-30T10:00:00Z',
    })
    const write = async (conditions: object[]) => {
      const status = { observedGeneration: 1, conditions }
      await client.apply(resource, { metadata, status } as KubeObject, {
        fieldManager,
        force: true,
        subresource: 'status',
      })
      expect((await client.get<WithStatus>(resource, 'default', 'fresh'))?.status).toEqual(status)
    }
    await write([condition('Ready', 'True'), condition('Stalled', 'True')])
    await write([condition('Ready', 'False')])
    await write([condition('Ready', 'True')])
    await run(['wait', '--for=condition=Ready', '--timeout=5s', `${name}/fresh`])
  })

  it('takes no status from whoever creates it', async () => {
    const forged = { conditions: [{ ...unseenStatus.conditions[0], status: 'True', reason: 'Ready' }] }
    const sample = { ...sampleOf(kind), metadata: { name: 'forged', namespace: 'default' }, status: forged }
    await client.create(resource, sample as unknown as KubeObject)
    expect((await client.get<WithStatus>(resource, 'default', 'forged'))?.status).toEqual(unseenStatus)
  })
})

describe('an ApiClient without a spec', () => {
  const stored = { type: 'Workload', suspended: false }
  const apiClient = (name: string, more: object = {}) => ({
    apiVersion: 'latchkey.dev/v1alpha1',
    kind: 'ApiClient',
    metadata: { name, namespace: 'default' },
    ...more,
  })
  const specOf = async (name: string) => (await client.get<WithStatus>(resources.apiClients, 'default', name))?.spec
  const ways = { 'client-side': [], 'server-side': ['--server-side'] }

  it.each(Object.entries(ways))('is accepted by %s apply, absent or null, again and again', async (way, flags) => {
    for (const [what, spec] of [
      ['absent', {}],
      ['null', { spec: null }],
      ['empty', { spec: {} }],
    ] as const) {
      const name = `${way}-${what}`
      for (let times = 0; times < 2; times++) await run(['apply', ...flags, '--filename=-'], [apiClient(name, spec)])
      expect(await specOf(name), name).toEqual(stored)
    }
  })

  it.each(Object.entries(ways))('takes fields by %s apply later, and gives them back', async (way, flags) => {
    const name = `${way}-later`
    const apply = (spec: object) => run(['apply', ...flags, '--filename=-'], [apiClient(name, spec)])
    await apply({})
    await apply({ spec: { displayName: 'Shop' } })
    expect(await specOf(name)).toEqual({ ...stored, displayName: 'Shop' })
    await apply({})
    expect(await specOf(name)).toEqual(stored)
    await expect(apply({ spec: { clientId: 'default.x' } })).rejects.toThrow('clientId is immutable')
  })

  it('and all of the first YAML of the README is accepted as it stands', async () => {
    const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8')
    const yaml = /```yaml\n([\s\S]*?)```/.exec(readme)?.[1] ?? ''
    const objects = parseAllDocuments(yaml).map(document => document.toJS() as KubeObject)
    expect(objects.length).toBe(5)
    for (const name of new Set(objects.map(({ metadata }) => metadata.namespace ?? '')))
      await client.create(resources.namespaces, { metadata: { name } })
    await run(['apply', '--filename=-'], objects)
    await run(['apply', '--server-side', '--force-conflicts', '--filename=-'], objects)
  })
})

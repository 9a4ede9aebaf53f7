import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { crdOf } from '../../../core/api/crd.ts'
import { guardedService } from '../../../core/api/guarded-service.ts'
import { fieldManager } from '../../../operator/status.ts'
import { createKubeClient, type KubeClient, type KubeObject } from '../../../platform/kube/client.ts'
import { loadKubeConnection } from '../../../platform/kube/connection.ts'
import { guardedServices } from '../../../platform/kube/resources.ts'
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts'
import { crds } from '../install-crds.ts'
import { sampleOf } from './samples.ts'

/** `spec.routes[].tags` as release 0.1.0 had it. */
const listOfWords = {
  type: 'array',
  maxItems: 16,
  'x-kubernetes-list-type': 'set',
  items: { type: 'string', maxLength: 63 },
}
const name = 'guardedservices.latchkey.dev'
let plane: ControlPlane
let client: KubeClient

/** The CRD of this release, or with tags as they were. */
function crdWith(tags?: object): KubeObject {
  const crd = structuredClone(crdOf(guardedService)) as unknown as KubeObject & {
    spec: { versions: [{ schema: { openAPIV3Schema: Nested } }] }
  }
  const { spec } = crd.spec.versions[0].schema.openAPIV3Schema.properties
  const route = spec?.properties.routes?.items.properties
  if (tags && route) Object.assign(route, { tags })
  return crd
}
interface Nested {
  readonly properties: Record<string, Nested>
  readonly items: Nested
}

const withTags = (object: string, tags: unknown, change: object = {}): KubeObject => {
  const sample = sampleOf('GuardedService')
  const [route] = sample.spec.routes as object[]
  const spec = { ...sample.spec, audience: `https://${object}.default.svc`, routes: [{ ...route, tags }], ...change }
  return { ...sample, metadata: { name: object, namespace: 'default' }, spec } as unknown as KubeObject
}
const apply = (object: KubeObject, manager = 'kubectl', force = false) =>
  client.apply(guardedServices, object, { fieldManager: manager, force })
/** The API server takes a while to serve another schema. */
const served = (object: KubeObject) => vi.waitFor(() => apply(object), { timeout: 15_000, interval: 50 })
const tagsOf = async (object: string) => {
  const found = await client.get<KubeObject & { spec: { routes: { tags?: unknown }[] } }>(
    guardedServices,
    'default',
    object,
  )
  return found?.spec.routes[0]?.tags
}
const status = (object: string, message: string): KubeObject => {
  const lastTransitionTime = '2026-11-30T00:00:00Z'
  const condition = { type: 'Ready', status: 'True', reason: 'Ready', message, lastTransitionTime }
  return { metadata: { name: object, namespace: 'default' }, status: { conditions: [condition] } } as KubeObject
}
const applyStatus = (object: string, message: string) =>
  client.apply(guardedServices, status(object, message), { fieldManager, force: true, subresource: 'status' })

const stored = ['applied', 'created', 'status', 'same', 'longer', 'map', 'other', 'none', 'patched'] as const

beforeAll(async () => {
  plane = await startControlPlane({ name: 'stored-tags' })
  client = createKubeClient(loadKubeConnection({ kubeconfig: plane.kubeconfig }))
  await client.create(crds, crdWith(listOfWords))
  await served(withTags('applied', ['pci', 'pii']))
  for (const object of stored) {
    if (object === 'created') await client.create(guardedServices, withTags(object, ['pci', 'pii']))
    else await apply(withTags(object, ['pci', 'pii']))
    await applyStatus(object, 'before')
  }
  // The schema was that of the release before, or nothing of this would say anything.
  await expect(apply(withTags('proof', { kind: 'orders' }))).rejects.toMatchObject({ status: expect.any(Number) })
  const { spec } = crdWith() as KubeObject & { spec: object }
  await client.patch(crds, undefined, name, { spec }, { type: 'merge' })
  await served(withTags('proof', { kind: 'orders' }))
})
afterAll(async () => {
  await client?.close()
  await plane?.stop()
})

describe('over a list of words that release 0.1.0 stored', () => {
  it.each(['applied', 'created'])('the operator applies its status, and the words stay (%s)', async object => {
    await expect(applyStatus(object, 'after')).resolves.toMatchObject({
      status: { conditions: [{ message: 'after' }] },
    })
    expect(await tagsOf(object)).toEqual(['pci', 'pii'])
  })

  it('its author applies the same again', async () => {
    await apply(withTags('same', ['pci', 'pii']))
    expect(await tagsOf('same')).toEqual(['pci', 'pii'])
    await applyStatus('same', 'after')
  })

  it('its author applies another list', async () => {
    await apply(withTags('longer', ['pci', 'gdpr', 'pii']))
    expect(await tagsOf('longer')).toEqual(['pci', 'gdpr', 'pii'])
    await applyStatus('longer', 'after')
  })

  it('its author applies a map, then another one: what is left out goes', async () => {
    await apply(withTags('map', { kind: 'orders', tenant: '{tenant}' }))
    expect(await tagsOf('map')).toEqual({ kind: 'orders', tenant: '{tenant}' })
    await apply(withTags('map', { kind: 'refunds' }))
    expect(await tagsOf('map')).toEqual({ kind: 'refunds' })
    await applyStatus('map', 'after')
    expect(await tagsOf('map')).toEqual({ kind: 'refunds' })
  })

  it('its author takes the tags out', async () => {
    await apply(withTags('none', undefined))
    expect(await tagsOf('none')).toBeUndefined()
  })

  it('somebody else applies another field', async () => {
    const sample = sampleOf('GuardedService')
    const spec = { targetRef: sample.spec.targetRef, mode: 'Audit' }
    const { apiVersion, kind } = sample
    const metadata = { name: 'other', namespace: 'default' }
    await apply({ apiVersion, kind, metadata, spec } as KubeObject, 'argocd', true)
    expect(await tagsOf('other')).toEqual(['pci', 'pii'])
    await applyStatus('other', 'after')
  })

  it('somebody patches a map into its place', async () => {
    const found = withTags('patched', { kind: 'orders' }) as KubeObject & { spec: { routes: unknown } }
    await client.patch(guardedServices, 'default', 'patched', { spec: { routes: found.spec.routes } })
    expect(await tagsOf('patched')).toEqual({ kind: 'orders' })
    await applyStatus('patched', 'after')
    await apply(withTags('patched', { kind: 'orders', pci: '' }), 'kubectl', true)
    expect(await tagsOf('patched')).toEqual({ kind: 'orders', pci: '' })
  })
})

describe('a map, once somebody has gone back to release 0.1.0 and its schema', () => {
  it('is in the way of whoever applies, until it is patched away as docs/upgrading.md says', async () => {
    for (const object of ['back', 'untagged']) {
      await apply(withTags(object, object === 'back' ? { kind: 'orders' } : undefined))
      await applyStatus(object, 'before')
    }
    const { spec } = crdWith(listOfWords) as KubeObject & { spec: object }
    await client.patch(crds, undefined, name, { spec }, { type: 'merge' })
    const refused = { status: 500 }
    await vi.waitFor(() => expect(applyStatus('back', 'after')).rejects.toMatchObject(refused), { timeout: 15_000 })
    await expect(apply(withTags('back', undefined))).rejects.toMatchObject(refused)
    await expect(applyStatus('untagged', 'after')).resolves.toBeDefined()
    await client.patch(guardedServices, 'default', 'back', [{ op: 'remove', path: '/spec/routes/0/tags' }], {
      type: 'json',
    })
    await expect(applyStatus('back', 'after')).resolves.toMatchObject({
      status: { conditions: [{ message: 'after' }] },
    })
    await apply(withTags('back', undefined))
  })
})

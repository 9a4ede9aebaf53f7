import { afterAll, beforeAll, expect, it } from 'vitest'
import { createKubeClient, type KubeClient, type KubeObject, type Resource } from '../../../platform/kube/client.ts'
import { loadKubeConnection } from '../../../platform/kube/connection.ts'
import { apiClients, namespaces } from '../../../platform/kube/resources.ts'
import type { ControlPlane } from '../../cluster/control-plane.ts'
import { workerControlPlane } from '../worker-control-plane.ts'

const configMaps: Resource = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true }
const crds: Resource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
}
let plane: ControlPlane
let client: KubeClient
beforeAll(async () => {
  plane = await workerControlPlane()
  client = createKubeClient(loadKubeConnection({ kubeconfig: plane.kubeconfig }))
})
afterAll(() => client?.close())

it('is given to the next file as it was made: what came is gone, what changed is back', async () => {
  const name = 'apiclients.latchkey.dev'
  const before = await client.get<KubeObject>(crds, undefined, name)
  await client.create(namespaces, { metadata: { name: 'left' } })
  await client.create(apiClients, { metadata: { name: 'left', namespace: 'left' }, spec: {} } as KubeObject)
  for (let at = 0; at < 150; at++)
    await client.create(configMaps, { metadata: { name: `left-${at}`, namespace: 'default' } })
  await client.patch(crds, undefined, name, { metadata: { labels: { left: 'behind' } } })

  const next = await workerControlPlane()
  expect(next.url).toBe(plane.url)
  await expect.poll(() => client.get(namespaces, undefined, 'left')).toBeUndefined()
  expect((await client.list(apiClients)).items).toEqual([])
  expect(
    (await client.list(configMaps, { namespace: 'default' })).items.map(({ metadata }) => metadata.name),
  ).not.toContain('left-149')
  const after = await client.get<KubeObject>(crds, undefined, name)
  expect({ ...after?.metadata, resourceVersion: '' }).toEqual({ ...before?.metadata, resourceVersion: '' })

  // The same names are free again.
  const again = await client.create<KubeObject>(namespaces, { metadata: { name: 'left' } })
  expect(again.metadata.name).toBe('left')
})

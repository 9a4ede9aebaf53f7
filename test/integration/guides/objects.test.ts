import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { createKubeClient, type KubeClient, type KubeObject } from '../../../platform/kube/client.ts'
import { loadKubeConnection } from '../../../platform/kube/connection.ts'
import { namespaces } from '../../../platform/kube/resources.ts'
import type { ControlPlane } from '../../cluster/control-plane.ts'
import { documents } from '../../unit/docs/documents.ts'
import { kubectl } from '../chart/render-chart.ts'
import { workerControlPlane } from '../worker-control-plane.ts'

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

const guides = documents().filter(({ path }) => path.startsWith('docs/guides/'))
const ours = guides.flatMap(({ path, text }) =>
  [...text.matchAll(/^```yaml\n([\s\S]*?)^```/gm)]
    .flatMap(([, yaml = '']) =>
      parseAllDocuments(yaml).map(document => document.toJS() as KubeObject & { apiVersion?: string }),
    )
    .filter(object => object?.apiVersion?.startsWith('latchkey.dev/'))
    .map(object => ({ path, object })),
)

test('the API server takes every object of ours that guides show', async () => {
  expect(ours.length).toBeGreaterThan(2)
  const names = new Set(ours.map(({ object }) => object.metadata.namespace ?? 'default'))
  for (const name of names)
    if (!(await client.get(namespaces, undefined, name))) await client.create(namespaces, { metadata: { name } })
  for (const { path, object } of ours) {
    const said = await kubectl(plane.kubeconfig, ['apply', '--dry-run=server', '--filename=-'], [object]).catch(String)
    expect([path, said]).toEqual([path, expect.stringContaining('(server dry run)')])
  }
})

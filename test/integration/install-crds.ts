import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { parse } from 'yaml'
import type { KubeClient, KubeObject } from '../../platform/kube/client.ts'
import * as resources from '../../platform/kube/resources.ts'

export const crds = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
}
const ours = [
  resources.apiClients,
  resources.accessKeys,
  resources.roles,
  resources.accessGrants,
  resources.guardedServices,
  resources.tokenRecords,
]

/** Creates the CRDs of `crds/` and returns when the API server serves all of them. */
export async function installCrds(client: KubeClient): Promise<void> {
  const folder = new URL('../../crds/', import.meta.url)
  for (const file of readdirSync(folder).filter(name => name.endsWith('.yaml')))
    await client.create(crds, parse(readFileSync(new URL(file, folder), 'utf8')) as KubeObject)
  for (const resource of ours) await served(client, resource, Date.now() + 30_000)
}

async function served(client: KubeClient, resource: (typeof ours)[number], deadline: number): Promise<void> {
  for (;;) {
    const found = await client.list(resource, { limit: 1 }).then(
      () => true,
      () => false,
    )
    if (found) return
    if (Date.now() > deadline) throw new Error(`the API server does not serve ${resource.plural}`)
    await setTimeout(50)
  }
}

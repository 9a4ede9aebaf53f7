import { setTimeout } from 'node:timers/promises'
import type { KubeClient, KubeObject } from '../../platform/kube/client.ts'
import { namespaces } from '../../platform/kube/resources.ts'

/**
 * Deletes a namespace whose objects are gone already, and makes it anew: same name, another uid. Where no controller
 * manager runs, this ends the namespace in its place.
 * @returns the uid of the new one
 */
export async function remakeNamespace(client: KubeClient, name: string): Promise<string> {
  await client.delete(namespaces, undefined, name)
  const ending = await client.get<KubeObject>(namespaces, undefined, name)
  await client.raw('PUT', `/api/v1/namespaces/${name}/finalize`, { ...ending, spec: { finalizers: [] } })
  while (await client.get(namespaces, undefined, name)) await setTimeout(50)
  const made = await client.create<KubeObject>(namespaces, { metadata: { name } })
  return made.metadata.uid ?? ''
}

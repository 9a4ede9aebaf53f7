import { randomBytes } from 'node:crypto'
import type { KubeClient, KubeObject, Resource } from '../../platform/kube/client.ts'
import { accessKeys, apiClients, namespaces, secrets } from '../../platform/kube/resources.ts'
import { inFlight } from '../control-plane/in-flight.ts'
import { secretBytes } from './write-secrets.ts'

type WithStatus = KubeObject & { readonly status?: unknown }

const applied = { fieldManager: 'bench', force: true, subresource: 'status' } as const

/**
 * What the operator wrote for its keys, for so many others and with nothing between: a Secret and two statuses each, these
 * as they stand at objects of its own. An update of a custom resource costs the API server several times a new Secret.
 * @returns writes a second
 */
export async function writeTheSame(client: KubeClient, namespace: string, keys: number): Promise<number> {
  await client.create(namespaces, { metadata: { name: namespace } })
  const [keyStatus, clientStatus] = [await statusOf(client, accessKeys), await statusOf(client, apiClients)]
  const placeOf = (at: number): { namespace: string; name: string } => ({ namespace, name: `same-${at}` })
  await inFlight(keys, async at => {
    const metadata = placeOf(at)
    await client.create(apiClients, { metadata, spec: {} } as KubeObject)
    await client.create(accessKeys, { metadata, spec: { clientRef: { name: metadata.name } } } as KubeObject)
  })
  const data = { content: randomBytes(secretBytes).toString('base64') }
  const began = performance.now()
  await inFlight(keys, async at => {
    const metadata = placeOf(at)
    await client.create(secrets, { metadata, data } as KubeObject)
    await client.apply(accessKeys, { metadata, status: keyStatus } as KubeObject, applied)
    await client.apply(apiClients, { metadata, status: clientStatus } as KubeObject, applied)
  })
  return (3 * keys * 1_000) / (performance.now() - began)
}

async function statusOf(client: KubeClient, resource: Resource): Promise<unknown> {
  const { items } = await client.list<WithStatus>(resource, { limit: 1 })
  return items[0]?.status
}

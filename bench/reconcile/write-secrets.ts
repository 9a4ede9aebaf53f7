import { randomBytes } from 'node:crypto'
import type { KubeClient, KubeObject } from '../../platform/kube/client.ts'
import { namespaces, secrets } from '../../platform/kube/resources.ts'
import { inFlight } from '../control-plane/in-flight.ts'

/** About what the Secret of an Ed25519 key holds. */
export const secretBytes = 1_500

/** Creates Secrets as fast as the API server takes them. @returns how many a second */
export async function writeSecrets(client: KubeClient, namespace: string, count: number): Promise<number> {
  await client.create(namespaces, { metadata: { name: namespace } })
  const data = { content: randomBytes(secretBytes).toString('base64') }
  const began = performance.now()
  await inFlight(count, at =>
    client.create(secrets, { metadata: { namespace, name: `secret-${at}` }, data } as KubeObject),
  )
  return (count * 1_000) / (performance.now() - began)
}

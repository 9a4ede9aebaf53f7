import type { KubeClient, KubeObject } from '../../platform/kube/client.ts'
import { accessKeys, apiClients, namespaces } from '../../platform/kube/resources.ts'
import { inFlight } from './in-flight.ts'

const namespaceCount = 500

/** Where the client of this number, and its key of the same name, are. */
export function placeOf(at: number): { namespace: string; name: string } {
  return { namespace: `team-${at % namespaceCount}`, name: `client-${at}` }
}

export async function addNamespaces(client: KubeClient): Promise<void> {
  await inFlight(namespaceCount, at => client.create(namespaces, { metadata: { name: `team-${at}` } }))
}

/** Clients from one number to before another, each with an AccessKey, over the namespaces. */
export async function addAccessKeys(client: KubeClient, from: number, to: number): Promise<void> {
  await inFlight(to - from, async offset => {
    const metadata = placeOf(from + offset)
    await client.create(apiClients, { metadata, spec: {} } as KubeObject)
    await client.create(accessKeys, { metadata, spec: { clientRef: { name: metadata.name } } } as KubeObject)
  })
}

/** How many AccessKeys say that they can be used. */
export async function countReady(client: KubeClient): Promise<number> {
  let ready = 0
  let next: string | undefined
  do {
    const page = await client.scan(
      accessKeys,
      ({ status }: KubeObject & { status?: { state?: string } }) => (status?.state === 'Active' ? true : undefined),
      { limit: 500, ...(next !== undefined && { continue: next }), signal: AbortSignal.timeout(60_000) },
    )
    ready += page.kept.length
    next = page.continue
  } while (next !== undefined)
  return ready
}

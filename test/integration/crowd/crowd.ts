import type { KubeClient, KubeObject } from '../../../platform/kube/client.ts'
import { configMaps, guardedServices, services } from '../../../platform/kube/resources.ts'

/** A document as long as asked, as YAML, with some hundred operations. */
export function longDocument(tag: string, bytes = 440_000, operations = 300): string {
  const parts = ['openapi: 3.0.3\ninfo: { title: x, version: "1" }\npaths:\n']
  for (let at = 0; at < operations; at++) {
    parts.push(`  /${tag}/things-${at}/{id}:\n    get: { operationId: get-${at}, responses: {} }\n`)
  }
  parts.push('components:\n  schemas:\n')
  let length = parts.reduce((sum, part) => sum + part.length, 0)
  for (let at = 0; length < bytes; at++) {
    const schema = `    Schema${at}:\n      type: object\n      properties:\n        name: { type: string, maxLength: 64 }\n`
    parts.push(schema)
    length += schema.length
  }
  return parts
    .join('')
    .slice(0, bytes)
    .replace(/[^\n]*$/, '')
}

/** As long as a document may be: 2 MiB, a quarter of it descriptions. */
export function longestDocument(tag: string): string {
  const long = `${longDocument(tag, 1_500_000)}x-described:\n`
  const described = `  - description: ${'what it is and what it does '.repeat(12)}\n`
  return long + described.repeat(Math.floor((2 * 1024 * 1024 - long.length) / described.length))
}

/** So many GuardedServices of one namespace, each with a long document of its own. */
export async function addCrowd(client: KubeClient, namespace: string, count: number): Promise<void> {
  for (let at = 0; at < count; at++) {
    const name = `greedy-${at}`
    await client.create(configMaps, {
      metadata: { namespace, name },
      data: { 'openapi.yaml': longDocument(`v0-${at}`) },
    } as KubeObject)
    await addGuarded(client, namespace, name, name)
  }
}

/** Changes one document after the other, 12 in a second: etcd holds all that was until it compacts. */
export async function keepChanging(
  client: KubeClient,
  namespace: string,
  count: number,
  signal: AbortSignal,
): Promise<number> {
  let changes = 0
  for (let version = 1; !signal.aborted; version++) {
    for (let at = 0; at < count && !signal.aborted; at++, changes++) {
      await client.patch(configMaps, namespace, `greedy-${at}`, {
        data: { 'openapi.yaml': longDocument(`v${version}-${at}`) },
      })
      await new Promise(resolve => setTimeout(resolve, 1_000 / 12))
    }
  }
  return changes
}

/** A Service, and a GuardedService of the same name. */
export async function addGuarded(
  client: KubeClient,
  namespace: string,
  name: string,
  document?: string,
): Promise<KubeObject> {
  await client.create(services, {
    metadata: { namespace, name },
    spec: { selector: { app: 'app' }, ports: [{ port: 80, targetPort: 'guard' }] },
  } as KubeObject)
  return client.create(guardedServices, {
    metadata: { namespace, name },
    spec: {
      targetRef: { name, port: 80 },
      ...(document !== undefined && { openapi: { configMapRef: { name: document } } }),
    },
  } as KubeObject)
}

import type { GuardedService } from '../core/api/guarded-service.ts'
import { installationOf, keyOf } from '../core/registry/ids.ts'
import { type OpenApiSource, readOpenApi } from '../core/registry/openapi-document.ts'
import { type ResolvedClient, resolveClients } from '../core/registry/resolve-clients.ts'
import { type ResolvedService, resolveServices } from '../core/registry/resolve-services.ts'
import type { KubeClient } from '../platform/kube/client.ts'
import { configMaps } from '../platform/kube/resources.ts'
import { readYaml } from '../platform/read-yaml.ts'
import type { Config } from './config.ts'
import type { ConfigMapOf, Sources } from './sources.ts'

/** What the objects decide about each other, computed when asked and remembered until something changed. */
export interface Resolved {
  clients(): ReadonlyMap<string, ResolvedClient>
  services(): ReadonlyMap<string, ResolvedService>
  /** Whether objects of this namespace are this installation's. */
  isOurs(namespace: string | undefined): boolean
  /** Called with the key of each client, or service, about which something else is decided than before. */
  onClient(handler: (key: string) => void): () => void
  onService(handler: (key: string) => void): () => void
  /** Whether the OpenAPI document of the service, if it names one, was read since it named it. */
  hasDocument(service: GuardedService): boolean
  /** Reads the OpenAPI documents anew. One that cannot be read delays no other. */
  readDocuments(): Promise<void>
}

type Rules = Pick<Config, 'installation' | 'issuerUrl' | 'clientIds' | 'reservedAudiences'>

/** @param client reads the ConfigMaps that hold OpenAPI documents; they are not watched */
export function createResolved(sources: Sources, config: Rules, client: Pick<KubeClient, 'get'>): Resolved {
  const documents = new Map<string, OpenApiSource>()
  const read = new Map<string, string>()
  const clients = remember(() =>
    resolveClients({ ...config, clients: sources.clients.store.values(), namespaces: sources.namespaces.store }),
  )
  const services = remember(() =>
    resolveServices({
      ...config,
      services: sources.services.store.values(),
      targets: sources.targets.store,
      namespaces: sources.namespaces.store,
      documents,
    }),
  )
  sources.clients.onChange(clients.forget)
  sources.services.onChange(services.forget)
  sources.targets.onChange(({ key }) => {
    if (sources.by.guardedOfTarget.get(key).length > 0) services.forget()
  })
  sources.namespaces.onChange(() => {
    clients.forget()
    services.forget()
  })

  async function readDocument(key: string, service: GuardedService): Promise<void> {
    const name = service.spec.openapi?.configMapRef.name ?? ''
    const found = await client.get<ConfigMapOf>(configMaps, service.metadata.namespace, name)
    const source = readOpenApi(service, found, readYaml)
    const ref = refOf(service)
    const before = documents.get(key)
    if (before && read.get(key) === ref && JSON.stringify(source) === JSON.stringify(before)) return
    read.set(key, ref)
    documents.set(key, source)
    services.forget()
  }

  async function readDocuments(): Promise<void> {
    const wanted = new Map([...sources.services.store].filter(([, service]) => service.spec.openapi))
    for (const key of documents.keys()) if (!wanted.has(key)) documents.delete(key)
    const results = await Promise.allSettled([...wanted].map(([key, service]) => readDocument(key, service)))
    const failed = results.find(result => result.status === 'rejected')
    if (failed) throw failed.reason
  }

  return {
    clients: clients.get,
    services: services.get,
    onClient: clients.onDifference,
    onService: services.onDifference,
    isOurs(name) {
      const namespace = sources.namespaces.store.get(name ?? '')
      return namespace !== undefined && installationOf(namespace) === config.installation
    },
    hasDocument: service => !service.spec.openapi || read.get(keyOf(service)) === refOf(service),
    readDocuments,
  }
}

function refOf({ spec }: GuardedService): string {
  return JSON.stringify(spec.openapi?.configMapRef)
}

interface Remembered<V> {
  get(): ReadonlyMap<string, V>
  forget(): void
  onDifference(handler: (key: string) => void): () => void
}

/** Computes at most once per change of its inputs, and tells which entries differ from those told before. */
function remember<V extends { readonly reason: string }>(compute: () => Map<string, V>): Remembered<V> {
  const handlers = new Set<(key: string) => void>()
  let current: Map<string, V> | undefined
  let told = new Map<string, string>()
  let scheduled = false

  function get(): ReadonlyMap<string, V> {
    current ??= compute()
    return current
  }

  // After all events that arrived together: one change of a namespace concerns many.
  function tell(): void {
    scheduled = false
    const now = new Map([...get()].map(([key, value]) => [key, fingerprint(value)]))
    const differing = [...new Set([...told.keys(), ...now.keys()])].filter(key => told.get(key) !== now.get(key))
    told = now
    for (const key of differing) for (const handler of handlers) handler(key)
  }

  return {
    get,
    forget() {
      current = undefined
      if (!scheduled) setImmediate(tell)
      scheduled = true
    },
    onDifference(handler) {
      handlers.add(handler)
      return () => void handlers.delete(handler)
    },
  }
}

/** What is decided, without the objects themselves: their status changes at every pass of ours. */
function fingerprint(value: object): string {
  return JSON.stringify(value, (name, member: unknown) => {
    if (name === 'client' || name === 'service') {
      const { metadata, spec } = member as { metadata?: { uid?: string; generation?: number }; spec?: unknown }
      return [metadata?.uid, metadata?.generation, name === 'service' && metadata?.generation === undefined ? spec : 0]
    }
    return member
  })
}

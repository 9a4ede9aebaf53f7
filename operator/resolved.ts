import type { GuardedService } from '../core/api/guarded-service.ts'
import { installationOf } from '../core/registry/ids.ts'
import { createInspector } from '../core/registry/inspector.ts'
import { type ResolvedClient, resolveClients } from '../core/registry/resolve-clients.ts'
import { type ResolvedService, resolveServices } from '../core/registry/resolve-services.ts'
import type { Documents } from '../cluster/openapi/documents.ts'
import type { Config } from './config.ts'
import type { Sources } from './sources.ts'

/** What the objects decide about each other, computed when asked and remembered until something changed. */
export interface Resolved {
  clients(): ReadonlyMap<string, ResolvedClient>
  services(): ReadonlyMap<string, ResolvedService>
  /** Whether objects of this namespace are this installation's. */
  isOurs(namespace: string | undefined): boolean
  /** Called with the key of each client, or service, about which something else is decided than before. */
  onClient(handler: (key: string) => void): () => void
  onService(handler: (key: string) => void): () => void
  /** Whether something can be said of the OpenAPI document that the service names, if it names one. */
  hasDocument(service: GuardedService): boolean
  /** Called with the key of each service whose document was looked at with another outcome than before. */
  onDocument(handler: (key: string) => void): () => void
}

type Rules = Pick<Config, 'installation' | 'issuerUrl' | 'clientIds' | 'reservedAudiences'>

export function createResolved(
  sources: Sources,
  config: Rules,
  documents: Pick<Documents, 'get' | 'isSettled' | 'onChange'>,
): Resolved {
  const inspector = createInspector()
  const clients = remember(() =>
    resolveClients({ ...config, clients: sources.clients.store.values(), namespaces: sources.namespaces.store }),
  )
  const services = remember(() =>
    resolveServices({
      ...config,
      services: sources.services.store.values(),
      targets: sources.targets.store,
      namespaces: sources.namespaces.store,
      documents: documents.get,
      inspect: inspector.inspect,
    }),
  )
  sources.clients.onChange(clients.forget)
  sources.services.onChange(({ type, key }) => {
    if (type === 'deleted') inspector.forget(key)
    services.forget()
  })
  sources.targets.onChange(({ key }) => {
    if (sources.by.guardedOfTarget.get(key).length > 0) services.forget()
  })
  sources.namespaces.onChange(() => {
    clients.forget()
    services.forget()
  })

  // Told also when nothing else is decided: a status may have to say that the document was read.
  const settled = new Set<(key: string) => void>()
  documents.onChange(key => {
    services.forget()
    for (const handler of settled) handler(key)
  })

  return {
    clients: clients.get,
    services: services.get,
    onClient: clients.onDifference,
    onService: services.onDifference,
    isOurs(name) {
      const namespace = sources.namespaces.store.get(name ?? '')
      return namespace !== undefined && installationOf(namespace) === config.installation
    },
    hasDocument: documents.isSettled,
    onDocument(handler) {
      settled.add(handler)
      return () => void settled.delete(handler)
    },
  }
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

const listIds = new WeakMap<object, number>()
let lists = 0

/** The same while it is the same list: routes are made once and never changed, and there may be thousands. */
function listId(list: readonly unknown[]): number {
  if (list.length === 0) return 0
  const id = listIds.get(list) ?? ++lists
  listIds.set(list, id)
  return id
}

/** What is decided, without the objects themselves: their status changes at every pass of ours. */
function fingerprint(value: object): string {
  return JSON.stringify(value, (name, member: unknown) => {
    if (name === 'routes') return listId(member as unknown[])
    if (name === 'client' || name === 'service') {
      const { metadata, spec } = member as { metadata?: { uid?: string; generation?: number }; spec?: unknown }
      return [metadata?.uid, metadata?.generation, name === 'service' && metadata?.generation === undefined ? spec : 0]
    }
    return member
  })
}

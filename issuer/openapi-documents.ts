import type { GuardedService } from '../core/api/guarded-service.ts'
import { keyOf } from '../core/registry/ids.ts'
import type { ConfigMapObject } from '../core/registry/kubernetes.ts'
import { type OpenApiSource, readOpenApi } from '../core/registry/openapi-document.ts'
import type { Seen } from '../core/snapshot/frames.ts'
import { type Clock, systemClock } from '../platform/clock.ts'
import type { KubeClient } from '../platform/kube/client.ts'
import { configMaps } from '../platform/kube/resources.ts'
import type { Logger } from '../platform/log.ts'
import { readYaml } from '../platform/read-yaml.ts'
import type { Objects } from './objects.ts'

/** How often a document is read again, in milliseconds: ConfigMaps are not watched, for most have nothing to do with us. */
const rereadMs = 30_000

/** The OpenAPI documents that services name, read from their ConfigMaps. */
export interface Documents {
  /** Reads all there are to read; afterwards they are kept up to date. What cannot be read now is read later. */
  start(): Promise<void>
  /** undefined until it was read. */
  get(service: GuardedService): OpenApiSource | undefined
  /** The version of the ConfigMap that a service's routes come from, as a component of its own. */
  seenOf(service: string): Seen
  onChange(handler: () => void): void
  stop(): void
}

interface HeldDocument {
  readonly ref: string
  readonly version: string
  readonly source: OpenApiSource
}

export function createDocuments(
  client: Pick<KubeClient, 'get'>,
  objects: Objects,
  options: { log: Logger; clock?: Clock },
): Documents {
  const { log, clock = systemClock } = options
  const held = new Map<string, HeldDocument>()
  const handlers = new Set<() => void>()
  let cancel: (() => void) | undefined
  let started = false
  let stopped = false

  objects.guardedservices.onChange(({ type, key, object }) => {
    if (type === 'deleted') held.delete(key)
    else if (started && object.spec.openapi && held.get(key)?.ref !== refOf(object)) void read(object)
  })

  async function read(service: GuardedService): Promise<void> {
    const key = keyOf(service)
    const name = service.spec.openapi?.configMapRef.name ?? ''
    try {
      const configMap = await client.get<ConfigMapObject>(configMaps, service.metadata.namespace, name)
      const current = objects.guardedservices.store.get(key)
      if (!current || refOf(current) !== refOf(service)) return
      const old = held.get(key)
      const version = configMap?.metadata.resourceVersion ?? ''
      if (old?.version === version && old.ref === refOf(service)) return
      held.set(key, { ref: refOf(service), version, source: readOpenApi(service, configMap, readYaml) })
      for (const handler of handlers) handler()
    } catch (error) {
      log.warn({ err: error, service: key }, 'the OpenAPI document was not read, trying again')
    }
  }

  async function readAll(): Promise<void> {
    const services = [...objects.guardedservices.store.values()].filter(service => service.spec.openapi)
    for (const service of services) await read(service)
    if (!stopped) cancel = clock.after(rereadMs, () => void readAll())
  }

  return {
    start() {
      started = true
      return readAll()
    },
    get(service) {
      const document = held.get(keyOf(service))
      return document?.ref === refOf(service) ? document.source : undefined
    },
    seenOf(key) {
      const document = held.get(key)
      const service = objects.guardedservices.store.get(key)
      const name = service?.spec.openapi?.configMapRef.name
      if (!document?.version || name === undefined) return {}
      return { [`configmaps/${service?.metadata.namespace}/${name}`]: document.version }
    },
    onChange: handler => void handlers.add(handler),
    stop() {
      stopped = true
      cancel?.()
    },
  }
}

function refOf({ spec }: GuardedService): string {
  return JSON.stringify(spec.openapi?.configMapRef ?? null)
}

import type { DocumentReader } from '../../../cluster/openapi/document-reader.ts'
import type { GuardedService } from '../../../core/api/guarded-service.ts'
import { keyOf } from '../../../core/registry/ids.ts'
import { readContent } from '../../../core/registry/openapi-document.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import type { Change } from '../../../platform/kube/object-store.ts'
import { documentReaders } from '../../../platform/openapi/document-readers.ts'

type Service = GuardedService & KubeObject

/** A store of GuardedServices that a test changes. */
export function createServices() {
  const store = new Map<string, Service>()
  const handlers = new Set<(change: Change<Service>) => void>()
  const tell = (change: Change<Service>): void => {
    for (const handler of handlers) handler(change)
  }
  let version = 0

  return {
    store,
    onChange(handler: (change: Change<Service>) => void) {
      handlers.add(handler)
      return () => void handlers.delete(handler)
    },
    put(namespace: string, name: string, configMap: string | undefined, more: { uid?: string; key?: string } = {}) {
      const { uid = `uid-${namespace}-${name}`, key } = more
      const object: Service = {
        metadata: { namespace, name, uid, generation: ++version },
        spec: {
          targetRef: { name, port: 80 },
          ...(configMap !== undefined && { openapi: { configMapRef: { name: configMap, ...(key && { key }) } } }),
        },
      }
      const old = store.get(keyOf(object))
      store.set(keyOf(object), object)
      const change = { key: keyOf(object), object, resourceVersion: String(version) }
      tell(old ? { type: 'updated', old, ...change } : { type: 'added', ...change })
      return object
    },
    remove(key: string): void {
      const object = store.get(key)
      if (!object) return
      store.delete(key)
      tell({ type: 'deleted', key, object, resourceVersion: String(++version) })
    },
  }
}

/** ConfigMaps, with what a test makes of a request. */
export function createConfigMaps() {
  const held = new Map<string, { data: Record<string, string>; resourceVersion: string }>()
  const asked: string[] = []
  let version = 0
  let before: (key: string) => Promise<void> | void = () => {}

  async function answer(key: string, asks: string) {
    asked.push(asks)
    await before(key)
    return held.get(key)
  }

  return {
    /** `namespace/name`, and `?` for the metadata only. */
    asked,
    put(key: string, text: string, name = 'openapi.yaml'): void {
      held.set(key, { data: { [name]: text }, resourceVersion: String(++version) })
    },
    remove: (key: string) => void held.delete(key),
    /** Runs before each answer: it may throw, or wait. */
    beforeAnswer(run: (key: string) => Promise<void> | void): void {
      before = run
    },
    client: {
      async get<T extends KubeObject>(
        _resource: unknown,
        namespace: string | undefined,
        name: string,
      ): Promise<T | undefined> {
        const found = await answer(`${namespace}/${name}`, `${namespace}/${name}`)
        if (!found) return undefined
        const { data, resourceVersion } = found
        return { metadata: { namespace, name, resourceVersion }, data } as unknown as T
      },
      async getMetadata(_resource: unknown, namespace: string | undefined, name: string) {
        const found = await answer(`${namespace}/${name}`, `${namespace}/${name}?`)
        return found && { namespace: namespace ?? '', name, resourceVersion: found.resourceVersion }
      },
    },
  }
}

/** Reads documents here and now, in no thread. */
export const readerAtOnce: DocumentReader = {
  read: async (content, name) => ({ reading: readContent(content, name, documentReaders), spentMs: 0 }),
  stop() {},
}

/** A document with so many operations. */
export function documentOf(operations: number, tag = 'a'): string {
  const paths = Object.fromEntries(Array.from({ length: operations }, (_, at) => [`/${tag}-${at}`, { get: {} }]))
  return JSON.stringify({ openapi: '3.1.0', paths })
}

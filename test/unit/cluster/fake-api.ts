import type { Documents } from '../../../cluster/openapi/documents.ts'
import type { Rules } from '../../../cluster/resolved.ts'
import { type KubeClient, KubeError, type KubeObject, type Resource } from '../../../platform/kube/client.ts'
import type { WatchEvent } from '../../../platform/kube/watch-stream.ts'

type Status = { status?: unknown }

/** An API server in memory. A test says what of it fails, is slow, or gets lost. */
export function createFakeApi() {
  const held = new Map<string, Map<string, KubeObject>>()
  const streams = new Map<string, Set<(event: WatchEvent) => void>>()
  const deaf = new Set<string>()
  const before = new Map<string, () => Promise<void> | void>()
  const written: string[] = []
  let version = 100

  const of = (plural: string) => held.get(plural) ?? new Map<string, KubeObject>()
  const next = (): string => String(++version)

  function tell({ plural }: Resource, type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject): void {
    if (deaf.has(plural)) return
    for (const send of streams.get(plural) ?? []) send({ type, object: structuredClone(object) } as WatchEvent)
  }

  function keep<T extends KubeObject>(resource: Resource, given: T): T {
    const key = keyOf(given)
    const object = { ...given, metadata: { ...given.metadata, resourceVersion: next() } }
    const objects = of(resource.plural)
    const type = objects.has(key) ? 'MODIFIED' : 'ADDED'
    held.set(resource.plural, objects.set(key, object))
    tell(resource, type, object)
    return object
  }

  function end(plural: string, event: WatchEvent): void {
    for (const send of streams.get(plural) ?? []) send(event)
  }

  const client = {
    async list<T extends KubeObject>({ plural }: Resource) {
      await before.get(plural)?.()
      const items = structuredClone([...of(plural).values()]) as T[]
      return { items, resourceVersion: String(version) }
    },
    async *watch({ plural }: Resource, { signal }: { signal: AbortSignal }): AsyncGenerator<WatchEvent> {
      const events: WatchEvent[] = []
      let wake = (): void => {}
      const send = (event: WatchEvent): void => {
        events.push(event)
        wake()
      }
      const open = streams.get(plural) ?? new Set()
      streams.set(plural, open.add(send))
      signal.addEventListener('abort', () => wake())
      try {
        while (!signal.aborted) {
          const event = events.shift()
          if (event) yield event
          else await new Promise<void>(resolve => (wake = resolve))
        }
      } finally {
        open.delete(send)
      }
    },
    async get<T extends KubeObject>({ plural }: Resource, namespace: string | undefined, name: string) {
      return structuredClone(of(plural).get(namespace === undefined ? name : `${namespace}/${name}`)) as T | undefined
    },
    /** Of a status, on the condition that the object is still the one that was read. */
    async apply<T extends KubeObject>(resource: Resource, { metadata, ...rest }: T) {
      const found = of(resource.plural).get(keyOf({ metadata }))
      if (!found) throw new KubeError(`${resource.plural} PATCH`, 404)
      if (found.metadata.resourceVersion !== metadata.resourceVersion)
        throw new KubeError(`${resource.plural} PATCH`, 409)
      written.push(`${resource.plural} ${keyOf(found)}`)
      return keep(resource, { ...found, ...rest }) as unknown as T
    },
  }

  return {
    client: client as unknown as KubeClient,
    /** `plural namespace/name` of each status that was written. */
    written,
    put: keep,
    remove(resource: Resource, key: string): void {
      const object = of(resource.plural).get(key)
      if (!object) return
      held.get(resource.plural)?.delete(key)
      tell(resource, 'DELETED', { ...object, metadata: { ...object.metadata, resourceVersion: next() } })
    },
    statusOf: ({ plural }: Resource, key: string) => (of(plural).get(key) as Status | undefined)?.status,
    /** Runs before each list of the resource is answered: it may throw, or wait. */
    beforeList: ({ plural }: Resource, run: () => Promise<void> | void) => void before.set(plural, run),
    /** From now on the watch tells nothing, though it stands. */
    lose: ({ plural }: Resource) => void deaf.add(plural),
    /** The server has forgotten what the watch did not tell: whoever asks has to list again. */
    restart({ plural }: Resource): void {
      deaf.delete(plural)
      end(plural, { type: 'ERROR', object: { code: 410, reason: 'Expired' } })
    },
  }
}
export type FakeApi = ReturnType<typeof createFakeApi>

/** How long a reflector pauses before it lists again, milliseconds. */
export const relistMs = 100

/** What is waited for until a test lets it come. */
export function createGate(): { wait: () => Promise<void>; open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { wait: () => promise, open: resolve }
}

export const rules: Rules = {
  installation: 'default',
  issuerUrl: 'https://issuer.test/default',
  clientIds: new Map(),
  reservedAudiences: [],
}

/** Of services that name none. */
export const noDocuments: Pick<Documents, 'get' | 'onChange' | 'seenOf' | 'isSettled'> = {
  get: () => undefined,
  onChange: () => () => {},
  seenOf: () => ({}),
  isSettled: () => true,
}

function keyOf({ metadata: { namespace, name } }: KubeObject): string {
  return namespace === undefined ? name : `${namespace}/${name}`
}

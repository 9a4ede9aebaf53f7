import { text } from 'node:stream/consumers'
import type { Metrics } from '../metrics.ts'
import type { KubeConnection } from './access.ts'
import { KubeError, refusal } from './kube-error.ts'
import type { KubeObject, Resource } from './object.ts'
import { type KeptPage, readList } from './read-list.ts'
import { apiVersionOf, identified, pathOf, pathOfObject, search } from './resource-path.ts'
import type { ServerClock } from './server-clock.ts'
import { type Answer, createTransport } from './transport.ts'
import { readEvents, type WatchEvent } from './watch-stream.ts'

export { KubeError } from './kube-error.ts'
export type { KubeObject, OwnerReference, Resource } from './object.ts'

export interface ListOptions {
  /** Without it: all namespaces. */
  namespace?: string
  limit?: number
  continue?: string
  labelSelector?: string
  fieldSelector?: string
  resourceVersion?: string
  signal?: AbortSignal
}

export interface WatchOptions {
  /** Events after this version. */
  resourceVersion: string
  namespace?: string
  fieldSelector?: string
  labelSelector?: string
  /** After which the server ends the stream in order. */
  timeoutSeconds: number
  signal: AbortSignal
}

/** The API server's verbs. Nothing is retried here: that is the queue's and the reflector's work. */
export interface KubeClient {
  /** @returns undefined when there is none (404) */
  get<T extends KubeObject>(resource: Resource, namespace: string | undefined, name: string): Promise<T | undefined>
  /**
   * The metadata of an object alone, from the API server's own copy: cheap enough to be asked again and again, and its
   * content never gets here. @returns undefined when there is none (404)
   */
  getMetadata(
    resource: Resource,
    namespace: string | undefined,
    name: string,
  ): Promise<KubeObject['metadata'] | undefined>
  /** One page. Items carry `apiVersion` and `kind`, which the server leaves out for built-in types. */
  list<T extends KubeObject>(
    resource: Resource,
    options?: ListOptions,
  ): Promise<{ items: T[]; resourceVersion: string; continue?: string }>
  /** One page of a list that may be long: each object is read by itself, and only what `keep` makes of it stays. */
  scan<T extends KubeObject, K>(
    resource: Resource,
    keep: (object: T) => K | undefined,
    options: ListOptions & { signal: AbortSignal },
  ): Promise<KeptPage<K>>
  create<T extends KubeObject>(resource: Resource, object: T, options?: { dryRun?: boolean }): Promise<T>
  /** PUT; refused with 409 when `metadata.resourceVersion` is given and not the current one. */
  update<T extends KubeObject>(resource: Resource, object: T): Promise<T>
  /** Server-side apply. `managedFields` are left out. */
  apply<T extends KubeObject>(
    resource: Resource,
    object: T,
    options: { fieldManager: string; force?: boolean; subresource?: 'status' },
  ): Promise<T>
  patch<T extends KubeObject>(
    resource: Resource,
    namespace: string | undefined,
    name: string,
    body: unknown,
    options?: { type?: 'merge' | 'json'; subresource?: string; fieldManager?: string },
  ): Promise<T>
  /** @returns false when there was none (404) */
  delete(
    resource: Resource,
    namespace: string | undefined,
    name: string,
    options?: {
      preconditions?: { uid?: string; resourceVersion?: string }
      propagationPolicy?: 'Background' | 'Foreground' | 'Orphan'
    },
  ): Promise<boolean>
  /**
   * Events until the server ends the stream. Bookmarks are asked for. An in-stream ERROR is yielded, not thrown.
   * @throws KubeError when refused, Error when the stream breaks
   */
  watch(resource: Resource, options: WatchOptions): AsyncIterable<WatchEvent>
  /** Any path, such as `/openid/v1/jwks`. @returns the parsed JSON, or the text when the answer is no JSON */
  raw<T>(method: string, path: string, body?: unknown): Promise<T>
  /** Ends all connections, watches too. */
  close(): Promise<void>
}

/**
 * A client of one API server over kept-alive HTTP/1.1 connections.
 * @param options.requestTimeoutMs for a whole answer; watches are limited by their caller
 * @param options.clock is set by what the API server's answers say
 */
export function createKubeClient(
  connection: KubeConnection,
  options: {
    userAgent?: string
    requestTimeoutMs?: number
    metrics?: Metrics
    clock?: Pick<ServerClock, 'heard'>
  } = {},
): KubeClient {
  const transport = createTransport(connection, {
    userAgent: options.userAgent ?? 'latchkey',
    requestTimeoutMs: options.requestTimeoutMs ?? 30_000,
    ...(options.metrics && { metrics: options.metrics }),
    ...(options.clock && { heard: options.clock.heard }),
  })

  async function call<T>(
    what: string,
    method: string,
    path: string,
    send?: { body?: unknown; contentType?: string; accept?: string; signal?: AbortSignal | undefined },
  ): Promise<T> {
    const answer = await transport.send(method, path, {
      ...(send?.body !== undefined && { body: JSON.stringify(send.body) }),
      ...(send?.contentType && { contentType: send.contentType }),
      ...(send?.accept && { accept: send.accept }),
      ...(send?.signal && { signal: send.signal }),
    })
    if (answer.status < 200 || answer.status > 299) throw refusal(`${what} ${method}`, answer)
    return parseBody(what, answer) as T
  }

  /** A body that is read as it comes. */
  async function open(what: string, path: string, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
    const response = await transport.open(path, signal)
    const status = response.statusCode ?? 0
    if (status === 200) return response
    throw refusal(what, { status, headers: response.headers, body: await text(response) })
  }

  return {
    get: async (resource, namespace, name) => absent(call(resource.plural, 'GET', pathOf(resource, namespace, name))),

    async getMetadata(resource, namespace, name) {
      const path = pathOf(resource, namespace, name) + search({ resourceVersion: '0' })
      const found = await absent(call<KubeObject>(resource.plural, 'GET', path, { accept: metadataOnly }))
      return found?.metadata
    },

    async list(resource, { namespace, signal, ...query } = {}) {
      const path = pathOf(resource, namespace) + search(query)
      const page = await call<RawList<never>>(resource.plural, 'GET', path, { signal })
      const identity = { apiVersion: apiVersionOf(resource), kind: resource.kind }
      return {
        items: (page.items ?? []).map(item => Object.assign(item, identity)),
        resourceVersion: page.metadata.resourceVersion,
        ...(page.metadata.continue && { continue: page.metadata.continue }),
      }
    },

    async scan(resource, keep, { namespace, signal, ...query }) {
      return readList(await open(`${resource.plural} GET`, pathOf(resource, namespace) + search(query), signal), keep)
    },

    create: async (resource, object, { dryRun } = {}) =>
      call(
        resource.plural,
        'POST',
        pathOf(resource, object.metadata.namespace) + search({ dryRun: dryRun ? 'All' : undefined }),
        { body: identified(resource, object) },
      ),

    update: async (resource, object) =>
      call(resource.plural, 'PUT', pathOfObject(resource, object), { body: identified(resource, object) }),

    async apply(resource, object, { fieldManager, force, subresource }) {
      const { managedFields: _, ...metadata } = object.metadata
      const path = pathOfObject(resource, object) + (subresource ? `/${subresource}` : '')
      return call(resource.plural, 'PATCH', path + search({ fieldManager, force: force ? 'true' : undefined }), {
        body: identified(resource, { ...object, metadata }),
        contentType: 'application/apply-patch+yaml',
      })
    },

    async patch(resource, namespace, name, body, { type = 'merge', subresource, fieldManager } = {}) {
      const path = pathOf(resource, namespace, name) + (subresource ? `/${subresource}` : '')
      return call(resource.plural, 'PATCH', path + search({ fieldManager }), {
        body,
        contentType: type === 'json' ? 'application/json-patch+json' : 'application/merge-patch+json',
      })
    },

    async delete(resource, namespace, name, deletion = {}) {
      const body = { kind: 'DeleteOptions', apiVersion: 'v1', ...deletion }
      const deleted = call(resource.plural, 'DELETE', pathOf(resource, namespace, name), { body })
      return (await absent(deleted)) !== undefined
    },

    async *watch(resource, { signal, namespace, ...query }) {
      const parameters = { ...query, watch: 'true', allowWatchBookmarks: 'true' }
      yield* readEvents(
        await open(`${resource.plural} WATCH`, pathOf(resource, namespace) + search(parameters), signal),
      )
    },

    raw: (method, path, body) => call(path.split('?', 1)[0] ?? path, method, path, { body }),

    close: async () => transport.close(),
  }
}

const metadataOnly = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1'

interface RawList<T> {
  items?: T[]
  metadata: { resourceVersion: string; continue?: string }
}

async function absent<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found
  } catch (error) {
    if (error instanceof KubeError && error.status === 404) return undefined
    throw error
  }
}

function parseBody(what: string, answer: Answer): unknown {
  if (!answer.headers['content-type']?.includes('json')) return answer.body
  try {
    return JSON.parse(answer.body)
  } catch {
    // The parser's own message would quote the body.
    throw new Error(`${what}: the answer is not JSON`)
  }
}

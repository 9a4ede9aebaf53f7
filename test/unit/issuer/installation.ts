import { createResolved } from '../../../cluster/resolved.ts'
import { createObjects } from '../../../issuer/objects.ts'
import { createSlices } from '../../../issuer/slices/slices.ts'
import type { Clock } from '../../../platform/clock.ts'
import type { driveSteps } from '../../../platform/drive-steps.ts'
import type { KubeClient, KubeObject, Resource } from '../../../platform/kube/client.ts'
import { createLog } from '../../../platform/log.ts'

/** What the API server lists, by plural name. */
export type Listed = Record<string, object[]>
type Event = { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: object }

/**
 * An issuer's slices over an API server that is a list of objects.
 * @param drive absent: as fast as the machine does it
 */
export async function startInstallation(
  listed: Listed,
  drive?: typeof driveSteps,
  clock?: Clock,
  accessTokens?: Parameters<typeof createSlices>[0]['accessTokens'],
) {
  const feeds = new Map<string, { events: Event[]; wake(): void }>()
  const feedOf = (plural: string) => {
    const feed = feeds.get(plural) ?? { events: [], wake() {} }
    feeds.set(plural, feed)
    return feed
  }
  const client = {
    list: async ({ plural }: Resource) => ({ items: listed[plural] ?? [], resourceVersion: '1' }),
    async *watch({ plural }: Resource, { signal }: { signal: AbortSignal }) {
      const feed = feedOf(plural)
      while (!signal.aborted) {
        const event = feed.events.shift()
        if (event) yield event
        else await new Promise<void>(resolve => (feed.wake = resolve))
      }
    },
  } as unknown as KubeClient
  const log = createLog({ process: 'test', level: 'fatal' })
  const objects = createObjects(client, { log })
  const { clients, keys, grants, roles, namespaces, services, pods } = objects
  const named = { apiclients: clients, accesskeys: keys, accessgrants: grants, guardedservices: services }
  const reflectors = { ...named, roles, namespaces, pods }
  const rules = { installation: 'default', issuerUrl: 'https://i.test', clientIds: new Map(), reservedAudiences: [] }
  const documents = { get: () => undefined, onChange: () => () => {}, seenOf: () => ({}) }
  const resolved = createResolved(objects, rules, documents, 'follows')
  const parts = { objects, resolved, documents, cluster: () => undefined, log }
  const slices = createSlices({
    ...parts,
    ...(drive && { drive }),
    ...(clock && { clock }),
    ...(accessTokens && { accessTokens }),
  })
  await objects.start()
  return {
    objects,
    slices,
    resolved,
    /** Tells one change and waits until the issuer has heard of it; nothing is carried out by that. */
    async tell(plural: keyof typeof reflectors, type: Event['type'], object: object): Promise<void> {
      const { onChange } = reflectors[plural] as unknown as {
        onChange(handler: (change: { resourceVersion: string }) => void): () => void
      }
      const { resourceVersion } = (object as KubeObject).metadata
      const heard = Promise.withResolvers<void>()
      const end = onChange(change => change.resourceVersion === resourceVersion && heard.resolve())
      const feed = feedOf(plural)
      feed.events.push({ type, object })
      feed.wake()
      await heard.promise
      end()
    },
  }
}

/** Drives by hand, a step at a time. */
export function createHandDrive() {
  const driven = new Set<{ step(): void }>()
  const drive: typeof driveSteps = (steps, done) => {
    const one = {
      step() {
        const step = steps.next()
        if (!step.done) return
        driven.delete(one)
        done({ value: step.value })
      },
    }
    driven.add(one)
    return () => void driven.delete(one)
  }
  const step = (): boolean => {
    for (const one of driven) one.step()
    return driven.size > 0
  }
  return {
    drive,
    step,
    finish() {
      while (step());
    },
  }
}

const born = '2026-11-22T10:00:00Z'

export const object = (namespace: string | undefined, name: string, version: string, more: object = {}) => ({
  metadata: {
    name,
    ...(namespace !== undefined && { namespace }),
    uid: `uid-${name}`,
    resourceVersion: version,
    generation: Number(version),
    creationTimestamp: born,
  },
  ...more,
})

/** The role `<service>-reader` for one service of the namespace shop. */
export const roleFor = (service: string, version = '1', path = '/old') =>
  object('shop', `${service}-reader`, version, {
    spec: { rules: [{ services: [service], methods: ['GET'], paths: [path] }] },
  })

export const apiClient = (name: string, version = '1', spec: object = {}) =>
  object('partners', name, version, { spec: { clientId: `partners.${name}`, ...spec } })

/** Gives these clients the role of one service. */
export const grantOf = (service: string, names: readonly string[], version = '1') => {
  const clients = names.map(name => ({ namespace: 'partners', name }))
  return object('shop', `${service}-grant`, version, {
    spec: { roleRef: { name: `${service}-reader` }, clients },
    status: {
      clients: clients.map(one => ({
        ...one,
        clientId: `partners.${one.name}`,
        namespaceUid: 'uid-partners',
        state: 'Granted',
      })),
    },
  })
}

/** Services of the namespace shop, each with its role and the clients of a grant, all in the namespace partners. */
export function installation(services: Readonly<Record<string, readonly string[]>>): Listed {
  const names = Object.keys(services)
  return {
    namespaces: [object(undefined, 'shop', '1'), object(undefined, 'partners', '1')],
    services: names.map(name => object('shop', name, '1', { spec: { ports: [{ port: 80 }] } })),
    guardedservices: names.map(name =>
      object('shop', name, '1', {
        spec: { targetRef: { name, port: 80 } },
        status: { conditions: [{ type: 'Accepted', status: 'True', reason: 'Accepted', message: '' }] },
      }),
    ),
    roles: names.map(name => roleFor(name)),
    accessgrants: Object.entries(services).map(([name, clients]) => grantOf(name, clients)),
    apiclients: [...new Set(Object.values(services).flat())].map(name => apiClient(name)),
  }
}

import { createResolved } from '../../cluster/resolved.ts'
import { thumbprint } from '../../core/jose/jwk.ts'
import { createObjects } from '../../issuer/objects.ts'
import type { Slice } from '../../issuer/slices/slice.ts'
import { createSlices } from '../../issuer/slices/slices.ts'
import type { KubeClient, KubeObject, Resource } from '../../platform/kube/client.ts'
import { createLog } from '../../platform/log.ts'

const everyMs = 500
const clientsOfGrant = 100

/**
 * An issuer without its servers and one service with that many clients, all of one namespace. By turns a role changes, a
 * key is revoked, a client is suspended, a grant loses a client, a guard comes that holds nothing, and the namespace gets
 * another organization, which changes every row.
 */
export async function startSlicing(clients: number): Promise<{ done(): number }> {
  const cluster = createCluster(clients)
  const log = createLog({ process: 'bench', level: 'fatal' })
  const objects = createObjects(cluster, { log })
  const rules = {
    installation: 'default',
    issuerUrl: 'https://issuer.test',
    clientIds: new Map(),
    reservedAudiences: [],
  }
  const documents = { get: () => undefined, onChange: () => () => {}, seenOf: () => ({}) }
  const resolved = createResolved(objects, rules, documents, 'follows')
  const slices = createSlices({ objects, resolved, documents, cluster: () => undefined, log })
  await objects.start()
  await slices.start()
  const slice = slices.get('shop/orders')
  if (!slice) throw new Error('no slice was made')
  let told = 0
  let sent: string | undefined = slice.hash()
  slice.subscribe(() => {
    told++
    void send(slice, sent)
    sent = slice.hash()
  })
  const changes = [
    cluster.changeRole,
    cluster.revokeKey,
    cluster.suspendClient,
    cluster.changeGrant,
    () => void send(slice, undefined),
    cluster.changeOrganization,
  ]
  let turn = 0
  setInterval(() => changes[turn++ % changes.length]?.(turn), everyMs)
  return { done: () => told }
}

/** As a guard is sent it: a piece when the one before was written. */
async function send(slice: Slice, hash: string | undefined): Promise<void> {
  const frame = slice.frameFor({ hash })
  for (let index = 0; frame.chunk(index); index++) await new Promise(resolve => setImmediate(resolve))
}

function createCluster(clients: number) {
  const numbers = Array.from({ length: clients }, (_, at) => at)
  const grants = Array.from({ length: Math.ceil(clients / clientsOfGrant) }, (_, at) => at)
  const feeds = new Map<string, (object: KubeObject) => void>()
  let version = 1
  const tell = (plural: string, object: KubeObject) => {
    const resourceVersion = String(++version)
    feeds.get(plural)?.({ ...object, metadata: { ...object.metadata, resourceVersion, generation: version } })
  }
  const listOf = (plural: string): KubeObject[] => {
    if (plural === 'namespaces') return [object('shop'), object('partners')]
    if (plural === 'services') return [object('orders', 'shop', { spec: { ports: [{ port: 80 }] } })]
    if (plural === 'guardedservices') return [guardedService]
    if (plural === 'roles') return [role('/v1/**')]
    if (plural === 'apiclients') return numbers.map(at => apiClient(at, {}))
    if (plural === 'accesskeys') return numbers.map(at => accessKey(at, {}))
    if (plural === 'accessgrants') return grants.map(at => grant(at, clients, clientsOfGrant))
    return []
  }
  const client: Pick<KubeClient, 'list' | 'watch'> = {
    list: async <T extends KubeObject>({ plural }: Resource) => ({
      items: listOf(plural) as T[],
      resourceVersion: '1',
    }),
    async *watch<T extends KubeObject>({ plural }: Resource) {
      for (;;)
        yield {
          type: 'MODIFIED' as const,
          object: await new Promise<T>(resolve => feeds.set(plural, resolve as never)),
        }
    },
  }
  return {
    ...client,
    changeRole: (turn: number) => tell('roles', role(`/v${turn}/**`)),
    revokeKey: (turn: number) =>
      tell('accesskeys', accessKey(turn % clients, { revoked: { at: born, reason: 'bench' } })),
    suspendClient: (turn: number) => tell('apiclients', apiClient(turn % clients, { suspended: true })),
    changeGrant: (turn: number) =>
      tell('accessgrants', grant(turn % grants.length, clients, clientsOfGrant - (turn % 50))),
    changeOrganization: (turn: number) =>
      tell('namespaces', object('partners', undefined, { labels: { 'latchkey.dev/organization': `o${turn}` } })),
  }
}

const born = '2026-11-22T10:00:00Z'
const publicKey = { kty: 'OKP' as const, crv: 'Ed25519' as const, x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }
const kid = thumbprint(publicKey)
const nameOf = (at: number): string => `caller-${String(at).padStart(6, '0')}`

const guardedService = object('orders', 'shop', {
  spec: { targetRef: { name: 'orders', port: 80 } },
  status: { conditions: [{ type: 'Accepted', status: 'True', reason: 'Accepted', message: '' }] },
})

function role(path: string): KubeObject {
  return object('reader', 'shop', { spec: { rules: [{ services: ['orders'], methods: ['GET'], paths: [path] }] } })
}

function apiClient(at: number, spec: object): KubeObject {
  return object(nameOf(at), 'partners', { spec: { clientId: `partners.${nameOf(at)}`, ...spec } })
}

function accessKey(at: number, spec: object): KubeObject {
  return object(nameOf(at), 'partners', {
    spec: { clientRef: { name: nameOf(at) }, ...spec },
    status: { clientId: `partners.${nameOf(at)}`, keys: [{ kid, publicKey, state: 'Active', notBefore: born }] },
  })
}

function grant(at: number, clients: number, count: number): KubeObject {
  const meant = Array.from(
    { length: Math.min(count, clients - at * clientsOfGrant) },
    (_, n) => at * clientsOfGrant + n,
  )
  const named = meant.map(n => ({ namespace: 'partners', name: nameOf(n) }))
  return object(`grant-${at}`, 'shop', {
    spec: { roleRef: { name: 'reader' }, clients: named },
    status: { clients: named.map(one => ({ ...one, clientId: `partners.${one.name}`, state: 'Granted' })) },
  })
}

function object(
  name: string,
  namespace?: string,
  more: { labels?: object; [member: string]: object | undefined } = {},
): KubeObject {
  const { labels, ...rest } = more
  const metadata = {
    name,
    namespace,
    uid: `uid-${namespace}-${name}`,
    resourceVersion: '1',
    generation: 1,
    creationTimestamp: born,
    labels,
  }
  return { metadata, ...rest } as KubeObject
}

import { randomUUID } from 'node:crypto'
import type { AccessKey } from '../../../../core/api/access-key.ts'
import type { ApiClient } from '../../../../core/api/api-client.ts'
import { isSecretType } from '../../../../core/api/secret-types.ts'
import { isSameJson } from '../../../../core/base/canonical-json.ts'
import { type SecretObject, secretNameOf } from '../../../../core/keys/secret-data.ts'
import type { ResolvedClient } from '../../../../core/registry/resolve-clients.ts'
import type { EnforcedView, PlannedEvent } from '../../../../core/status/report.ts'
import { type AccessKeyIo, reconcileAccessKey } from '../../../../operator/access-key/access-key.ts'
import { createKeyProver, generateKeyMaterial } from '../../../../operator/access-key/key-material.ts'
import { createRepairMemory } from '../../../../operator/access-key/repair-memory.ts'
import { generateSecret, proveSecret } from '../../../../operator/access-key/secret-material.ts'
import { KubeError } from '../../../../platform/kube/client.ts'

export const issuer = 'https://latchkey-issuer.latchkey-system.svc/default'
export const ca = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'
export const start = 1_800_000_000
export const publishAheadSeconds = 1_200
/** The time so long after the start. */
export const at = (seconds: number): string => new Date((start + seconds) * 1_000).toISOString()

export function clientOf(spec: ApiClient['spec'] = {}, change: Partial<ResolvedClient> = {}): ResolvedClient {
  const clientId = 'sc_abcdefghijklmnopqrstuvwxyz'
  return {
    key: 'shop/web',
    client: { metadata: { name: 'web', namespace: 'shop', uid: 'client-uid' }, spec },
    clientId,
    namespaceUid: 'uid-of-shop',
    installation: 'default',
    issuer: `${issuer}/v1/clients/${clientId}`,
    accepted: true,
    reason: 'Accepted',
    message: '',
    suspended: false,
    serviceAccounts: [],
    createdAt: start - 1_000,
    ...change,
  }
}

export function accessKeyOf(spec: Partial<AccessKey['spec']> = {}, status?: AccessKey['status']): AccessKey {
  return {
    apiVersion: 'latchkey.dev/v1alpha1',
    kind: 'AccessKey',
    metadata: { name: 'web', namespace: 'shop', uid: 'key-uid', generation: 1, resourceVersion: '1' },
    spec: { clientRef: { name: 'web' }, ...spec },
    ...(status && { status }),
  }
}

/** One AccessKey and its Secrets, with the conditions the API server puts on writes. */
export interface Store {
  accessKey: AccessKey
  /** The mounted one. */
  secret: SecretObject | undefined
  /** That of the next key. */
  next: SecretObject | undefined
  client: ResolvedClient | undefined
  now: number
  missingRoles: readonly string[]
  enforced: EnforcedView
  stalenessSeconds: number
  readonly events: PlannedEvent[]
  beyondShare: boolean
  forbidden: boolean
  forbiddenNext: boolean
  /** The status with which a quota or a policy refuses every write of the Secret. */
  refused?: number
  refusedNext?: number
  /** Every write of a pass that was taken, in order. */
  readonly writes: string[]
  io(): AccessKeyIo
  /** What a user does: the generation moves. */
  edit(spec: Partial<AccessKey['spec']>): void
  putSecret(secret: SecretObject | undefined): void
  /** The generation stays. */
  annotate(annotations: Record<string, string>): void
  putNext(secret: SecretObject | undefined): void
}

/** @param before called before each write that is about to be taken, with the Secret to be written */
export function createStore(
  accessKey: AccessKey,
  before: (store: Store, next: SecretObject | undefined) => void = () => {},
): Store {
  const slotOf = (name: string | undefined) => (name?.endsWith('-next') ? 'next' : 'secret')
  let version = 10
  const prove = createKeyProver()
  const repairs = createRepairMemory()
  const next = (): string => String(++version)
  const refuse = (what: string, status: number): never => {
    throw new KubeError(what, status)
  }
  const store: Store = {
    accessKey: structuredClone(accessKey),
    secret: undefined,
    next: undefined,
    client: clientOf(),
    now: start,
    missingRoles: [],
    beyondShare: false,
    enforced: { state: 'no-guards' },
    stalenessSeconds: 86_400,
    events: [],
    forbidden: false,
    forbiddenNext: false,
    writes: [],
    edit(spec) {
      const { metadata } = store.accessKey
      store.accessKey = {
        ...store.accessKey,
        metadata: { ...metadata, generation: (metadata.generation ?? 0) + 1, resourceVersion: next() },
        spec: { ...store.accessKey.spec, ...spec },
      }
    },
    annotate(annotations) {
      const metadata = { ...store.accessKey.metadata, annotations, resourceVersion: next() }
      store.accessKey = { ...store.accessKey, metadata }
    },
    putSecret(secret) {
      store.secret = secret && stored(secret, secret.metadata.uid ?? randomUUID())
    },
    putNext(secret) {
      store.next = secret && stored(secret, secret.metadata.uid ?? randomUUID())
    },
    io: () => io(),
  }
  const stored = (secret: SecretObject, uid: string): SecretObject =>
    structuredClone({ ...secret, metadata: { ...secret.metadata, uid, resourceVersion: next() } })

  function allow(name: string, method: string): void {
    const isNext = slotOf(name) === 'next'
    if (store.forbidden || (isNext && store.forbiddenNext)) refuse(`secrets ${method}`, 403)
    const refused = isNext ? (store.refusedNext ?? store.refused) : store.refused
    if (refused && method !== 'GET') refuse(`secrets ${method}`, refused)
  }

  function unchanged({ metadata: { name, uid, resourceVersion } }: SecretObject, method: string): void {
    const now = store[slotOf(name)]?.metadata
    if (!now) refuse(`secrets ${method}`, 404)
    if (now?.uid !== uid || now?.resourceVersion !== resourceVersion) refuse(`secrets ${method}`, 409)
  }

  const told = (what: string, name: string) => void store.writes.push(slotOf(name) === 'next' ? `${what} next` : what)

  function io(): AccessKeyIo {
    return {
      now: () => store.now * 1_000,
      random: () => 0.5,
      repairs,
      reads: {
        issuer,
        authorities: () => ca,
        client: () => store.client,
        schemaFault: () => undefined,
        isBeyondShare: () => store.beyondShare,
        missingRoles: () => store.missingRoles,
        enforced: () => store.enforced,
        publishAheadSeconds,
        staleness: () => store.stalenessSeconds,
        prove(object, { spec }) {
          const { type, algorithm = 'Ed25519' } = spec
          const key = isSecretType(type) ? proveSecret(object, type) : prove(object, algorithm)
          return { object, ...(key && { key }) }
        },
        getAccessKey: async () => structuredClone(store.accessKey),
        async getSecret(key, slot) {
          const name = secretNameOf(key, slot)
          allow(name, 'GET')
          return structuredClone(store[slotOf(name)])
        },
      },
      writes: {
        record: (_key, events) => void store.events.push(...events),
        generate: async ({ spec: { type, algorithm = 'Ed25519' } }) =>
          isSecretType(type) ? generateSecret() : generateKeyMaterial(algorithm),
        async createSecret(secret) {
          const { name } = secret.metadata
          allow(name, 'POST')
          if (name.length > 253) refuse('secrets POST', 422)
          if (store[slotOf(name)]) refuse('secrets POST', 409)
          before(store, secret)
          store[slotOf(name)] = stored(secret, randomUUID())
          told('create', name)
        },
        async updateSecret(secret) {
          const { name, uid } = secret.metadata
          allow(name, 'PUT')
          unchanged(secret, 'PUT')
          const found = store[slotOf(name)]
          const isKept = secret.immutable && isSameJson(found?.data, secret.data)
          if (found?.immutable && !isKept) refuse('secrets PUT', 422)
          before(store, secret)
          store[slotOf(name)] = stored(secret, uid ?? '')
          told('update', name)
        },
        async deleteSecret(secret) {
          const { name } = secret.metadata
          allow(name, 'DELETE')
          if (!store[slotOf(name)]) return
          unchanged(secret, 'DELETE')
          store[slotOf(name)] = undefined
          told('delete', name)
        },
        async writeStatus({ metadata }, status) {
          if (metadata.resourceVersion !== store.accessKey.metadata.resourceVersion) refuse('status PATCH', 409)
          before(store, undefined)
          store.accessKey = structuredClone({
            ...store.accessKey,
            status,
            metadata: { ...store.accessKey.metadata, resourceVersion: next() },
          })
          store.writes.push('status')
        },
      },
    }
  }
  return store
}

/** Passes until there is nothing left to write; each makes one write at most. @returns the writes */
export async function settle(store: Store): Promise<string[]> {
  const from = store.writes.length
  for (let quiet = 0; quiet < 2; ) {
    const before = store.writes.length
    await reconcileAccessKey('shop/web', store.io())
    if (store.writes.length > before + 1) throw new Error(`a pass made the writes ${store.writes.slice(before).join()}`)
    if (store.writes.length > from + 100) throw new Error('does not come to rest')
    quiet = store.writes.length === before ? quiet + 1 : 0
  }
  return store.writes.slice(from)
}

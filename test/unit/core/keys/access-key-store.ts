import { randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import type { AccessKey } from '../../../../core/api/access-key.ts'
import type { ApiClient } from '../../../../core/api/api-client.ts'
import type { SecretObject } from '../../../../core/keys/secret-data.ts'
import type { ResolvedClient } from '../../../../core/registry/resolve-clients.ts'
import { type AccessKeyIo, reconcileAccessKey } from '../../../../operator/access-key/access-key.ts'
import { generateKeyMaterial, proveSecretKey } from '../../../../operator/access-key/key-material.ts'
import { KubeError } from '../../../../platform/kube/client.ts'

export const issuer = 'https://latchkey-issuer.latchkey-system.svc/default'
export const ca = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'
export const start = 1_800_000_000
/** The time so long after the start. */
export const at = (seconds: number): string => new Date((start + seconds) * 1_000).toISOString()

export function clientOf(spec: ApiClient['spec'] = {}, change: Partial<ResolvedClient> = {}): ResolvedClient {
  const clientId = 'sc_abcdefghijklmnopqrstuvwxyz'
  return {
    key: 'shop/web',
    client: { metadata: { name: 'web', namespace: 'shop', uid: 'client-uid' }, spec },
    clientId,
    namespaceUid: 'uid-of-shop',
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

/** One AccessKey and one Secret, with the conditions the API server puts on writes. */
export interface Store {
  accessKey: AccessKey
  secret: SecretObject | undefined
  client: ResolvedClient | undefined
  now: number
  missingRoles: readonly string[]
  forbidden: boolean
  /** The status with which a quota or a policy refuses every write of the Secret. */
  refused?: number
  /** Every write of a pass that was taken, in order. */
  readonly writes: string[]
  io(): AccessKeyIo
  /** What a user does: the generation moves. */
  edit(spec: Partial<AccessKey['spec']>): void
  putSecret(secret: SecretObject | undefined): void
  /** The generation stays. */
  annotate(annotations: Record<string, string>): void
}

/** @param before called before each write that is about to be taken */
export function createStore(
  accessKey: AccessKey,
  before: (store: Store, next: SecretObject | undefined) => void = () => {},
): Store {
  let version = 10
  const next = (): string => String(++version)
  const refuse = (what: string, status: number): never => {
    throw new KubeError(what, status)
  }
  const store: Store = {
    accessKey: structuredClone(accessKey),
    secret: undefined,
    client: clientOf(),
    now: start,
    missingRoles: [],
    forbidden: false,
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
    io: () => io(),
  }
  const stored = (secret: SecretObject, uid: string): SecretObject =>
    structuredClone({ ...secret, metadata: { ...secret.metadata, uid, resourceVersion: next() } })

  function io(): AccessKeyIo {
    return {
      now: () => store.now * 1_000,
      random: () => 0.5,
      reads: {
        issuer,
        authorities: () => ca,
        client: () => store.client,
        schemaFault: () => undefined,
        missingRoles: () => store.missingRoles,
        enforced: () => ({ state: 'no-guards' }),
        prove(object, { spec }) {
          const key = proveSecretKey(object, spec.algorithm ?? 'Ed25519')
          return { object, ...(key && { key }) }
        },
        getAccessKey: async () => structuredClone(store.accessKey),
        async getSecret() {
          if (store.forbidden) refuse('secrets GET', 403)
          return structuredClone(store.secret)
        },
      },
      writes: {
        record: () => {},
        generate: ({ spec }) => generateKeyMaterial(spec.algorithm ?? 'Ed25519'),
        async createSecret(secret) {
          if (store.forbidden) refuse('secrets POST', 403)
          if (store.refused) refuse('secrets POST', store.refused)
          if (store.secret) refuse('secrets POST', 409)
          before(store, secret)
          store.secret = stored(secret, randomUUID())
          store.writes.push('create')
        },
        async updateSecret(secret) {
          if (store.forbidden) refuse('secrets PUT', 403)
          if (store.refused) refuse('secrets PUT', store.refused)
          const now = store.secret?.metadata
          if (!now) refuse('secrets PUT', 404)
          const { uid, resourceVersion } = secret.metadata
          if (now?.uid !== uid || now?.resourceVersion !== resourceVersion) refuse('secrets PUT', 409)
          before(store, secret)
          store.secret = stored(secret, uid ?? '')
          store.writes.push('update')
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

/** Passes until two in a row write nothing. @returns what was written */
export async function settle(store: Store): Promise<string[]> {
  const from = store.writes.length
  for (let quiet = 0; quiet < 2; ) {
    const before = store.writes.length
    await reconcileAccessKey('shop/web', store.io())
    expect(store.writes.length - before, 'one write a pass').toBeLessThanOrEqual(1)
    quiet = store.writes.length === before ? quiet + 1 : 0
  }
  return store.writes.slice(from)
}

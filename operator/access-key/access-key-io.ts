import type { Resolved } from '../../cluster/resolved.ts'
import { type AccessKey, accessKey as accessKeyKind } from '../../core/api/access-key.ts'
import { schemaFaultOf } from '../../core/api/kind.ts'
import { isSecretType } from '../../core/api/secret-types.ts'
import { durationSeconds } from '../../core/base/time.ts'
import { type SecretObject, secretNameOf } from '../../core/keys/secret-data.ts'
import { isBeyondShare } from '../../core/registry/client-share.ts'
import { clientOfKey, rolesOfKey } from '../../core/registry/reach.ts'
import type { Clock } from '../../platform/clock.ts'
import type { KubeClient, KubeObject } from '../../platform/kube/client.ts'
import { accessKeys, secrets } from '../../platform/kube/resources.ts'
import type { Enforcement } from '../guarded-service/enforcement.ts'
import type { Sources } from '../sources.ts'
import type { StatusWriter } from '../status.ts'
import type { AccessKeyIo } from './access-key.ts'
import { createKeyProver } from './key-material.ts'
import type { KeyQueue } from './key-queue.ts'
import type { AccessKeyReads } from './observe-access-key.ts'
import { createRepairMemory, type RepairMemory } from './repair-memory.ts'
import { generateSecret, proveSecret } from './secret-material.ts'
import type { SecretSweep } from './secret-sweep.ts'
import type { Visits } from './visits.ts'
import type { AccessKeyWrites, SecretPlace } from './write-planned.ts'

interface About {
  readonly client: Pick<KubeClient, 'get' | 'create' | 'update' | 'delete'>
  readonly writer: StatusWriter
  readonly resolved: Resolved
  readonly enforcement: Pick<Enforcement, 'view' | 'forget'>
  readonly sources: Pick<Sources, 'by' | 'roles' | 'services'>
  readonly keys: KeyQueue
  readonly issuerUrl: string
  readonly publishAheadSeconds: number
  authorities(): string | undefined
  readonly sweep: Pick<SecretSweep, 'read'>
  readonly visits: Pick<Visits, 'of'>
  readonly clock: Pick<Clock, 'wallMs'>
}

/** How the passes over AccessKeys reach the API server. */
export function createAccessKeyIo(about: About): AccessKeyIo {
  const repairs = createRepairMemory()
  return {
    reads: readsOf(about, repairs),
    writes: writesOf(about),
    repairs,
    now: about.clock.wallMs,
    random: Math.random,
  }
}

function readsOf(about: About, repairs: RepairMemory): AccessKeyReads {
  const { client, resolved, enforcement, sources, keys, visits } = about
  const prove = createKeyProver()
  return {
    issuer: about.issuerUrl,
    publishAheadSeconds: about.publishAheadSeconds,
    authorities: about.authorities,
    schemaFault: ({ spec }) => schemaFaultOf(accessKeyKind, spec),
    isBeyondShare: accessKey => isBeyondShare(accessKey, sources.by.keysOfClient.get(clientOfKey(accessKey))),
    missingRoles: accessKey => rolesOfKey(accessKey).filter(role => !sources.roles.store.has(role)),
    client: accessKey => resolved.clients().get(clientOfKey(accessKey)),
    prove(object, accessKey) {
      const { type, algorithm = 'Ed25519' } = accessKey.spec
      const key = isSecretType(type) ? proveSecret(object, type) : prove(object, algorithm)
      return { object, ...(key && { key }) }
    },
    async getAccessKey(key) {
      const [namespace = '', name = ''] = key.split('/')
      const answered = visits.of(key)?.take()
      const found = answered ?? (await client.get<AccessKey & KubeObject>(accessKeys, namespace, name))
      if (!answered) visits.of(key)?.read(found)
      if (!found || found.metadata.deletionTimestamp !== undefined) {
        enforcement.forget(accessKeys, key)
        keys.forget(key)
        repairs.forget(key)
        return undefined
      }
      return resolved.isOurs(namespace) ? found : undefined
    },
    async getSecret(accessKey, slot) {
      const { namespace = '' } = accessKey.metadata
      const name = secretNameOf(accessKey, slot)
      const known = visits.of(keyOf(accessKey))?.secrets
      if (known?.has(name)) return known.get(name)
      const found = await client.get<SecretObject & KubeObject>(secrets, namespace, name)
      known?.set(name, found)
      // A new AccessKey has nothing staged. What one before it left there, whose status was lost, a later visit finds.
      const isNew = slot === 'mounted' && found === undefined && accessKey.status?.state === undefined
      if (isNew) known?.set(secretNameOf(accessKey, 'staged'), undefined)
      about.sweep.read(accessKey, slot, found?.metadata)
      return found
    },
    staleness: accessKey => longestStaleness(accessKey, sources),
    enforced: accessKey =>
      enforcement.view(
        accessKeys,
        accessKey as AccessKey & KubeObject,
        sources.by.servicesOfClient(clientOfKey(accessKey)),
      ),
  }
}

function writesOf(about: About): AccessKeyWrites {
  const { client, writer, keys, visits, sweep } = about

  function wrote({ accessKey, slot }: SecretPlace, secret: (SecretObject & KubeObject) | undefined): void {
    const visit = visits.of(keyOf(accessKey))
    visit?.secrets.set(secretNameOf(accessKey, slot), secret)
    visit?.wrote()
    sweep.read(accessKey, slot, secret?.metadata)
  }

  return {
    generate: async ({ metadata: { namespace, name }, spec }) =>
      isSecretType(spec.type) ? generateSecret() : keys.take(`${namespace}/${name}`, spec.algorithm ?? 'Ed25519'),
    createSecret: async (secret, place) =>
      wrote(place, await client.create(secrets, secret as SecretObject & KubeObject)),
    updateSecret: async (secret, place) =>
      wrote(place, await client.update(secrets, secret as SecretObject & KubeObject)),
    async deleteSecret({ metadata: { namespace, name, uid, resourceVersion } }, place) {
      const preconditions = {
        ...(uid !== undefined && { uid }),
        ...(resourceVersion !== undefined && { resourceVersion }),
      }
      await client.delete(secrets, namespace, name, { preconditions })
      wrote(place, undefined)
    },
    async writeStatus(accessKey, status) {
      const written = await writer.write(accessKeys, accessKey as AccessKey & KubeObject, status)
      if (written) visits.of(keyOf(accessKey))?.wrote(written as AccessKey & KubeObject)
    },
    // The status writer tells of transitions itself; what is left are the events of Secrets.
    record: (accessKey, events) => writer.record(accessKeys, accessKey as AccessKey & KubeObject, events),
  }
}

function keyOf({ metadata }: AccessKey): string {
  return `${metadata.namespace}/${metadata.name}`
}

const defaultStaleness = 24 * 3_600

function longestStaleness(accessKey: AccessKey, { by, services }: Pick<Sources, 'by' | 'services'>): number {
  const all = [...by.servicesOfClient(clientOfKey(accessKey))].map(key =>
    durationSeconds(services.store.get(key)?.spec.maxStaleness ?? ''),
  )
  return all.reduce<number>((longest, one) => Math.max(longest, one ?? 0), defaultStaleness)
}

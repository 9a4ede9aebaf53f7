import type { Resolved } from '../../cluster/resolved.ts'
import { type AccessKey, accessKey as accessKeyKind } from '../../core/api/access-key.ts'
import type { SecretObject } from '../../core/keys/secret-data.ts'
import { clientOfKey, rolesOfKey } from '../../core/registry/reach.ts'
import type { Clock } from '../../platform/clock.ts'
import type { KubeClient, KubeObject } from '../../platform/kube/client.ts'
import { accessKeys, secrets } from '../../platform/kube/resources.ts'
import type { Enforcement } from '../guarded-service/enforcement.ts'
import { schemaFaultOf } from '../schema-fault.ts'
import type { Sources } from '../sources.ts'
import type { StatusWriter } from '../status.ts'
import type { AccessKeyIo } from './access-key.ts'
import { createKeyProver } from './key-material.ts'
import type { KeyQueue } from './key-queue.ts'
import type { SecretSweep } from './secret-sweep.ts'

/** The seam between the passes over AccessKeys and the API server. */
export function createAccessKeyIo(about: {
  client: Pick<KubeClient, 'get' | 'create' | 'update'>
  writer: StatusWriter
  resolved: Resolved
  enforcement: Pick<Enforcement, 'view' | 'forget'>
  sources: Pick<Sources, 'by' | 'roles'>
  keys: KeyQueue
  issuerUrl: string
  authorities(): string | undefined
  sweep: Pick<SecretSweep, 'read'>
  clock: Pick<Clock, 'wallMs'>
}): AccessKeyIo {
  const { client, writer, resolved, enforcement, sources, keys } = about
  const prove = createKeyProver()
  return {
    issuer: about.issuerUrl,
    authorities: about.authorities,
    now: about.clock.wallMs,
    random: Math.random,
    generate: ({ metadata: { namespace, name }, spec }) =>
      keys.take(`${namespace}/${name}`, spec.algorithm ?? 'Ed25519'),
    schemaFault: ({ spec }) => schemaFaultOf(accessKeyKind, spec),
    missingRoles: accessKey => rolesOfKey(accessKey).filter(role => !sources.roles.store.has(role)),
    client: accessKey => resolved.clients().get(clientOfKey(accessKey)),
    prove(object, accessKey) {
      const key = prove(object, accessKey.spec.algorithm ?? 'Ed25519')
      return { object, ...(key && { key }) }
    },
    async getAccessKey(key) {
      const [namespace = '', name = ''] = key.split('/')
      const found = await client.get<AccessKey & KubeObject>(accessKeys, namespace, name)
      if (!found || found.metadata.deletionTimestamp !== undefined) {
        enforcement.forget(accessKeys, key)
        keys.forget(key)
        return undefined
      }
      return resolved.isOurs(namespace) ? found : undefined
    },
    async getSecret(namespace, name) {
      const found = await client.get<SecretObject & KubeObject>(secrets, namespace, name)
      about.sweep.read(namespace, name, found?.metadata)
      return found
    },
    createSecret: async secret => void (await client.create(secrets, secret as SecretObject & KubeObject)),
    updateSecret: async secret => void (await client.update(secrets, secret as SecretObject & KubeObject)),
    writeStatus: async (accessKey, status) =>
      void (await writer.write(accessKeys, accessKey as AccessKey & KubeObject, status)),
    enforced: accessKey =>
      enforcement.view(
        accessKeys,
        accessKey as AccessKey & KubeObject,
        sources.by.servicesOfClient(clientOfKey(accessKey)),
      ),
    // The status writer tells of transitions itself; what is left are the events of Secrets.
    record: (accessKey, events) => writer.record(accessKeys, accessKey as AccessKey & KubeObject, events),
  }
}

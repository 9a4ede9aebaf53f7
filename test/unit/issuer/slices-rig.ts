import { createDocuments } from '../../../cluster/openapi/documents.ts'
import { createResolved } from '../../../cluster/resolved.ts'
import { readContent } from '../../../core/registry/openapi-document.ts'
import { createObjects } from '../../../issuer/objects.ts'
import { createSlices } from '../../../issuer/slices/slices.ts'
import type { KubeObject, Resource } from '../../../platform/kube/client.ts'
import {
  accessGrants,
  apiClients,
  guardedServices,
  namespaces,
  roles,
  services,
} from '../../../platform/kube/resources.ts'
import { documentReaders } from '../../../platform/openapi/document-readers.ts'
import { createFakeApi, rules } from '../cluster/fake-api.ts'
import { createConfigMaps } from '../cluster/openapi-fake.ts'
import { client, grant, namespace, role, service, target } from '../core/registry/objects.ts'
import { createManualClock } from '../platform/manual-clock.ts'
import { createQuietLog } from '../platform/quiet-log.ts'

/** The issuer's slices and all that they are made of, before an API server in memory and a clock that stands still. */
export function createSlicesRig() {
  const api = createFakeApi()
  const configMaps = createConfigMaps()
  const clock = createManualClock()
  const { log } = createQuietLog()
  const objects = createObjects(api.client, { log, clock })
  const documents = createDocuments({
    client: configMaps.client,
    services: objects.services,
    reader: {
      read: async (content, name) => ({ reading: readContent(content, name, documentReaders), spentMs: 0 }),
      stop() {},
    },
    log,
    clock,
  })
  const resolved = createResolved(objects, rules, documents, 'follows')
  const slices = createSlices({ objects, resolved, documents, cluster: () => undefined, log, clock })
  const put = (resource: Resource, object: object) => api.put(resource, object as KubeObject)
  const web = (spec = {}) => client('shop', 'web', { clientId: 'shop.web', ...spec }, { uid: 'web' })

  return {
    ...{ api, configMaps, clock, log, objects, documents, slices, put, web },
    /** A shop whose web may read orders. */
    shop(...left: string[]): void {
      if (!left.includes('namespace')) put(namespaces, namespace('shop'))
      put(services, target('shop', 'orders')[1])
      put(guardedServices, service('shop', 'orders', {}, { uid: 'orders' }))
      put(roles, role('shop', 'reader', [{ services: ['orders'], methods: ['GET'], paths: ['/'] }]))
      const name = { namespace: 'shop', name: 'web' }
      const pin = { ...name, clientId: 'shop.web', namespaceUid: 'uid-of-shop', state: 'Granted' as const }
      put(accessGrants, grant('shop', 'give', { roleRef: { name: 'reader' }, clients: [name] }, [pin]))
      put(apiClients, web())
    },
    /** As the issuer does it, but for its servers. */
    async start(): Promise<void> {
      void objects.start().then(() => {
        documents.start()
        slices.start()
      })
      await clock.advance(0)
    },
    async stop(): Promise<void> {
      slices.stop()
      await documents.stop()
      await objects.stop()
    },
  }
}
export type SlicesRig = ReturnType<typeof createSlicesRig>

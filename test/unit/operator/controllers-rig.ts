import { createDocuments } from '../../../cluster/openapi/documents.ts'
import { createResolved } from '../../../cluster/resolved.ts'
import type { AccessKeyIo } from '../../../operator/access-key/access-key.ts'
import { createVisits } from '../../../operator/access-key/visits.ts'
import { createContext } from '../../../operator/context.ts'
import { createControllers } from '../../../operator/controllers.ts'
import { createEnforcement } from '../../../operator/guarded-service/enforcement.ts'
import { createSources } from '../../../operator/sources.ts'
import { createStatusWriter } from '../../../operator/status.ts'
import type { Resource } from '../../../platform/kube/client.ts'
import { guardedServices } from '../../../platform/kube/resources.ts'
import { createFakeApi, rules } from '../cluster/fake-api.ts'
import { createConfigMaps, readerAtOnce } from '../cluster/openapi-fake.ts'
import { createManualClock } from '../platform/manual-clock.ts'
import { createQuietLog } from '../platform/quiet-log.ts'

const about = { namespace: 'latchkey-system', fullname: 'latchkey' }

/** The operator's controllers and all that they look at, before an API server in memory and a clock that stands still. */
export function createControllersRig() {
  const api = createFakeApi()
  const configMaps = createConfigMaps()
  const clock = createManualClock()
  const looked: string[] = []
  const { log } = createQuietLog()
  const sources = createSources(api.client, { ...about, log, clock })
  const documents = createDocuments({
    client: configMaps.client,
    services: sources.services,
    reader: readerAtOnce,
    log,
    clock,
  })
  const resolved = createResolved(sources, rules, documents, 'decides')
  const enforcement = createEnforcement({
    sources,
    resolved,
    namespace: about.namespace,
    replicas: () => [],
    client: { ask: () => Promise.reject(new Error('nobody')), close() {} },
    servicesResource: guardedServices,
    log,
    clock,
  })
  const events: string[] = []
  const writer = createStatusWriter(api.client, {
    record: ({ kind, metadata }, { type, reason }) =>
      void events.push(`${kind} ${metadata.namespace}/${metadata.name} ${type} ${reason}`),
  })
  const look = (what: string) => async (name?: string) =>
    void looked.push(name === undefined ? what : `${what} ${name}`)
  const controllers = createControllers({
    context: createContext({ sources, resolved, documents, enforcement, writer }, clock),
    accessKeyIo: {
      reads: { authorities: () => 'ca', getAccessKey: async (key: string) => void looked.push(key) },
      now: clock.wallMs,
    } as unknown as AccessKeyIo,
    visits: createVisits(() => {}),
    certificates: {
      reconcileSecrets: look('secrets'),
      reconcileConfigMap: look('authorities'),
      reconcileWebhooks: look('webhooks'),
      bundle: () => 'ca',
      dates: () => new Map(),
    },
    issuerKeys: { reconcile: async () => undefined },
    admissionPath: { reconcile: look('admission path') },
    client: api.client,
    log,
    clock,
  })

  /** Once all that is due was done. */
  async function statusOf(resource: Resource, key: string): Promise<Record<string, unknown> | undefined> {
    await clock.advance(0)
    return api.statusOf(resource, key) as Record<string, unknown> | undefined
  }

  async function stopControllers(): Promise<void> {
    controllers.unsubscribe()
    await Promise.all(controllers.all.map(one => one.stop()))
  }

  return {
    api,
    configMaps,
    clock,
    controllers,
    /** `Kind namespace/name type reason` of every event. */
    events,
    /** Keys of AccessKeys, and what of the certificates, that passes looked at since this was asked last. */
    async news(): Promise<string[]> {
      await clock.advance(0)
      return [...new Set(looked.splice(0))].toSorted()
    },
    statusOf,
    /** The reason of a condition. */
    async reasonOf(resource: Resource, key: string, type = 'Accepted'): Promise<string | undefined> {
      const { conditions } = ((await statusOf(resource, key)) ?? {}) as {
        conditions?: { type: string; reason: string }[]
      }
      return conditions?.find(one => one.type === type)?.reason
    },
    /** As the operator does it. @returns whether passes run */
    async start(): Promise<() => boolean> {
      let runs = false
      sources.start()
      void sources.whenSynced().then(async () => {
        documents.start()
        await Promise.all(controllers.all.map(one => one.start()))
        runs = true
      })
      await clock.advance(0)
      return () => runs
    },
    stopControllers,
    async stop(): Promise<void> {
      await Promise.all([documents.stop(), stopControllers()])
      await sources.stop()
    },
  }
}
export type Rig = ReturnType<typeof createControllersRig>

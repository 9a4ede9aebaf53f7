import { apiClient as apiClientKind } from '../core/api/api-client.ts'
import { schemaFaultOf } from '../core/api/kind.ts'
import { secondsOf } from '../core/base/time.ts'
import { canBeUsed, identityEvents, planApiClient } from '../core/status/plan-api-client.ts'
import { apiClients } from '../platform/kube/resources.ts'
import type { Requeue } from '../platform/kube/work-queue.ts'
import type { Context } from './context.ts'
import { againOnConflict } from './status.ts'

// A key that is not looked at in this time has trouble of its own.
const keysMs = 15_000

/**
 * One pass over an ApiClient: what the others leave it, and how many of its keys can be used. Where keys are about to be
 * looked at for the first time its own first status waits for them: it would be another one right after.
 * @param isDue whether a pass over this AccessKey runs or comes next, or what it wrote is still to be told
 */
export function reconcileApiClient(
  key: string,
  context: Context,
  isDue: (accessKey: string) => boolean,
): Promise<Requeue> {
  const { sources, resolved, writer } = context
  const object = sources.clients.store.get(key)
  const client = resolved.clients().get(key)
  if (!object || !client) return Promise.resolve()
  const all = sources.by.keysOfClient.get(key)
  const isNew = object.status?.state === undefined
  const waits = ({ metadata, status }: (typeof all)[number]): boolean =>
    status?.state === undefined && isDue(`${metadata.namespace}/${metadata.name}`)
  if (isNew && all.some(waits)) return Promise.resolve({ requeueAfterMs: keysMs })
  return againOnConflict(async () => {
    const now = context.nowSeconds()
    const keys = all.filter(
      ({ status, metadata }) => status?.clientId === client.clientId && !metadata.deletionTimestamp,
    )
    // Our own status says it; proving each key again would cost more than all the rest of the pass.
    const usable = keys.flatMap(({ status }) => (status?.keys ?? []).filter(one => canBeUsed(one, now)))
    const status = planApiClient(
      { object, client, usableKeys: usable.length, schemaFault: schemaFaultOf(apiClientKind, object.spec) },
      context.timestamp(),
    )
    const events = identityEvents(object.status, client)
    if (await writer.write(apiClients, object, status)) writer.record(apiClients, object, events)
    const ends = keys.flatMap(accessKey => (accessKey.status?.keys ?? []).flatMap(one => secondsOf(one.notAfter) ?? []))
    return context.at(ends.filter(end => end > now))
  })
}

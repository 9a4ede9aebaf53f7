import { apiClient as apiClientKind } from '../core/api/api-client.ts'
import { schemaFaultOf } from '../core/api/kind.ts'
import { secondsOf } from '../core/base/time.ts'
import { canBeUsed, identityEvents, planApiClient } from '../core/status/plan-api-client.ts'
import { apiClients } from '../platform/kube/resources.ts'
import type { Requeue } from '../platform/kube/work-queue.ts'
import type { Context } from './context.ts'
import { againOnConflict } from './status.ts'

/** One pass over an ApiClient: what the others leave it, and how many of its keys can be used. */
export function reconcileApiClient(key: string, context: Context): Promise<Requeue> {
  const { sources, resolved, writer } = context
  const object = sources.clients.store.get(key)
  const client = resolved.clients().get(key)
  if (!object || !client) return Promise.resolve()
  return againOnConflict(async () => {
    const now = context.nowSeconds()
    const keys = sources.by.keysOfClient
      .get(key)
      .filter(accessKey => accessKey.status?.clientId === client.clientId && !accessKey.metadata.deletionTimestamp)
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

import { guardedService as guardedServiceKind } from '../../core/api/guarded-service.ts'
import { schemaFaultOf } from '../../core/api/kind.ts'
import { planGuardedService } from '../../core/status/plan-guarded-service.ts'
import type { KubeClient } from '../../platform/kube/client.ts'
import { guardedServices } from '../../platform/kube/resources.ts'
import type { Requeue } from '../../platform/kube/work-queue.ts'
import type { Context } from '../context.ts'
import { againOnConflict } from '../status.ts'
import { isolate } from './isolate.ts'

/** One pass over a GuardedService: what it holds, whether traffic meets its guards, and what they have. */
export function reconcileGuardedService(
  key: string,
  context: Context,
  client: Pick<KubeClient, 'apply' | 'delete'>,
): Promise<Requeue> {
  const { sources, resolved, documents, writer, enforcement } = context
  const object = sources.services.store.get(key)
  const service = resolved.services().get(key)
  if (!object || !service) return Promise.resolve()
  // Looked at again when something can be said of it.
  if (!documents.isSettled(object)) return Promise.resolve()
  return againOnConflict(async () => {
    const schemaFault = schemaFaultOf(guardedServiceKind, object.spec)
    const isolation = await isolate(
      key,
      { object, resolved: service, accepted: service.accepted && schemaFault === undefined },
      { sources, client },
    )
    const status = planGuardedService(
      { object, resolved: service, schemaFault, report: enforcement.service(key), isolation },
      context.timestamp(),
    )
    await writer.write(guardedServices, object, status)
  })
}

import { accessGrant as accessGrantKind } from '../core/api/access-grant.ts'
import { schemaFaultOf } from '../core/api/kind.ts'
import { roleOfGrant, servicesOfRole } from '../core/registry/reach.ts'
import { planAccessGrant } from '../core/status/plan-access-grant.ts'
import { accessGrants } from '../platform/kube/resources.ts'
import type { Requeue } from '../platform/kube/work-queue.ts'
import type { Context } from './context.ts'
import { againOnConflict } from './status.ts'

/** One pass over an AccessGrant: pins its clients, and says what became of them. */
export function reconcileAccessGrant(key: string, context: Context): Promise<Requeue> {
  const { sources, resolved, writer, enforcement } = context
  const object = sources.grants.store.get(key)
  if (!object || object.metadata.deletionTimestamp) {
    enforcement.forget(accessGrants, key)
    return Promise.resolve()
  }
  if (!resolved.isOurs(object.metadata.namespace)) return Promise.resolve()
  return againOnConflict(async () => {
    const role = sources.roles.store.get(roleOfGrant(object))
    const services = role ? servicesOfRole(role) : []
    // When one comes or goes, the status of the role changes, and with it this grant is looked at.
    const missing = services.filter(service => !resolved.services().has(service))
    const { status, events, nextAt } = planAccessGrant(
      {
        object,
        clients: resolved.clients(),
        roleExists: role !== undefined && role.metadata.deletionTimestamp === undefined,
        missingServices: missing.map(service => service.split('/')[1] ?? ''),
        opensSomething: missing.length < services.length,
        schemaFault: schemaFaultOf(accessGrantKind, object.spec),
        enforced: enforcement.view(accessGrants, object, services),
      },
      context.nowSeconds(),
    )
    if (await writer.write(accessGrants, object, status)) writer.record(accessGrants, object, events)
    return context.at(nextAt === undefined ? [] : [nextAt])
  })
}

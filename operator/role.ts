import { schemaFaultOf } from '../core/api/kind.ts'
import { role as roleKind } from '../core/api/role.ts'
import { findingIdleRules } from '../core/policy/idle-rules.ts'
import { servicesOfRole } from '../core/registry/reach.ts'
import { planRole } from '../core/status/plan-role.ts'
import { driven } from '../platform/drive-steps.ts'
import { roles } from '../platform/kube/resources.ts'
import type { Requeue } from '../platform/kube/work-queue.ts'
import type { Context } from './context.ts'
import { againOnConflict } from './status.ts'

/** One pass over a Role: whether its services exist, and how many grants give it. */
export function reconcileRole(key: string, context: Context): Promise<Requeue> {
  const { sources, resolved, writer, enforcement } = context
  const object = sources.roles.store.get(key)
  if (!object || object.metadata.deletionTimestamp) {
    enforcement.forget(roles, key)
    return Promise.resolve()
  }
  if (!resolved.isOurs(object.metadata.namespace)) return Promise.resolve()
  return againOnConflict(async () => {
    const services = servicesOfRole(object)
    const missing = services
      .filter(service => !resolved.services().has(service))
      .map(service => service.split('/')[1] ?? '')
    const schemaFault = schemaFaultOf(roleKind, object.spec)
    const routesOf = (name: string) => {
      const service = resolved.services().get(`${object.metadata.namespace}/${name}`)
      return service?.accepted ? service.routes : undefined
    }
    const idle = schemaFault === undefined ? await driven(findingIdleRules(object.spec.rules, routesOf)) : []
    const status = planRole(
      {
        object,
        missing,
        idle,
        grants: sources.by.grantsOfRole.get(key).length,
        schemaFault,
        enforced: enforcement.view(roles, object, services),
      },
      context.timestamp(),
    )
    await writer.write(roles, object, status)
  })
}

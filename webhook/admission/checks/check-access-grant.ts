import type { AccessGrantSpec } from '../../../core/api/access-grant.ts'
import * as resources from '../../../platform/kube/resources.ts'
import { expiresInThePast, type KindChecks, unreadTime } from './check.ts'

export const accessGrantChecks: KindChecks<AccessGrantSpec> = {
  refusals: [({ expiresAt }) => unreadTime('spec.expiresAt', expiresAt)],
  warnings: [expiresInThePast],
  references: ({ roleRef, clients }, { namespace }) => [
    { field: 'spec.roleRef.name', resource: resources.roles, namespace, name: roleRef.name },
    ...clients.map((client, index) => ({
      field: `spec.clients[${index}]`,
      resource: resources.apiClients,
      ...client,
    })),
  ],
}

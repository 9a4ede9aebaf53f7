import type { ApiClientSpec } from '../../../core/api/api-client.ts'
import * as resources from '../../../platform/kube/resources.ts'
import type { KindChecks } from './check.ts'

export const apiClientChecks: KindChecks<ApiClientSpec> = {
  refusals: [],
  warnings: [],
  references: ({ serviceAccounts }, { namespace }) =>
    (serviceAccounts ?? []).map(({ name }, index) => ({
      field: `spec.serviceAccounts[${index}].name`,
      resource: resources.serviceAccounts,
      namespace,
      name,
    })),
}

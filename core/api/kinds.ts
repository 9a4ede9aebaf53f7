import { accessGrant } from './access-grant.ts'
import { accessKey } from './access-key.ts'
import { apiClient } from './api-client.ts'
import { guardedService } from './guarded-service.ts'
import type { KindDefinition } from './kind.ts'
import { role } from './role.ts'

/** Every kind of the group, in the order the documents use. */
export const kinds: readonly KindDefinition[] = [apiClient, accessKey, role, accessGrant, guardedService]

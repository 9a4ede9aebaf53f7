import type { AccessGrant } from '../api/access-grant.ts'
import type { AccessKey } from '../api/access-key.ts'
import type { ApiClient } from '../api/api-client.ts'
import type { GuardedService } from '../api/guarded-service.ts'
import { apiVersion, type Metadata } from '../api/kind.ts'
import type { Role } from '../api/role.ts'
import { checkPublicKey, thumbprint } from '../keys/jwk.ts'
import type { Row } from '../snapshot/rows.ts'
import { keyOf, referenceKey } from './ids.ts'
import type { ConfigMapObject, NamespaceObject, ServiceAccountObject, ServiceObject } from './kubernetes.ts'
import { type OpenApiSource, readOpenApi } from './openapi-document.ts'
import { clientOfKey } from './reach.ts'
import { type ResolvedClient, resolveClients } from './resolve-clients.ts'
import { resolveServices } from './resolve-services.ts'
import { sliceRows } from './slice.ts'

/** An object as a manifest gives it. */
export interface ManifestObject {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: Metadata
}

export interface ManifestOptions {
  /** `namespace/name` of the GuardedService. */
  readonly service: string
  readonly issuer: string
  readonly installation: string
  /** Seconds since epoch. */
  readonly now: number
  readonly clientIds?: ReadonlyMap<string, string>
  readonly reservedAudiences?: readonly string[]
  /** Reads an OpenAPI document in a ConfigMap; without it such a service has none. */
  readonly parse?: (text: string) => unknown
}

/**
 * The slice of one service from manifests alone, as a cluster would make it: pins and keys are computed from the specs,
 * so only AccessKeys that bring a public key count. Without a Namespace in the manifests, its name stands for its uid;
 * without a Service, the target is taken for granted. Objects must have passed their kind's schema.
 * @returns the rows, and for people every object that is left out or does less than it says
 */
export function manifestSlice(
  objects: readonly ManifestObject[],
  options: ManifestOptions,
): { rows: Row[]; problems: string[] } {
  const given = sorted(objects, options)
  const problems: string[] = []
  const clients = resolveClients({
    clients: given.clients,
    namespaces: given.namespaces,
    installation: options.installation,
    issuerUrl: options.issuer,
    clientIds: options.clientIds ?? new Map(),
  })
  for (const client of clients.values()) if (!client.accepted) problems.push(`ApiClient ${client.key}: ${client.message}`)
  const keys = given.keys.flatMap(key => pinnedKey(key, clients, problems))
  const keysOf = Map.groupBy(keys, clientOfKey)
  const services = resolveServices({
    services: given.services,
    targets: given.targets,
    namespaces: given.namespaces,
    documents: given.documents,
    installation: options.installation,
    issuerUrl: options.issuer,
    reservedAudiences: options.reservedAudiences ?? [],
  })
  const service = services.get(options.service)
  if (!service) return { rows: [], problems: [...problems, `There is no GuardedService ${options.service}.`] }
  if (!service.accepted) problems.push(`GuardedService ${service.key}: ${service.message}`)
  const rows = sliceRows({
    service,
    roles: given.roles,
    grants: given.grants.map(grant => pinnedGrant(grant, clients, problems)),
    clients,
    credentials: client => ({
      accessKeys: keysOf.get(client.key) ?? [],
      // Uids of pods and service accounts exist only in a cluster.
      serviceAccounts: [],
    }),
  })
  return { rows, problems }
}

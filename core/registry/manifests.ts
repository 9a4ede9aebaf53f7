import type { AccessGrant, GrantedClient } from '../api/access-grant.ts'
import type { AccessKey, PublishedKey } from '../api/access-key.ts'
import type { GuardedService } from '../api/guarded-service.ts'
import { groupBy } from '../base/group-by.ts'
import { checkPublicKey, thumbprint } from '../jose/jwk.ts'
import type { Row } from '../rows/rows.ts'
import { clientKeys, clientRow } from './client-row.ts'
import { keyOf, referenceKey } from './ids.ts'
import { usableKeys } from './keys.ts'
import { type ManifestObject, type Manifests, sortManifests } from './manifest-objects.ts'
import { type DocumentReaders, type OpenApiSource, type ReadText, readOpenApi } from './openapi-document.ts'
import { clientOfKey } from './reach.ts'
import { type ResolvedClient, resolveClients } from './resolve-clients.ts'
import { type ResolvedService, resolveServices } from './resolve-services.ts'
import { grantRow, sliceRows } from './slice.ts'

export interface ManifestOptions {
  /** `namespace/name` of the GuardedService. */
  readonly service: string
  /** URL of the issuer that the clients' tokens name. */
  readonly issuer: string
  readonly installation: string
  /** Seconds since epoch: keys that have ended are told as problems. */
  readonly now: number
  /** As the chart's value: client id → `namespace/name`. */
  readonly clientIds?: ReadonlyMap<string, string>
  readonly reservedAudiences?: readonly string[]
  /** Reads an OpenAPI document out of a ConfigMap of the manifests; without it none can be read. */
  readonly read?: ReadText
  /** Inflates one that is compressed; without it none can be read. */
  readonly inflate?: DocumentReaders['inflate']
}

/**
 * The slice of one service from manifests alone, as a cluster would make it. Pins and keys are computed from the specs,
 * so only AccessKeys that bring a public key count. Without a Namespace its name stands for its uid; without a Service
 * the target is taken for granted. Service account tokens need a cluster: nothing accepts them here.
 * @param objects have passed their kind's schema
 * @returns the rows, and a sentence for every object that is left out or does less than it says
 */
export function manifestSlice(
  objects: readonly ManifestObject[],
  options: ManifestOptions,
): { rows: Row[]; problems: string[] } {
  const manifests = sortManifests(objects, options.installation)
  const clients = resolveClients({
    ...manifests,
    installation: options.installation,
    issuerUrl: options.issuer,
    clientIds: options.clientIds ?? new Map(),
  })
  const service = serviceOf(manifests, options)
  const problems = [
    ...refusals(clients, service),
    ...(service ? [] : [`There is no GuardedService ${options.service}.`]),
  ]
  // What is said of keys would be no reason for that.
  if (!service?.published) return { rows: [], problems }
  const keys = groupBy(
    manifests.keys.flatMap(key => pinnedKey(key, clients, options.now, problems)),
    clientOfKey,
  )
  const grants = manifests.grants.map(grant => pinnedGrant(grant, clients, problems))
  const namespace = service.service.metadata.namespace ?? ''
  const rows = sliceRows({
    service,
    roles: manifests.roles,
    grants,
    grantRow: grant => grantRow(grant, clients),
    clientRow: client =>
      clientRow(
        client,
        { namespace, name: service.service.metadata.name },
        {
          keys: clientKeys(client, keys.get(client.key) ?? []),
          secrets: [],
          serviceAccounts: [],
        },
      ),
  })
  return { rows, problems }
}

function serviceOf(manifests: Manifests, options: ManifestOptions): ResolvedService | undefined {
  const { read = () => ({ fault: 'nothing reads documents here' }), inflate = () => undefined } = options
  const documentOf = (service: GuardedService): OpenApiSource => {
    const name = service.spec.openapi?.configMapRef.name
    return readOpenApi(service, manifests.configMaps.get(`${service.metadata.namespace}/${name}`), { read, inflate })
  }
  return resolveServices({
    ...manifests,
    documents: documentOf,
    installation: options.installation,
    issuerUrl: options.issuer,
    reservedAudiences: options.reservedAudiences ?? [],
  }).get(options.service)
}

function refusals(clients: ReadonlyMap<string, ResolvedClient>, service: ResolvedService | undefined): string[] {
  const refused = [...clients.values()].filter(client => !client.accepted)
  return [
    ...refused.map(client => `ApiClient ${client.key}: ${client.message}`),
    ...(service && !service.accepted ? [`GuardedService ${service.key}: ${service.message}`] : []),
    ...(service?.deprecated !== undefined ? [`GuardedService ${service.key}: ${service.deprecated}`] : []),
  ]
}

/** The key as the operator would publish it: of a brought public key only, for a private half needs a Secret. */
function pinnedKey(
  key: AccessKey,
  clients: ReadonlyMap<string, ResolvedClient>,
  now: number,
  problems: string[],
): AccessKey[] {
  const { publicKey, algorithm = 'Ed25519' } = key.spec
  const client = clients.get(clientOfKey(key))
  const fault = !client
    ? `there is no ApiClient ${clientOfKey(key)}.`
    : publicKey
      ? checkPublicKey(publicKey, algorithm)
      : 'it brings no publicKey, and keys are minted in a cluster only.'
  if (fault !== undefined || !client || !publicKey) {
    problems.push(`AccessKey ${keyOf(key)}: ${fault}`)
    return []
  }
  const published: PublishedKey = {
    kid: thumbprint(publicKey),
    state: 'Active',
    publicKey,
    notBefore: key.metadata.creationTimestamp ?? '1970-01-01T00:00:00Z',
  }
  const pinned = { ...key, status: { clientId: client.clientId, keys: [published] } }
  if (usableKeys(pinned, now).length === 0) {
    problems.push(
      `AccessKey ${keyOf(key)}: it is revoked or has ended; validity counts from metadata.creationTimestamp.`,
    )
  }
  return [pinned]
}

function pinnedGrant(
  grant: AccessGrant,
  clients: ReadonlyMap<string, ResolvedClient>,
  problems: string[],
): AccessGrant {
  const pins = grant.spec.clients.map(({ namespace, name }): GrantedClient => {
    const client = clients.get(referenceKey({ namespace, name }))
    if (client) {
      const { clientId, namespaceUid } = client
      return { namespace, name, clientId, namespaceUid, state: client.accepted ? 'Granted' : 'Refused' }
    }
    problems.push(`AccessGrant ${keyOf(grant)}: there is no ApiClient ${namespace}/${name}.`)
    return { namespace, name, state: 'NotFound' }
  })
  return { ...grant, status: { clients: pins } }
}

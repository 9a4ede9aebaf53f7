import type { DenyReason } from '../../core/base/reasons.ts'
import { emptyMap } from '../../core/base/shared-map.ts'
import { finish } from '../../core/base/steps.ts'
import { claimedIss } from '../../core/credential/claimed-iss.ts'
import { parseCompact } from '../../core/credential/compact.ts'
import { readBinding } from '../../core/credential/pod-binding.ts'
import { verifyToken } from '../../core/credential/verify.ts'
import { clientKeys, clientRow, serviceAccountRows } from '../../core/registry/client-row.ts'
import type { ResolvedClient } from '../../core/registry/resolve-clients.ts'
import type { ClusterRow, ServiceRow } from '../../core/rows/rows.ts'
import { type ClusterEntry, clusterEntry } from '../../core/snapshot/client-entry.ts'
import { noClients, updateClients } from '../../core/snapshot/client-index.ts'
import type { Snapshot } from '../../core/snapshot/snapshot.ts'
import type { Objects } from '../objects.ts'
import type { LiveClients, ProvedClient } from './live-clients.ts'

/**
 * Proves whose a service account token or a client token is that has the issuer of an authorization server as its audience:
 * by the code and in the order that guards prove them, over what is known of the one client now.
 */
export type SubjectProver = (text: string, issuer: string, now: number) => ProvedClient | DenyReason

/** What of the cluster it is proved from. */
export type SubjectObjects = Pick<Objects, 'serviceAccounts'> & {
  readonly by: Pick<Objects['by'], 'keysOfClient' | 'podsOfAccount'>
}

export function createSubjectProver(parts: {
  readonly objects: SubjectObjects
  readonly clients: Pick<LiveClients, 'get' | 'ofAccount'>
  readonly cluster: () => ClusterRow | undefined
}): SubjectProver {
  const { objects, clients, cluster } = parts
  // As long as the keys of the cluster are as they were read.
  const entries = new WeakMap<ClusterRow, ClusterEntry>()

  function clusterNow(): ClusterEntry | undefined {
    const row = cluster()
    if (!row) return undefined
    const entry = entries.get(row) ?? clusterEntry(row)
    entries.set(row, entry)
    return entry
  }

  /** Whose it says it is. Nothing is proved by that. */
  function claimed(text: string, ofCluster: ClusterEntry | undefined): ResolvedClient | undefined {
    const iss = claimedIss(text)
    if (iss === undefined) return undefined
    if (iss !== ofCluster?.issuer) {
      const client = clients.get(iss.slice(iss.lastIndexOf('/') + 1))
      return client?.issuer === iss ? client : undefined
    }
    const bound = readBinding(parseCompact(text)?.payload ?? {})
    return bound && clients.ofAccount(bound.namespace, bound.serviceAccount.name)
  }

  return (text, issuer, now) => {
    const ofCluster = clusterNow()
    const client = claimed(text, ofCluster)
    if (!client) return 'invalid_token'
    const keys = clientKeys(client, objects.by.keysOfClient.get(client.key))
    const pods = (account: string) => objects.by.podsOfAccount.get(account)
    const serviceAccounts = serviceAccountRows(client, objects.serviceAccounts.store, pods, now)
    const row = clientRow(client, nowhere, { keys, secrets: [], serviceAccounts })
    const index = finish(updateClients(noClients, [{ before: undefined, after: row }]))
    const identity = verifyToken(text, { ...nothing, ...index, cluster: ofCluster, service: serviceOf(issuer) }, now)
    if (typeof identity === 'string') return identity
    return { client, key: keys.find(({ key }) => key.kid === identity.key) ?? { account: identity.key } }
  }
}

/** No service: roles that narrow a key are looked at where it is used. */
const nowhere = { namespace: '', name: '' }

const nothing: Omit<Snapshot, 'clients' | 'clientsBy' | 'cluster' | 'service'> = {
  mark: {},
  hash: '',
  revision: '',
  policy: undefined,
  accessTokens: undefined,
  grantsByClient: emptyMap(),
  roles: emptyMap(),
  unsupported: new Map(),
}

/** An authorization server, as far as a token for it is concerned. */
function serviceOf(issuer: string): ServiceRow {
  return {
    type: 'service',
    ...nowhere,
    audience: issuer,
    accepts: ['ClientToken', 'ServiceAccountToken'],
    public: [],
    routes: [],
    mode: 'Enforce',
    maxStalenessSeconds: 0,
    directAccess: 'Refuse',
    keepCredential: 'Never',
  }
}

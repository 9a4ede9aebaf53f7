import type { Algorithm } from '../api/access-key.ts'
import { lookup, valuesOf } from '../base/shared-map.ts'
import type { CompactToken } from '../credential/compact.ts'
import { readBinding } from '../credential/pod-binding.ts'
import { isSignedBy } from '../credential/signed.ts'
import { algorithms } from '../jose/algorithms.ts'
import type { KeyRow } from '../rows/rows.ts'
import { type ClientEntry, type KeyEntry, keyObjectOf } from '../snapshot/client-entry.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'
import { looksLikeServiceAccount } from './inspect-token.ts'

/**
 * Why a guard with this policy answers `invalid_token`, every cause as a sentence. A guard must not say it to who has
 * not proved anything; to be told only where the policy itself is at hand, to somebody who may read it.
 */
export function unprovedCauses(token: CompactToken, snapshot: Snapshot): string[] {
  const { iss } = token.payload
  const causes =
    iss === snapshot.cluster?.issuer || looksLikeServiceAccount(token)
      ? serviceAccountCauses(token, snapshot)
      : clientCauses(token, snapshot)
  return causes.flatMap(cause => cause ?? [])
}

function clientCauses(token: CompactToken, snapshot: Snapshot): (string | undefined)[] {
  const { iss, sub } = token.payload
  const { kid } = token.header
  const clients = (typeof iss === 'string' && lookup(snapshot.clientsByIssuer, iss)) || []
  const client = clients.find(({ row }) => row.clientId === sub) ?? (clients.length === 1 ? clients[0] : undefined)
  const own = client?.keys.find(({ row }) => row.kid === kid)
  const owner = own ? client : ownerOf(kid, snapshot)
  const key = own ?? owner?.keys.find(({ row }) => row.kid === kid)
  return [
    client ? undefined : issuerCause(iss, owner),
    own ? undefined : kidCause(kid, client, owner),
    ...(key ? proofCauses(token, key, key.row.algorithm, `AccessKey ${key.row.accessKey}`) : []),
  ]
}

/** Another client that has the key. */
function ownerOf(kid: unknown, snapshot: Snapshot): ClientEntry | undefined {
  for (const client of valuesOf(snapshot.clients)) if (client.keys.some(({ row }) => row.kid === kid)) return client
  return undefined
}

function issuerCause(iss: unknown, owner: ClientEntry | undefined): string {
  const found = `iss ${shown(iss)} is of no client that this policy knows`
  return owner
    ? `${found}: the client ${nameOf(owner)}, whose key kid names, has ${owner.row.issuer}.`
    : `${found}: the client is unknown, or granted nothing here, or iss is written otherwise than <issuer>/v1/clients/<client id>.`
}

function kidCause(kid: unknown, client: ClientEntry | undefined, owner: ClientEntry | undefined): string | undefined {
  if (kid === undefined) return 'The header has no kid.'
  if (client && owner)
    return `kid is a key of the client ${nameOf(owner)}, not of ${nameOf(client)}, whose iss the token has.`
  if (owner) return undefined
  if (!client) return `kid ${shown(kid)} is no key that this policy knows.`
  return `kid ${shown(kid)} is no key of the client ${nameOf(client)}, which has ${keysOf(client.keys)}.`
}

function keysOf(keys: readonly KeyEntry<KeyRow>[]): string {
  if (keys.length === 0) return 'none'
  return keys.map(({ row }) => `${row.kid} (AccessKey ${row.accessKey}${row.revoked ? ', revoked' : ''})`).join(', ')
}

function proofCauses(
  token: CompactToken,
  key: Parameters<typeof keyObjectOf>[0],
  algorithm: Algorithm,
  what: string,
): string[] {
  const { tokenAlgorithms } = algorithms[algorithm]
  const { alg } = token.header
  if (typeof alg !== 'string' || !tokenAlgorithms.includes(alg)) {
    const signed = isSignedBy(
      { ...token, header: { ...token.header, alg: tokenAlgorithms[0] } },
      algorithm,
      keyObjectOf(key, algorithm),
    )
    return [
      `alg is ${shown(alg)}, and the key of ${what} is ${algorithm}: write ${tokenAlgorithms.join(' or ')}, and sign so.`,
      ...(signed ? [] : ['The signature is none of this key either.']),
    ]
  }
  return isSignedBy(token, algorithm, keyObjectOf(key, algorithm))
    ? []
    : [`The signature is not of ${what}: another private key signed, or the token was changed afterwards.`]
}

function serviceAccountCauses(
  token: CompactToken,
  { cluster, clientsByServiceAccount }: Snapshot,
): (string | undefined)[] {
  const { iss } = token.payload
  if (!cluster) return ['This policy has no keys of service account tokens.']
  const key = cluster.keys.find(({ row }) => row.kid === token.header.kid)
  const bound = readBinding(token.payload)
  const account = bound && `${bound.namespace}/${bound.serviceAccount.name}`
  const clients = account === undefined ? undefined : (lookup(clientsByServiceAccount, account) ?? [])
  return [
    iss === cluster.issuer
      ? undefined
      : `iss is ${shown(iss)}; service account tokens of this cluster have ${cluster.issuer}: it is of another cluster.`,
    ...(key
      ? proofCauses(token, key, key.row.alg, 'the cluster')
      : [`kid ${shown(token.header.kid)} is no key of this cluster's service account tokens.`]),
    clients?.length === 0
      ? `No client that this policy knows lists the service account ${account}: see spec.serviceAccounts of its ApiClient, and whether it is granted anything here.`
      : undefined,
    clients !== undefined && clients.length > 1
      ? `Several clients list the service account ${account}: ${clients.map(nameOf).join(', ')}. It is taken for none of them.`
      : undefined,
  ]
}

function nameOf({ row }: ClientEntry): string {
  return `${row.namespace}/${row.name}`
}

function shown(value: unknown): string {
  if (value === undefined) return 'not there'
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}

import type { Identity } from '../base/identity.ts'
import type { DenyReason } from '../base/reasons.ts'
import { lookup, valuesOf } from '../base/shared-map.ts'
import { algorithms } from '../jose/algorithms.ts'
import type { ClientRow, KeyRow } from '../rows/rows.ts'
import { type ClientEntry, type KeyEntry, keyObjectOf } from '../snapshot/client-entry.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'
import { checkAtJwtType, checkJti, namesClient } from './at-jwt.ts'
import { bearerPlaces } from './bearer.ts'
import { type ClaimCheck, checkAudienceForm, firstFault, needs, timeChecks } from './claim-checks.ts'
import { type Claims, checkTimes, readAudience, timesOf } from './claims.ts'
import { maxLifetimeSeconds, toleranceSeconds } from './client-token-claims.ts'
import type { CompactToken } from './compact.ts'
import type { CredentialEntry } from './entry.ts'
import type { CredentialExplanation } from './explanation.ts'
import { nameOf, signatureCauses, written } from './signature-causes.ts'
import { isSignedBy } from './signed.ts'
import { checkService, checkStanding, isOlderThanKey } from './standing.ts'
import { claimFaults, keyFaults, shown, type TokenFault, tokenFault } from './token-faults.ts'

/** A token that a client signed with one of its keys. */
export const clientToken: CredentialEntry = {
  kind: 'ClientToken',
  ...bearerPlaces,
  bindsRequest: false,
  isSigned: true,
  isOf({ token }, { cluster, clientsBy }) {
    const { iss } = token?.payload ?? {}
    return typeof iss === 'string' && iss !== cluster?.issuer && lookup(clientsBy.ClientToken, iss) !== undefined
  },
  prove: ({ token }, snapshot, now) => (token ? prove(token, snapshot, now) : 'invalid_token'),
  claimedBy: ({ iss }, { clientsBy }) => (iss !== undefined && lookup(clientsBy.ClientToken, iss) ? iss : undefined),
  /** It names its client itself, and the key is the client's own. */
  namesStill: () => true,
  checkStanding({ key, proof }, { row, keys }, _, now) {
    const found = keys.find(({ row: { kid } }) => kid === key)?.row
    return found && proof.issuer === row.issuer ? checkStanding(row, found, now) : 'invalid_token'
  },
  checkUse(identity, { row, keys }, service) {
    const key = keys.find(({ row: { kid } }) => kid === identity.key)?.row
    if (key && isOlderThanKey(identity.proof.issuedAt, row, key)) return 'token_predates_key'
    return checkService(identity, service)
  },
  boundsOf: ({ key }, { keys }) => keys.find(({ kid }) => kid === key),
}

const claimNames = ['iss', 'sub', 'client_id', 'aud', 'iat', 'exp', 'jti'] as const

/**
 * What a client token must say, in the order in which a fault is told. Whoever is told of the first only learns of it
 * after the signature was proved: before that a reason would help a forger.
 * @see RFC 9068 section 2, RFC 7519 sections 4.1.3 to 4.1.7; threats J17, J18, J20, J23
 */
const checks: readonly ClaimCheck[] = [
  checkAtJwtType,
  needs(claimNames),
  namesClient('sub'),
  namesClient('client_id'),
  checkAudienceForm,
  ...timeChecks(maxLifetimeSeconds),
  checkJti,
]

/** See verifyToken for the order of the checks. */
function prove(token: CompactToken, snapshot: Snapshot, now: number): Identity | DenyReason {
  const { iss, sub } = token.payload
  const client = clientOf(lookup(snapshot.clientsBy.ClientToken, String(iss)), sub)
  const key = client?.keys.find(({ row }) => row.kid === token.header.kid)
  if (!client || !key) return 'invalid_token'
  const { algorithm } = key.row
  if (!isSignedBy(token, algorithm, keyObjectOf(key, algorithm))) return 'invalid_token'
  return checkStanding(client.row, key.row, now) ?? identify(token, client, key.row, snapshot, now)
}

/** Whose key may have signed: an issuer is one client's, and says so also where `sub` is wrong. */
function clientOf(clients: readonly ClientEntry[] = [], sub: unknown): ClientEntry | undefined {
  return clients.find(({ row }) => row.clientId === sub) ?? (clients.length === 1 ? clients[0] : undefined)
}

const noScopes: readonly string[] = []

/** Proved: from here on it is said what is wrong. All other claims are ignored, roles above all. */
function identify(
  token: CompactToken,
  { row }: ClientEntry,
  key: KeyRow,
  { service }: Snapshot,
  now: number,
): Identity | DenyReason {
  const claims = token.payload
  const times = timesOf(claims)
  const audience = readAudience(claims)
  const fault = firstFault(checks, token, row.clientId) ?? checkTimes(claims, times, now)
  if (fault) return fault
  if (isOlderThanKey(times.issuedAt, row, key)) return 'token_predates_key'
  if (audience === undefined || audience !== service?.audience) return 'wrong_audience'
  if (!service.accepts.includes('ClientToken')) return 'credential_unsupported'
  const endsAt = times.expiresAt + toleranceSeconds
  return {
    clientId: row.clientId,
    client: `${row.namespace}/${row.name}`,
    key: key.kid,
    credential: 'ClientToken',
    subject: row.clientId,
    scopes: noScopes,
    expiresAt: Math.min(endsAt, key.notAfter ?? Number.MAX_SAFE_INTEGER),
    ...(key.roles && { roles: key.roles }),
    proof: { issuedAt: times.issuedAt, endsAt, audience, issuer: row.issuer },
  }
}

/** Who a fresh token of this key would prove. @param now seconds since epoch */
export function identityOfKey(client: ClientRow, key: KeyRow, audience: string, now: number): Identity {
  return {
    clientId: client.clientId,
    client: `${client.namespace}/${client.name}`,
    key: key.kid,
    credential: 'ClientToken',
    subject: client.clientId,
    scopes: [],
    expiresAt: Number.MAX_SAFE_INTEGER,
    ...(key.roles && { roles: key.roles }),
    proof: { issuedAt: now, endsAt: Number.MAX_SAFE_INTEGER, audience, issuer: client.issuer },
  }
}

/** What people are told of client tokens. */
export const clientTokenExplanation: CredentialExplanation = {
  words: 'client token',
  looksLike: ({ token }) => token !== undefined,
  faultsOf: ({ token }) => (token ? faultsOf(token) : []),
  causesOf: ({ token }, snapshot) => (token ? causesOf(token, snapshot) : []),
  beyondManifests({ token }, { clients, clientsBy }) {
    const { iss } = token?.payload ?? {}
    const { kid } = token?.header ?? {}
    if ([...valuesOf(clients)].some(({ keys }) => keys.some(({ row }) => row.kid === kid))) return undefined
    const [client] = (typeof iss === 'string' && lookup(clientsBy.ClientToken, iss)) || []
    if (!client)
      return `no client of these files has this iss: it is unknown, or granted nothing here, or its id and issuer are the cluster's`
    return kid === undefined ? undefined : 'its key is not in these files: keys are minted in a cluster'
  },
  standingsOf: (client, now) =>
    client.keys.map(key => {
      const fault = checkStanding(client, key, now)
      return {
        key: key.kid,
        accessKey: key.accessKey,
        ...(fault && { fault }),
        ...(key.notAfter !== undefined && { notAfter: key.notAfter }),
        ...(key.roles && { roles: key.roles }),
      }
    }),
  freshIdentity(client, kid, { audience, now }) {
    const key = client.keys.find(one => one.kid === kid)
    return key && identityOfKey(client, key, audience, now)
  },
}

const clientAlgorithms = Object.values(algorithms).flatMap(({ tokenAlgorithms }) => tokenAlgorithms)
const clientIssuer = /^https?:\/\/[^?#]+\/v1\/clients\/[^/?#]+$/

function faultsOf(token: CompactToken): TokenFault[] {
  const { iss } = token.payload
  const issuerFault = tokenFault(
    'invalid_token',
    `iss is ${shown(iss)}`,
    "Write the client's own issuer into iss: <issuer>/v1/clients/<client id>, with the files issuer and client-id of the mounted Secret.",
  )
  const isIssuer = iss === undefined || (typeof iss === 'string' && clientIssuer.test(iss))
  return [
    ...keyFaults(token, clientAlgorithms),
    ...(isIssuer ? [] : [issuerFault]),
    ...claimFaults(checks, token, { names: claimNames, clientId: claimedClient(token.payload) }),
  ]
}

/** Whose token it is by its issuer, which ends with the client id; else by its subject. */
function claimedClient({ iss, sub, client_id }: Claims): unknown {
  const [, byIssuer] = typeof iss === 'string' ? (/\/v1\/clients\/([^/]+)$/.exec(iss) ?? []) : []
  return byIssuer ?? sub ?? client_id
}

function causesOf(token: CompactToken, snapshot: Snapshot): (string | undefined)[] {
  const { iss, sub } = token.payload
  const { kid } = token.header
  const client = clientOf((typeof iss === 'string' && lookup(snapshot.clientsBy.ClientToken, iss)) || [], sub)
  const own = client?.keys.find(({ row }) => row.kid === kid)
  const owner = own ? client : ownerOf(kid, snapshot)
  const key = own ?? owner?.keys.find(({ row }) => row.kid === kid)
  return [
    client ? undefined : issuerCause(iss, owner),
    own ? undefined : kidCause(kid, client, owner),
    ...(key ? signatureCauses(token, key, key.row.algorithm, `AccessKey ${key.row.accessKey}`) : []),
  ]
}

/** Another client that has the key. */
function ownerOf(kid: unknown, snapshot: Snapshot): ClientEntry | undefined {
  for (const client of valuesOf(snapshot.clients)) if (client.keys.some(({ row }) => row.kid === kid)) return client
  return undefined
}

function issuerCause(iss: unknown, owner: ClientEntry | undefined): string {
  const found = `iss ${written(iss)} is of no client that this policy knows`
  return owner
    ? `${found}: the client ${nameOf(owner)}, whose key kid names, has ${owner.row.issuer}.`
    : `${found}: the client is unknown, or granted nothing here, or iss is written otherwise than <issuer>/v1/clients/<client id>.`
}

function kidCause(kid: unknown, client: ClientEntry | undefined, owner: ClientEntry | undefined): string | undefined {
  if (kid === undefined) return 'The header has no kid.'
  if (client && owner)
    return `kid is a key of the client ${nameOf(owner)}, not of ${nameOf(client)}, whose iss the token has.`
  if (owner) return undefined
  if (!client) return `kid ${written(kid)} is no key that this policy knows.`
  return `kid ${written(kid)} is no key of the client ${nameOf(client)}, which has ${keysOf(client.keys)}.`
}

function keysOf(keys: readonly KeyEntry<KeyRow>[]): string {
  if (keys.length === 0) return 'none'
  return keys.map(({ row }) => `${row.kid} (AccessKey ${row.accessKey}${row.revoked ? ', revoked' : ''})`).join(', ')
}

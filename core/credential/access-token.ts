import type { Identity } from '../base/identity.ts'
import type { DenyReason } from '../base/reasons.ts'
import { lookup } from '../base/shared-map.ts'
import type { ClientRow, KeyBounds } from '../rows/rows.ts'
import { type AccessTokensEntry, type ClientEntry, keyObjectOf } from '../snapshot/client-entry.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'
import { accountPrefix, keyClaim, maxAccessTokenSeconds } from './access-token-claims.ts'
import { checkAtJwtType, checkJti, namesClient } from './at-jwt.ts'
import { bearerPlaces } from './bearer.ts'
import { type ClaimCheck, checkAudienceForm, firstFault, needs, timeChecks } from './claim-checks.ts'
import { claimedText } from './claimed-iss.ts'
import { checkTimes, readAudience, type TokenTimes, timesOf } from './claims.ts'
import { toleranceSeconds } from './client-token-claims.ts'
import type { CompactToken } from './compact.ts'
import type { CredentialEntry } from './entry.ts'
import { revocationId } from './revocation.ts'
import { isSignedBy } from './signed.ts'
import { checkService, checkStanding } from './standing.ts'

/** A token that the token endpoint of the installation, or of the service, gave to a client. */
export const accessToken: CredentialEntry = {
  kind: 'AccessToken',
  ...bearerPlaces,
  bindsRequest: false,
  isSigned: true,
  /** Of any service: whose it is has to be proved before it can be said that it is for another one. */
  isOf: ({ token }, { accessTokens }) => accessTokens !== undefined && isIssuedHere(token?.payload.iss, accessTokens),
  prove: ({ token }, snapshot, now) =>
    token && snapshot.accessTokens ? prove(token, snapshot.accessTokens, snapshot, now) : 'invalid_token',
  claimedBy({ text, iss }, { accessTokens, clients }) {
    if (!accessTokens || !isIssuedHere(iss, accessTokens)) return undefined
    // One client that sends many must not delay all that have their tokens of the same issuer.
    const clientId = claimedText(text, 'client_id')
    return clientId !== undefined && lookup(clients, clientId) ? clientId : iss
  },
  /** What it is proved anew for: it is told apart then whether it is for another service, or for nobody here. */
  namesStill({ clientId, proof }, { clients, service, accessTokens }) {
    return (
      proof.audience === service?.audience &&
      accessTokens !== undefined &&
      isFor(proof.issuer, accessTokens) &&
      stands(proof).unknownSince === textOf(accessTokens) &&
      lookup(clients, clientId) !== undefined
    )
  },
  checkStanding({ key, proof }, { row }, { accessTokens }, now) {
    const signs = accessTokens?.keys.some(({ row: { kid } }) => kid === stands(proof).kid)
    return signs ? standingOf(row, key, now) : 'invalid_token'
  },
  checkUse(identity, { row }, service) {
    const { issuedAt } = identity.proof
    if (isOlder(issuedAt, row, boundsIn(row, identity.key))) return 'token_predates_key'
    return checkService(identity, service) ?? revokedFault(row, stands(identity.proof).id, issuedAt)
  },
  boundsOf: ({ key }, row) => boundsIn(row, key),
}

type Anchors = {
  /** What its revocation would be known by. */
  readonly id: string
  /** The key that signed. */
  readonly kid: string
  /** Since when revocations were not known when it was proved; empty where they were. */
  readonly unknownSince: string
}

function stands({ anchors }: Identity['proof']): Partial<Anchors> {
  return anchors ?? {}
}

function textOf({ row: { unknownSince } }: AccessTokensEntry): string {
  return unknownSince === undefined ? '' : String(unknownSince)
}

function isIssuedHere(iss: unknown, { row: { issuer } }: AccessTokensEntry): boolean {
  return typeof iss === 'string' && (iss === issuer || iss.startsWith(`${issuer}/services/`))
}

function isFor(iss: unknown, { own, row: { issuer } }: AccessTokensEntry): boolean {
  return iss === own || iss === issuer
}

export const claimNames = ['iss', 'sub', 'client_id', 'aud', 'iat', 'exp', 'jti', 'roles', keyClaim] as const

/** What it must say. The issuer wrote it, so what is wrong is of another kind of token that it signs. */
export const checks: readonly ClaimCheck[] = [
  checkAtJwtType,
  needs(claimNames),
  // Of a person, or of a client that acts for one, is another kind of token.
  namesClient('sub'),
  namesClient('client_id'),
  checkAudienceForm,
  ...timeChecks(maxAccessTokenSeconds),
  checkJti,
  ({ payload: { roles, scope, [keyClaim]: key } }) =>
    isTexts(roles) && isText(key) && (scope === undefined || isText(scope)) ? undefined : 'claim_missing',
]

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(isText)
}

/**
 * See verifyToken for the order of the checks. Audience and client come first of all that is told after the signature:
 * nothing else matters of a token for another service, or of a client to which nothing is granted here.
 */
function prove(token: CompactToken, issued: AccessTokensEntry, snapshot: Snapshot, now: number): Identity | DenyReason {
  const { service, clients, unsupported } = snapshot
  const signer = issued.keys.find(({ row }) => row.kid === token.header.kid)
  if (!signer || !isSignedBy(token, signer.row.algorithm, keyObjectOf(signer, signer.row.algorithm)))
    return 'invalid_token'
  const claims = token.payload
  const fault = firstFault(checks, token, claims.client_id)
  if (fault) return fault
  const audience = readAudience(claims)
  if (audience === undefined || audience !== service?.audience || !isFor(claims.iss, issued)) return 'wrong_audience'
  const clientId = String(claims.client_id)
  const client = lookup(clients, clientId)
  if (!client) return unsupported.has(`client/${clientId}`) ? 'policy_unsupported' : 'not_subscribed'
  const { row } = client
  const key = String(claims[keyClaim])
  const times = timesOf(claims)
  const ended = standingOf(row, key, now) ?? checkTimes(claims, times, now)
  if (ended) return ended
  const bounds = boundsIn(row, key)
  if (isOlder(times.issuedAt, row, bounds)) return 'token_predates_key'
  if (!service.accepts.includes('AccessToken')) return 'credential_unsupported'
  const issuer = String(claims.iss)
  const id = revocationId(issuer, String(claims.jti))
  const revoked = revokedFault(row, id, times.issuedAt)
  if (revoked) return revoked
  // From then on nobody can say whether it was revoked longer ago than the service allows.
  const staleAt = (issued.row.unknownSince ?? Number.POSITIVE_INFINITY) + service.maxStalenessSeconds
  if (now >= staleAt) return 'policy_stale'
  const anchors: Anchors = { id, kid: signer.row.kid, unknownSince: textOf(issued) }
  return identityOf(client, { ...bounds, key }, times, {
    ...{ audience, issuer, anchors, staleAt },
    roles: claims.roles as string[],
    scopes: isText(claims.scope) ? claims.scope.split(' ').filter(scope => scope !== '') : noScopes,
  })
}

const noScopes: readonly string[] = []

/** What the client got it with must count still: a gone one counts as one that was revoked. */
function standingOf(row: ClientRow, key: string, now: number): DenyReason | undefined {
  if (key.startsWith(accountPrefix)) {
    const account = key.slice(accountPrefix.length)
    if (row.suspended) return 'client_suspended'
    return row.serviceAccounts?.some(({ name }) => name === account) ? undefined : 'pod_unknown'
  }
  const bounds = boundsIn(row, key)
  return bounds ? checkStanding(row, bounds, now) : 'key_revoked'
}

function boundsIn({ keys, accessTokens }: ClientRow, key: string): KeyBounds | undefined {
  return keys.find(({ kid }) => kid === key) ?? accessTokens?.clientSecrets?.find(({ kid }) => kid === key)
}

function isOlder(issuedAt: number, { createdAt }: ClientRow, bounds: KeyBounds | undefined): boolean {
  return issuedAt + toleranceSeconds < Math.max(createdAt, bounds?.notBefore ?? 0)
}

function revokedFault(
  { accessTokens }: ClientRow,
  id: string | undefined,
  issuedAt: number,
): 'token_revoked' | undefined {
  const { revoked = [], revokedUpTo = Number.NEGATIVE_INFINITY } = accessTokens ?? {}
  return id === undefined || issuedAt <= revokedUpTo || revoked.includes(id) ? 'token_revoked' : undefined
}

function identityOf(
  { row }: ClientEntry,
  { key, notAfter = Number.MAX_SAFE_INTEGER }: Partial<KeyBounds> & { readonly key: string },
  { issuedAt, expiresAt }: TokenTimes,
  said: {
    readonly audience: string
    readonly issuer: string
    readonly anchors: Anchors
    readonly staleAt: number
    readonly roles: readonly string[]
    readonly scopes: readonly string[]
  },
): Identity {
  const { audience, issuer, anchors, staleAt, roles, scopes } = said
  const endsAt = expiresAt + toleranceSeconds
  return {
    clientId: row.clientId,
    client: `${row.namespace}/${row.name}`,
    key,
    credential: 'AccessToken',
    subject: row.clientId,
    scopes,
    expiresAt: Math.min(endsAt, notAfter, staleAt),
    roles,
    proof: { issuedAt, endsAt, audience, issuer, anchors },
  }
}

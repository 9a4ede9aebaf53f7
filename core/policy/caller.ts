import type { Identity } from '../base/identity.ts'
import { lookup } from '../base/shared-map.ts'
import { credentialTable } from '../credential/table.ts'
import type { GrantLimit, GrantRow } from '../rows/rows.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'
import { checkIdentity } from './check-identity.ts'

/**
 * What one snapshot says of one proved identity, all in one place: among 100,000 clients what a decision costs is how
 * much memory it touches. Holds texts and numbers only: rows, which may be long, can go when their snapshot goes.
 */
export interface CallerStanding {
  /** Of the snapshot: under another one nothing of this holds. */
  readonly mark: object
  /** When the identity or its key ends, seconds since epoch. Until then nothing is wrong with it. */
  readonly endsAt: number
  /** When the last of the client's grants ends; Infinity while one of them has no end. */
  readonly grantedUntil: number
  /** The first of its grants, by role, then by name. */
  readonly grants: HeldGrant | undefined
  /** Names of the roles of all these grants, each once. */
  readonly roles: readonly string[]
  /** When the first of these grants ends; from then on `roles` says too much. */
  readonly rolesEndAt: number | undefined
  readonly organization: string | undefined
}

/** A grant that the identity may use, of a role that is known. A chain: an array would be two more places to look. */
export interface HeldGrant {
  /** Number of its role in the policy. */
  readonly role: number
  readonly endsAt: number | undefined
  readonly name: string
  readonly roleName: string
  readonly attributes: Readonly<Record<string, string>> | undefined
  readonly limit: GrantLimit | undefined
  readonly next: HeldGrant | undefined
}

/** @returns undefined when something is wrong with the identity, whatever the time is */
export function findCallerStanding(identity: Identity, snapshot: Snapshot): CallerStanding | undefined {
  const client = checkIdentity(identity, snapshot, Number.NEGATIVE_INFINITY)
  if (typeof client === 'string') return undefined
  const bounds = credentialTable[identity.credential].boundsOf(identity, client)
  const notAfter = bounds?.notAfter
  const grants = heldGrants(identity, bounds?.roles, snapshot)
  return {
    mark: snapshot.mark,
    endsAt: notAfter === undefined ? identity.expiresAt : Math.min(notAfter, identity.expiresAt),
    grantedUntil: lastEnd(lookup(snapshot.grantsByClient, identity.clientId)?.grants ?? []),
    grants,
    roles: rolesAt(grants, Number.NEGATIVE_INFINITY),
    rolesEndAt: firstEnd(grants),
    organization: client.organization,
  }
}

/** The roles that the caller holds now. */
export function rolesOf({ grants, roles, rolesEndAt }: CallerStanding, now: number): readonly string[] {
  return rolesEndAt === undefined || now < rolesEndAt ? roles : rolesAt(grants, now)
}

/** @param keyRoles what the key is narrowed to now: it may be less than when the identity was proved */
function heldGrants(
  { clientId, roles }: Identity,
  keyRoles: readonly string[] | undefined,
  { grantsByClient, policy }: Snapshot,
): HeldGrant | undefined {
  const held = lookup(grantsByClient, clientId)?.grants ?? []
  let first: HeldGrant | undefined
  for (let at = held.length - 1; at >= 0; at--) {
    const { name, role: roleName, expiresAt, attributes, limit, needs } = held[at] as GrantRow
    const role = needs === undefined ? policy?.roles.get(roleName) : undefined
    if (role === undefined || !isWithin(roleName, roles) || !isWithin(roleName, keyRoles)) continue
    first = { role, endsAt: expiresAt, name, roleName, attributes, limit, next: first }
  }
  return first
}

function isWithin(role: string, roles: readonly string[] | undefined): boolean {
  return roles === undefined || roles.includes(role)
}

/** Grants come in the order of their roles: those of one role stand together. */
function rolesAt(grants: HeldGrant | undefined, now: number): readonly string[] {
  const roles: string[] = []
  for (let grant = grants; grant; grant = grant.next) {
    const { endsAt, roleName } = grant
    if ((endsAt === undefined || now < endsAt) && roles.at(-1) !== roleName) roles.push(roleName)
  }
  return roles
}

/** Without any: a row of a client is there because of a grant, perhaps one that this version does not understand. */
function lastEnd(grants: readonly GrantRow[]): number {
  let last = grants.length === 0 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY
  for (const { expiresAt } of grants) last = Math.max(last, expiresAt ?? Number.POSITIVE_INFINITY)
  return last
}

function firstEnd(grants: HeldGrant | undefined): number | undefined {
  let first: number | undefined
  for (let grant = grants; grant; grant = grant.next) {
    const { endsAt } = grant
    if (endsAt !== undefined && (first === undefined || endsAt < first)) first = endsAt
  }
  return first
}

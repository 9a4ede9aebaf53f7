import type { Identity } from '../core/base/identity.ts'
import { type DenyReason, reasons } from '../core/base/reasons.ts'
import type { AuthorizationRequest } from '../core/credential/entry.ts'
import { cacheKey, type ReadCredential, readCredential } from '../core/credential/read.ts'
import { credentialTable } from '../core/credential/table.ts'
import { verifyCredential } from '../core/credential/verify.ts'
import { decide } from '../core/policy/decide.ts'
import { type Decision, passes } from '../core/policy/decision.ts'
import { knownIdentity } from '../core/policy/known-identity.ts'
import type { RouteRow } from '../core/rows/rows.ts'
import type { Snapshot } from '../core/snapshot/snapshot.ts'
import type { IdentityCache } from './identity-cache.ts'
import type { LimitCounts } from './limit-counts.ts'
import type { Policy } from './policy/policy.ts'

/** What the guard does with a request, and all that answers, headers, metrics and the audit line are made from. */
export interface Verdict {
  /** Whether it goes on to the app: allowed, or let through by audit mode. */
  readonly pass: boolean
  /** Names the caller where it counts for this request. What is told of a caller is told from here. */
  readonly decision: Decision
  /** Whose token it is, whether or not that counts now: to be decided about again, and never told. */
  readonly proved: Identity | undefined
  /** The snapshot it was decided from; let go of while the call is open long after its answer began. */
  snapshot: Snapshot | undefined
}

export interface DecisionPoint {
  /** The one way from a head to a decision. Synchronous; never throws on what a caller sends. */
  authorize(head: AuthorizationRequest): Verdict
  /** The same, where no signature has to be checked for it; else undefined. */
  authorizeKnown(head: AuthorizationRequest): Verdict | undefined
  /**
   * Asks again for what was let in earlier. The token's own expiry does not count: it was good then. Nor do limits: it was
   * counted then.
   * @param proved whose token it was; undefined: who was let in was not proved
   */
  reauthorize(head: AuthorizationRequest, proved: Identity | undefined): Verdict
}

/**
 * @param options.now seconds since epoch @param options.read every kind of credential, unless told otherwise
 * @param options.limits counts calls by grants that have a limit; without it no limit is reached
 */
export function createDecisionPoint(options: {
  policy: Policy
  cache: IdentityCache
  now(): number
  read?: ReadCredential
  limits?: LimitCounts
}): DecisionPoint {
  const { policy, cache, now, read = readCredential, limits } = options

  function identify(head: AuthorizationRequest, snapshot: Snapshot, at: number): Identity | DenyReason {
    const credential = read(head, snapshot.service)
    if (typeof credential === 'string') return credential
    const key = cacheKey(credential)
    const cached = key === undefined ? undefined : cache.get(key)
    if (cached && isProvedStill(cached, snapshot, at)) return cached
    const identity = verifyCredential(credential, head, snapshot, at)
    return typeof identity === 'string' || key === undefined ? identity : cache.set(key, identity)
  }

  function verdictOn(
    head: AuthorizationRequest,
    found: Identity | DenyReason,
    snapshot: Snapshot,
    at: number,
    counts?: LimitCounts,
  ): Verdict {
    const decision = evaluate(head, found, snapshot, at, counts)
    if (counts && decision.allow && decision.limit) countCall(counts, decision)
    const proved = typeof found === 'string' ? undefined : found
    return { pass: passes(decision, snapshot.service), decision, proved, snapshot }
  }

  function evaluate(
    head: AuthorizationRequest,
    found: Identity | DenyReason,
    snapshot: Snapshot,
    at: number,
    counts: LimitCounts | undefined,
  ): Decision {
    const decision = decide({ method: head.method, target: head.target }, found, snapshot, at, counts)
    if (!decision.allow && reasons[decision.reason].status === 400) return decision
    const reason = policy.unfit()
    if (reason === undefined) return decision
    // Nobody is named: what is too old to decide from is too old to say who counts.
    const mode = decision.allow ? modeOf(decision.route, snapshot) : decision.mode
    return {
      allow: false,
      reason,
      ...(decision.route !== undefined && { route: decision.route }),
      ...(mode && { mode }),
    }
  }

  return {
    authorize(head) {
      const snapshot = policy.snapshot()
      if (!snapshot) return missing
      const at = now()
      return verdictOn(head, identify(head, snapshot, at), snapshot, at, limits)
    },
    authorizeKnown(head) {
      const snapshot = policy.snapshot()
      if (!snapshot) return missing
      const credential = read(head, snapshot.service)
      const at = now()
      const found = typeof credential === 'string' ? credential : knownIn(cache, cacheKey(credential))
      if (!found || (typeof found !== 'string' && !isProvedStill(found, snapshot, at))) return undefined
      return verdictOn(head, found, snapshot, at, limits)
    },
    reauthorize(head, proved) {
      const snapshot = policy.snapshot()
      if (!snapshot) return missing
      const at = now()
      const verdict = verdictOn(head, proved ? lasting(proved) : 'credential_missing', snapshot, at)
      if (verdict.pass || proved) return verdict
      // Let in by a public path or by audit mode: it is somebody, perhaps, who has the right now.
      const found = identify(head, snapshot, at)
      return verdictOn(head, typeof found === 'string' ? found : lasting(found), snapshot, at)
    },
  }
}

function countCall(counts: LimitCounts, { grant, limit, identity }: Decision & { allow: true }): void {
  if (grant !== undefined && limit && identity) counts.count(grant, limit, identity.clientId)
}

/** The identity without the end of its token, in the form that is fast to decide on again. */
function lasting(identity: Identity): Identity {
  const expiresAt = Number.MAX_SAFE_INTEGER
  return identity.expiresAt === expiresAt ? identity : knownIdentity({ ...identity, expiresAt })
}

function knownIn(cache: IdentityCache, key: string | undefined): Identity | undefined {
  return key === undefined ? undefined : cache.known(key)
}

/** What ended with its key is proved again: the key may have been given more time since. So is what is another's now. */
function isProvedStill(identity: Identity, snapshot: Snapshot, at: number): boolean {
  const { expiresAt, proof, credential } = identity
  return (at < expiresAt || at >= proof.endsAt) && credentialTable[credential].namesStill(identity, snapshot)
}

const missing: Verdict = {
  pass: false,
  decision: { allow: false, reason: 'policy_missing' },
  proved: undefined,
  snapshot: undefined,
}

function modeOf(route: string | undefined, { service }: Snapshot): RouteRow['mode'] {
  return route === undefined ? undefined : service?.routes.find(({ name }) => name === route)?.mode
}

/**
 * Who is written down. That is who counts, and on a call that was denied for a fault of its identity, which the line
 * says, whose identity it was.
 */
export function recordedIdentity({ pass, decision, proved }: Verdict): Identity | undefined {
  const isItsFault = !pass && !decision.allow && reasons[decision.reason].status === 401
  return decision.identity ?? (isItsFault ? proved : undefined)
}

/** The verdict on a token that waits with too many others to be proved. Nobody is proved, so audit mode lets none through. */
export function overloadedVerdict(policy: Policy): Verdict {
  const decision: Decision = { allow: false, reason: 'overloaded' }
  return { pass: false, decision, proved: undefined, snapshot: policy.snapshot() }
}

/** The verdict on what never became a head: bytes that are not HTTP, or that could be read in two ways. */
export function malformedVerdict(policy: Policy): Verdict {
  const decision: Decision = { allow: false, reason: 'request_malformed' }
  return { pass: false, decision, proved: undefined, snapshot: policy.snapshot() }
}

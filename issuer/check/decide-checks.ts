import type { Identity } from '../../core/base/identity.ts'
import { type DenyReason, reasons } from '../../core/base/reasons.ts'
import type { Steps } from '../../core/base/steps.ts'
import type { AuthorizationRequest } from '../../core/credential/entry.ts'
import { cutQueryKey } from '../../core/credential/query-key.ts'
import { readCredential } from '../../core/credential/read.ts'
import { verifyCredential } from '../../core/credential/verify.ts'
import { challengeFor } from '../../core/policy/challenge.ts'
import { decide } from '../../core/policy/decide.ts'
import { type Decision, passes } from '../../core/policy/decision.ts'
import type { Snapshot } from '../../core/snapshot/snapshot.ts'
import type { Check } from './read-checks.ts'

/** What is told of one check. Who calls is told where that counts for this very call. */
export interface CheckResult {
  /** Whether the call is to be let through: allowed, or only logged because of audit mode. */
  readonly pass: boolean
  readonly decision: 'allow' | 'deny'
  readonly reason: string
  /** For the answer to the caller. */
  readonly status: number
  /** Of a denial: what the caller should do next. */
  readonly detail?: string
  readonly missing?: string
  /** Of a denial, where one is due: the value of WWW-Authenticate. */
  readonly challenge?: string
  readonly client?: CheckedClient
  readonly roles?: readonly string[]
  readonly attributes?: Readonly<Record<string, string>>
  readonly rule?: string
  readonly grant?: string
  readonly route?: string
}

interface CheckedClient {
  readonly id: string
  /** `namespace/name` of the ApiClient. */
  readonly name: string
  readonly subject: string
  readonly key: string
  readonly credential: string
  readonly scopes: readonly string[]
}

/**
 * Decides checks one by one, all from the same policy, by what a guard reads, proves and decides with.
 * @param now seconds since epoch
 */
export function* decidingChecks(
  checks: readonly Check[],
  snapshot: Snapshot | undefined,
  now: number,
): Steps<CheckResult[]> {
  const results: CheckResult[] = []
  for (const check of checks) {
    const decision: Decision = snapshot ? decideCheck(check, snapshot, now) : { allow: false, reason: 'policy_missing' }
    results.push(resultOf(decision, snapshot))
    yield
  }
  return results
}

function decideCheck(check: Check, snapshot: Snapshot, now: number): Decision {
  const asked = askedOf(check, snapshot)
  const { method, target } = asked
  return decide({ method, target, wanted: check.wanted }, identify(asked, check, snapshot, now), snapshot, now)
}

/** As a guard would have read it: an API key stands where the service says, or was cut out of the query. */
function askedOf({ authorization, apiKey, method, path }: Check, { service }: Snapshot): AuthorizationRequest {
  const { header, query } = service?.apiKey ?? {}
  const cut = query !== undefined && apiKey === undefined ? cutQueryKey(path, query) : undefined
  const isHeader = header !== undefined && apiKey !== undefined
  return {
    method,
    authorization,
    target: cut?.target ?? path,
    names: isHeader ? [header] : [],
    values: isHeader ? [apiKey] : [],
    queryKey: cut?.key ?? (isHeader ? undefined : apiKey),
  }
}

function identify(
  asked: AuthorizationRequest,
  { authorization, apiKey }: Check,
  snapshot: Snapshot,
  now: number,
): Identity | DenyReason {
  const { service } = snapshot
  // No guard of such a service looks for one.
  if (apiKey !== undefined && authorization === undefined && !service?.apiKey) return 'credential_unsupported'
  const credential = readCredential(asked, service)
  return typeof credential === 'string' ? credential : verifyCredential(credential, asked, snapshot, now)
}

function resultOf(decision: Decision, snapshot: Snapshot | undefined): CheckResult {
  const { reason, route, identity } = decision
  const { status } = reasons[reason]
  const client = identity && {
    ...{ id: identity.clientId, name: identity.client, subject: identity.subject, key: identity.key },
    ...{ credential: identity.credential, scopes: identity.scopes },
  }
  const both = { status, ...(client && { client }), ...(route !== undefined && { route }) }
  const pass = passes(decision, snapshot?.service)
  if (decision.allow) {
    const { roles, attributes, rule, grant } = decision
    const by = { ...(rule !== undefined && { rule }), ...(grant !== undefined && { grant }) }
    return {
      pass,
      decision: 'allow',
      reason,
      ...both,
      ...(roles && { roles }),
      ...(attributes && { attributes }),
      ...by,
    }
  }
  const { missing, detail = reasons[reason].hint } = decision
  const challenge = challengeFor(decision, snapshot?.service?.audience)
  return {
    ...{ pass, decision: 'deny', reason, ...both, detail },
    ...(missing !== undefined && { missing }),
    ...(challenge !== undefined && { challenge }),
  }
}

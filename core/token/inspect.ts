import { type DenyReason, reasons } from '../policy/decision.ts'
import {
  allFaults,
  type ClaimFault,
  clientTokenChecks,
  clientTokenClaimNames,
  missingClaims,
  serviceAccountTokenChecks,
  serviceAccountTokenClaimNames,
} from './claim-checks.ts'
import { type Claims, checkTimes, isTime, readAudience, timesOf } from './claims.ts'
import { type CompactToken, parseCompact } from './compact.ts'
import { formFault } from './form-fault.ts'

/** One thing that is wrong with a token, whatever the service. */
export interface TokenFault {
  readonly code: DenyReason
  /** What was found. */
  readonly found: string
  /** What to do. */
  readonly hint: string
}

/** What a token says of itself. Nothing of it is proved, and its signature is not in it. */
export interface TokenInspection {
  /** Absent when it cannot be read. */
  readonly kind?: 'ClientToken' | 'ServiceAccountToken'
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Claims
  readonly audience?: string
  /** Every fault at once, in the order in which a guard would tell of them. */
  readonly faults: readonly TokenFault[]
}

const headerNames = ['alg', 'typ', 'kid']
const claimNames = ['iss', 'sub', 'client_id', 'aud', 'iat', 'nbf', 'exp', 'jti']

/**
 * Says what is wrong with a token by itself: its form, its header, its claims, its times. For the person who signs it;
 * a guard tells of no more than the first, and of none before it has proved the signature.
 * @param now seconds since epoch
 */
export function inspectToken(text: string, now: number): TokenInspection {
  const token = parseCompact(text)
  if (!token) return { header: {}, claims: {}, faults: [fault('invalid_token', formFault(text))] }
  const kind = kindOf(token)
  const checks = kind === 'ClientToken' ? clientTokenChecks : serviceAccountTokenChecks
  const faults = allFaults(checks, token, claimedClient(token.payload)).map(code =>
    fault(code, found(code, token, kind)),
  )
  const audience = readAudience(token.payload)
  return {
    kind,
    header: only(token.header, headerNames),
    claims: only(token.payload, claimNames),
    ...(audience !== undefined && { audience }),
    faults: [...faults, ...timeFaults(token.payload, now)],
  }
}

function fault(code: DenyReason, what: string): TokenFault {
  return { code, found: what, hint: reasons[code].hint }
}

/** A guard tells them apart by the issuer of the cluster, which is not known here. */
function kindOf({ payload }: CompactToken): 'ClientToken' | 'ServiceAccountToken' {
  const { sub } = payload
  const isOfKubernetes = typeof sub === 'string' && sub.startsWith('system:serviceaccount:')
  return isOfKubernetes || Object.hasOwn(payload, 'kubernetes.io') ? 'ServiceAccountToken' : 'ClientToken'
}

/** Whom the token is of by its issuer, which ends with the client id; else by its subject. */
function claimedClient({ iss, sub, client_id }: Claims): unknown {
  const [, byIssuer] = typeof iss === 'string' ? (/\/v1\/clients\/([^/]+)$/.exec(iss) ?? []) : []
  return byIssuer ?? sub ?? client_id
}

function found(code: ClaimFault, { header, payload }: CompactToken, kind: TokenInspection['kind']): string {
  if (code === 'typ_invalid') return `typ is ${shown(header.typ)}`
  if (code === 'claim_missing') {
    const names = kind === 'ClientToken' ? clientTokenClaimNames : serviceAccountTokenClaimNames
    const missing = missingClaims(payload, names)
    return missing.length > 0 ? `${missing.join(', ')}: not there` : 'kubernetes.io names no pod or no service account'
  }
  if (code === 'lifetime_invalid') return `exp is ${Number(payload.exp) - Number(payload.iat)} s after iat`
  const name = code.replace(/_invalid$/, '')
  return `${name} is ${shown(payload[name])}`
}

function timeFaults(claims: Claims, now: number): TokenFault[] {
  const { iat, exp, nbf } = claims
  if (!isTime(iat) || !isTime(exp)) return []
  const code = checkTimes(claims, timesOf(claims), now)
  if (!code) return []
  const ahead = Math.max(iat, typeof nbf === 'number' ? nbf : 0) - now
  return [fault(code, code === 'token_expired' ? `it ended ${now - exp} s ago` : `it begins in ${ahead} s`)]
}

function only(value: Claims, names: readonly string[]): Claims {
  return Object.fromEntries(names.filter(name => Object.hasOwn(value, name)).map(name => [name, value[name]]))
}

function shown(value: unknown): string {
  if (value === undefined) return 'not there'
  const text = JSON.stringify(value)
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}

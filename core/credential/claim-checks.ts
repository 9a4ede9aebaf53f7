import type { DenyReason } from '../base/reasons.ts'
import { type Claims, isTime, readAudience } from './claims.ts'
import { maxLifetimeSeconds, toleranceSeconds } from './client-token.ts'
import type { CompactToken } from './compact.ts'
import { readBinding } from './pod-binding.ts'

/** What a token says about itself, whenever that is looked at. */
export type Spoken = Pick<CompactToken, 'header' | 'payload'>
export type ClaimFault = Extract<DenyReason, 'claim_missing' | `${string}_invalid`>
/** @param clientId of the client whose key signed */
export type ClaimCheck = (token: Spoken, clientId: unknown) => ClaimFault | undefined

/** Longest `jti`, characters. */
const maxJtiLength = 128
const longestServiceAccountToken = 86_400 + toleranceSeconds

export const clientTokenClaimNames = ['iss', 'sub', 'client_id', 'aud', 'iat', 'exp', 'jti'] as const
export const serviceAccountTokenClaimNames = ['iss', 'sub', 'aud', 'iat', 'exp', 'kubernetes.io'] as const

/**
 * What a client token must say, in the order in which a fault is told. Whoever is told of the first only learns of it
 * after the signature was proved: before that a reason would help a forger.
 * @see RFC 9068 section 2, RFC 7519 sections 4.1.3 to 4.1.7; threats J17, J18, J20, J23
 */
export const clientTokenChecks: readonly ClaimCheck[] = [
  ({ header }) => (isClientTokenType(header.typ) ? undefined : 'typ_invalid'),
  needs(clientTokenClaimNames),
  ({ payload }, clientId) => checkSame(payload, 'sub', clientId),
  ({ payload }, clientId) => checkSame(payload, 'client_id', clientId),
  checkAudienceForm,
  ...timeChecks(maxLifetimeSeconds),
  ({ payload: { jti } }) => (jti === undefined || isJti(jti) ? undefined : 'jti_invalid'),
]

/** The same for a token that Kubernetes projected into a pod: what is told before its audience is compared. */
export const serviceAccountTokenFormChecks: readonly ClaimCheck[] = [
  ({ header }) => (isServiceAccountTokenType(header.typ) ? undefined : 'typ_invalid'),
  needs(serviceAccountTokenClaimNames),
  ({ payload }) => {
    const bound = readBinding(payload)
    if (!bound) return 'claim_missing'
    const { namespace, serviceAccount } = bound
    return payload.sub === `system:serviceaccount:${namespace}:${serviceAccount.name}` ? undefined : 'sub_invalid'
  },
  checkAudienceForm,
]

/**
 * Told after it. The token that every pod has is for the API server and lives a year: to mend its life, as its holder
 * would be told to, helps nobody.
 */
export const serviceAccountTokenTimeChecks: readonly ClaimCheck[] = timeChecks(longestServiceAccountToken)

export function firstFault(checks: readonly ClaimCheck[], token: Spoken, clientId?: unknown): ClaimFault | undefined {
  for (const check of checks) {
    const fault = check(token, clientId)
    if (fault) return fault
  }
  return undefined
}

/** Every fault, each once, in the order of the checks. */
export function allFaults(checks: readonly ClaimCheck[], token: Spoken, clientId?: unknown): ClaimFault[] {
  return [...new Set(checks.flatMap(check => check(token, clientId) ?? []))]
}

/** Names of the claims that are not there. */
export function missingClaims(claims: Claims, names: readonly string[]): string[] {
  return names.filter(name => !Object.hasOwn(claims, name))
}

function needs(names: readonly string[]): ClaimCheck {
  return ({ payload }) => (missingClaims(payload, names).length > 0 ? 'claim_missing' : undefined)
}

function checkSame(claims: Claims, name: 'sub' | 'client_id', clientId: unknown): ClaimFault | undefined {
  return !Object.hasOwn(claims, name) || claims[name] === clientId ? undefined : `${name}_invalid`
}

function checkAudienceForm({ payload }: Spoken): ClaimFault | undefined {
  return !Object.hasOwn(payload, 'aud') || readAudience(payload) !== undefined ? undefined : 'aud_invalid'
}

/** Each looks at what is there: what is missing has its own reason. */
function timeChecks(longestSeconds: number): readonly ClaimCheck[] {
  const form =
    (name: 'iat' | 'exp' | 'nbf'): ClaimCheck =>
    ({ payload }) =>
      !Object.hasOwn(payload, name) || isTime(payload[name]) ? undefined : `${name}_invalid`
  // Also where one of them has a fraction, which is told before: who looks for every fault gets both.
  const span: ClaimCheck = ({ payload: { iat, exp } }) =>
    typeof iat !== 'number' || typeof exp !== 'number' || (exp > iat && exp - iat <= longestSeconds)
      ? undefined
      : 'lifetime_invalid'
  return [form('iat'), form('exp'), form('nbf'), span]
}

/** RFC 9068 section 2.1; media types are compared without case (RFC 7515 section 4.1.9). */
function isClientTokenType(typ: unknown): boolean {
  if (typ === 'at+jwt') return true
  if (typeof typ !== 'string' || typ.length > 32) return false
  const type = typ.toLowerCase()
  return type === 'at+jwt' || type === 'application/at+jwt'
}

/** None or `JWT`: what Kubernetes writes, and nothing that another kind of token has. */
function isServiceAccountTokenType(typ: unknown): boolean {
  return typ === undefined || (typeof typ === 'string' && typ.length === 3 && typ.toUpperCase() === 'JWT')
}

function isJti(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && value.length <= maxJtiLength
}

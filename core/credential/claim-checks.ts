import type { DenyReason } from '../base/reasons.ts'
import { type Claims, isTime, readAudience } from './claims.ts'
import type { CompactToken } from './compact.ts'

/** What a token says about itself, whenever that is looked at. */
export type Spoken = Pick<CompactToken, 'header' | 'payload'>
export type ClaimFault = Extract<DenyReason, 'claim_missing' | `${string}_invalid`>
/** @param clientId of the client whose key signed */
export type ClaimCheck = (token: Spoken, clientId: unknown) => ClaimFault | undefined

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

export function needs(names: readonly string[]): ClaimCheck {
  return ({ payload }) => (missingClaims(payload, names).length > 0 ? 'claim_missing' : undefined)
}

export function checkAudienceForm({ payload }: Spoken): ClaimFault | undefined {
  return !Object.hasOwn(payload, 'aud') || readAudience(payload) !== undefined ? undefined : 'aud_invalid'
}

/** Each looks at what is there: what is missing has its own reason. */
export function timeChecks(longestSeconds: number): readonly ClaimCheck[] {
  const form =
    (name: 'iat' | 'exp' | 'nbf'): ClaimCheck =>
    ({ payload }) =>
      !Object.hasOwn(payload, name) || isTime(payload[name]) ? undefined : `${name}_invalid`
  // Also where one of them has a fraction, which is told before: whoever looks for every fault gets both.
  const span: ClaimCheck = ({ payload: { iat, exp } }) =>
    typeof iat !== 'number' || typeof exp !== 'number' || (exp > iat && exp - iat <= longestSeconds)
      ? undefined
      : 'lifetime_invalid'
  return [form('iat'), form('exp'), form('nbf'), span]
}

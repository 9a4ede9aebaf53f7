import { type DenyReason, reasons } from '../base/reasons.ts'
import { allFaults, type ClaimCheck, type ClaimFault, missingClaims } from './claim-checks.ts'
import type { CompactToken } from './compact.ts'

/** One thing that is wrong with a token, whatever the service. */
export interface TokenFault {
  readonly code: DenyReason
  /** What was found. */
  readonly found: string
  /** What to do. */
  readonly hint: string
}

export function tokenFault(code: DenyReason, found: string, hint: string = reasons[code].hint): TokenFault {
  return { code, found, hint }
}

/** What keeps every guard from finding the key that signed, whatever its policy. */
export function keyFaults({ header: { alg, kid } }: CompactToken, algorithms: readonly string[]): TokenFault[] {
  const faults: (TokenFault | false)[] = [
    !(typeof alg === 'string' && algorithms.includes(alg)) &&
      tokenFault(
        'invalid_token',
        `alg is ${shown(alg)}`,
        `Sign with the algorithm of the key: ${algorithms.join(', ')}.`,
      ),
    !(typeof kid === 'string' && kid !== '') &&
      tokenFault(
        'invalid_token',
        `kid is ${shown(kid)}`,
        'Write the id of the key that signs, the file key-id of the mounted Secret, into the kid of the header.',
      ),
  ]
  return faults.filter(one => one !== false)
}

/** What these checks find, with what stands there. @param clientId whose token it is taken to be */
export function claimFaults(
  checks: readonly ClaimCheck[],
  token: CompactToken,
  { names, clientId }: { readonly names: readonly string[]; readonly clientId?: unknown },
): TokenFault[] {
  return allFaults(checks, token, clientId).map(code => tokenFault(code, found(code, token, names)))
}

function found(code: ClaimFault, { header, payload }: CompactToken, names: readonly string[]): string {
  if (code === 'typ_invalid') return `typ is ${shown(header.typ)}`
  if (code === 'claim_missing') {
    const missing = missingClaims(payload, names)
    return missing.length > 0 ? `${missing.join(', ')}: not there` : 'kubernetes.io names no pod or no service account'
  }
  if (code === 'lifetime_invalid') return `exp is ${Number(payload.exp) - Number(payload.iat)} s after iat`
  const name = code.replace(/_invalid$/, '')
  return `${name} is ${shown(payload[name])}`
}

export function shown(value: unknown): string {
  if (value === undefined) return 'not there'
  const text = JSON.stringify(value)
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}

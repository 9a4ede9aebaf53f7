import type { CredentialKind } from '../base/credential-kinds.ts'
import { type Claims, checkTimes, readAudience, timesOf } from '../credential/claims.ts'
import { parseCompact } from '../credential/compact.ts'
import type { Presented } from '../credential/entry.ts'
import type { CredentialExplanation } from '../credential/explanation.ts'
import { formFault } from '../credential/form-fault.ts'
import { credentialExplanations, credentialTable } from '../credential/table.ts'
import { type TokenFault, tokenFault } from '../credential/token-faults.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'

/** What a credential says of itself. Nothing of it is proved, and neither its signature nor a secret is in it. */
export interface TokenInspection {
  /** Absent when it cannot be read. */
  readonly kind?: CredentialKind
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Claims
  readonly audience?: string
  /** Every fault at once, in the order in which a guard would tell of them. */
  readonly faults: readonly TokenFault[]
}

const headerNames = ['alg', 'typ', 'kid']
const claimNames = ['iss', 'sub', 'client_id', 'aud', 'iat', 'nbf', 'exp', 'jti', 'roles', 'scope']

/**
 * Says what is wrong with a token by itself: its form, its header, its claims, its times. For the person who signs it;
 * a guard tells of no more than the first, and of none before it has proved the signature.
 * @param now seconds since epoch
 */
export function inspectToken(text: string, now: number): TokenInspection {
  const presented = presentedText(text)
  const [kind, explanation] = kindOf(presented) ?? []
  if (!explanation || !kind) return { header: {}, claims: {}, faults: [tokenFault('invalid_token', formFault(text))] }
  const { token } = presented
  const audience = token && readAudience(token.payload)
  return {
    kind,
    header: only(token?.header ?? {}, headerNames),
    claims: only(token?.payload ?? {}, claimNames),
    ...(audience !== undefined && { audience }),
    faults: [...explanation.faultsOf(presented), ...(token ? timeFaults(token.payload, now) : [])],
  }
}

/**
 * Why a guard with this policy answers `invalid_token`, every cause as a sentence. A guard must not say it to anybody
 * who has proved nothing; to be told only where the policy itself is at hand, to somebody who may read it.
 * @returns undefined of what is no credential
 */
export function unprovedCauses(text: string, snapshot: Snapshot): string[] | undefined {
  const presented = presentedText(text)
  const [, explanation] = kindOf(presented, snapshot) ?? []
  return explanation?.causesOf(presented, snapshot).flatMap(cause => cause ?? [])
}

/** Why manifests alone cannot tell whether it is good; undefined where they can. */
export function beyondManifests(text: string, snapshot: Snapshot): string | undefined {
  const presented = presentedText(text)
  const [, explanation] = kindOf(presented) ?? []
  return explanation?.beyondManifests(presented, snapshot)
}

/** The kind in the words of people. */
export function wordsOf(kind: CredentialKind): string {
  return credentialExplanations[kind].words
}

function presentedText(text: string): Presented {
  return { text, token: parseCompact(text), asked: undefined }
}

/** What it looks like; with a snapshot also what a guard would take it for. */
function kindOf(
  presented: Presented,
  snapshot?: Snapshot,
): readonly [CredentialKind, CredentialExplanation] | undefined {
  const explanations = Object.entries(credentialExplanations) as [CredentialKind, CredentialExplanation][]
  return explanations.find(
    ([kind, explanation]) =>
      explanation.looksLike(presented) || (snapshot !== undefined && credentialTable[kind].isOf(presented, snapshot)),
  )
}

function timeFaults(claims: Claims, now: number): TokenFault[] {
  const { iat, exp, nbf } = claims
  if (typeof iat !== 'number' || typeof exp !== 'number') return []
  const code = checkTimes(claims, timesOf(claims), now)
  if (!code) return []
  const ahead = Math.max(iat, typeof nbf === 'number' ? nbf : 0) - now
  return [
    tokenFault(
      code,
      code === 'token_expired' ? `it ended ${Math.round(now - exp)} s ago` : `it begins in ${Math.round(ahead)} s`,
    ),
  ]
}

function only(value: Claims, names: readonly string[]): Claims {
  return Object.fromEntries(names.filter(name => Object.hasOwn(value, name)).map(name => [name, value[name]]))
}

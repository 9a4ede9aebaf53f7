import type { Policy } from './policy.ts'

/** A slice that is not sent to this guard. */
export interface KeptBack {
  readonly bytes: number
  /** With which the guard would take it, bytes; undefined: with none. */
  readonly memory: number | undefined
}

/** Heartbeats come more often; what is older was confirmed by nobody for a while. */
const worthTellingSeconds = 30

/** Why this guard does not get the policy, and what to do. */
export function keptBackText({ memory }: Pick<KeptBack, 'memory'>): string {
  const remedy = memory === undefined ? 'divide the service' : `give it ${memory / 1_048_576}Mi, or divide the service`
  return `the policy is too large for the memory of this guard, which keeps what it has: ${remedy}`
}

/** What is to be told of a policy that is in force: how old it is, and why no newer one comes; undefined when all is well. */
export function standingText(policy: Policy, keptBack: KeptBack | undefined): string | undefined {
  const age = Math.floor(policy.ageSeconds() ?? 0)
  const most = policy.snapshot()?.service?.maxStalenessSeconds
  const texts = [
    ...(age >= worthTellingSeconds ? [ageText(age, most)] : []),
    ...(keptBack ? [keptBackText(keptBack)] : []),
  ]
  return texts.length === 0 ? undefined : texts.join('; ')
}

function ageText(age: number, most: number | undefined): string {
  const unconfirmed = `nobody has confirmed the policy for ${Number.isFinite(age) ? `${age} s` : 'longer than is known'}`
  if (most === undefined) return unconfirmed
  return `${age > most ? 'policy_stale: ' : ''}${unconfirmed}; after ${most} s every call is denied`
}

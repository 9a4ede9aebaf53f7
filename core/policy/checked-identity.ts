import type { CheckedIdentity, Identity } from '../base/identity.ts'
import type { CallerStanding } from './caller.ts'

/**
 * The one way to an identity that may be named. A caller whose grants have all ended is nobody here, as one whose grants
 * were taken away.
 * @param caller what the snapshot in force says of this identity
 * @param now seconds since epoch
 */
export function checkedIdentity(
  identity: Identity,
  caller: CallerStanding | undefined,
  now: number,
): CheckedIdentity | undefined {
  if (!caller || !(now < caller.endsAt && now < caller.grantedUntil)) return undefined
  return identity as CheckedIdentity
}

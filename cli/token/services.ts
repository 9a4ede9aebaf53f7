import { verifyToken } from '../../core/credential/verify.ts'
import { beyondManifests, unprovedCauses } from '../../core/explain/inspect-token.ts'
import { checkFreshness } from '../../core/policy/freshness.ts'
import type { Row } from '../../core/rows/rows.ts'
import { snapshotOfRows } from '../../core/snapshot/snapshot-of-rows.ts'

/** The policy of one service, from wherever it was read. */
export interface ServicePolicy {
  /** `namespace/name` of the GuardedService. */
  readonly service: string
  readonly rows: readonly Row[]
  /** Manifests hold no minted keys and no service accounts: what they cannot prove may be good. */
  readonly keys: 'All' | 'Brought'
  readonly ageSeconds?: number | undefined
}

/** What the guard of one service would say of a token. */
export interface ServiceVerdict {
  readonly service: string
  readonly audience?: string
  /** `taken`: who calls is proved there; what it may do is another question. */
  readonly verdict: 'taken' | 'refused' | 'unknown'
  /** Why it is refused, as a guard would tell it; for `unknown` a sentence. */
  readonly reason?: string
  /** Why nobody is proved, which a guard does not tell. */
  readonly causes?: readonly string[]
  /** Whose token it is; told where that is proved. */
  readonly client?: string
  readonly clientId?: string
  readonly key?: string
}

/** @param now seconds since epoch */
export function judgeToken(text: string, policy: ServicePolicy, now: number): ServiceVerdict {
  const { service, rows, ageSeconds } = policy
  const snapshot = snapshotOfRows(rows)
  if (!snapshot?.service)
    return { service, verdict: 'refused', reason: snapshot ? 'policy_unsupported' : 'policy_missing' }
  const { audience } = snapshot.service
  const stale = ageSeconds === undefined ? undefined : checkFreshness(snapshot, ageSeconds)
  if (stale) return { service, audience, verdict: 'refused', reason: stale }
  const proved = verifyToken(text, snapshot, now)
  if (typeof proved !== 'string') {
    const { client, clientId, key } = proved
    return { service, audience, verdict: 'taken', client, clientId, key }
  }
  if (proved !== 'invalid_token') return { service, audience, verdict: 'refused', reason: proved }
  const open = policy.keys === 'Brought' ? beyondManifests(text, snapshot) : undefined
  if (open !== undefined) return { service, audience, verdict: 'unknown', reason: open }
  const causes = unprovedCauses(text, snapshot)
  return { service, audience, verdict: 'refused', reason: proved, ...(causes && { causes }) }
}

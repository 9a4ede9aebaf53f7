import type { GrantLimit } from '../rows/rows.ts'

/** What limits of grants leave, as counted where it is decided. Asked, and not changed, by a decision. */
export interface LimitsLeft {
  /** Milliseconds until this grant lets another call of this client pass; 0: it does now. */
  waitMs(grant: string, limit: GrantLimit, clientId: string): number
}

/** A limit that is reached. */
export interface ReachedLimit extends GrantLimit {
  readonly grant: string
  /** Whole seconds until another call may pass. */
  readonly waitSeconds: number
}

/** What a caller is told of it. */
export function limitText({ requests, perSeconds, waitSeconds }: ReachedLimit): string {
  return `The grant lets this client call ${requests} times in ${perSeconds} s at each guard. Try again in ${waitSeconds} s.`
}

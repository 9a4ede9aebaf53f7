import type { GuardedService } from '../../core/api/guarded-service.ts'
import { takesAccessTokens } from '../../core/registry/slice.ts'
import type { AccessTokensRow } from '../../core/rows/rows.ts'
import { type Clock, sleep } from '../../platform/clock.ts'
import type { Logger } from '../../platform/log.ts'
import type { SigningKeys } from '../publish/signing-keys.ts'
import type { Feed, StoredRecord, TokenStore } from '../store/store.ts'
import { readRevocation } from './revocation-record.ts'
import { createRevocations, type Revocations } from './revocations.ts'

/** What guards are told of access tokens, but for the clients: who signs them, and which were revoked. */
export interface FollowedTokens {
  readonly revocations: Revocations
  readonly feed: Feed
  row(): AccessTokensRow
  /** Resolves when no guard would be told less than it may know from another replica. */
  whenKnown(services: Iterable<GuardedService>, signal: AbortSignal): Promise<void>
  /** Called when the row is another one. */
  onChange(handler: () => void): void
  stop(): void
}

const lookMs = 1_000
const pruneMs = 15_000
/** A store that is away keeps nobody's keys from being revoked: then access tokens alone are refused. */
const readWithinMs = 10_000

export function followTokens(parts: {
  issuerUrl: string
  store: Pick<TokenStore, 'follow'>
  signing: Pick<SigningKeys, 'current' | 'onChange' | 'whenRead'>
  clock: Clock
  log: Logger
}): FollowedTokens {
  const { issuerUrl, store, signing, clock, log } = parts
  const revocations = createRevocations()
  const handlers: (() => void)[] = []
  let unreadable: { readonly since: number; readonly until: number } | undefined
  const feed = store.follow('Revocation', take)
  const change = (): void => {
    for (const handler of handlers) handler()
  }
  let unknownSince = sinceNow()
  signing.onChange(change)
  let cancelLook = clock.after(lookMs, look)
  let cancelPrune = clock.after(pruneMs, prune)

  function take(record: StoredRecord): void {
    try {
      revocations.take(readRevocation(record))
    } catch (error) {
      log.error({ err: error }, 'a revocation cannot be read: until it has ended it is not known what was revoked')
      const since = unreadable?.since ?? Math.floor(clock.wallMs() / 1_000)
      unreadable = { since, until: Math.max(record.endsAt, unreadable?.until ?? 0) }
    }
  }

  function sinceNow(): number | undefined {
    if (unreadable && clock.wallMs() / 1_000 >= unreadable.until) unreadable = undefined
    return feed.unknownSince() ?? unreadable?.since
  }

  function look(): void {
    cancelLook()
    cancelLook = clock.after(lookMs, look)
    const now = sinceNow()
    // Told once: it is the same time, to a second.
    const isTold = now !== undefined && unknownSince !== undefined && unknownSince > 0
    if (now === unknownSince || isTold) return
    unknownSince = now
    if (now !== undefined) log.error({ since: now }, 'it is not known which access tokens were revoked since')
    change()
  }

  function prune(): void {
    cancelPrune = clock.after(pruneMs, prune)
    revocations.prune(clock.wallMs() / 1_000)
  }

  return {
    revocations,
    feed,
    row() {
      const keys = (signing.current() ?? []).map(({ kid, algorithm, publicKey }) => ({ kid, algorithm, publicKey }))
      return {
        issuer: issuerUrl,
        keys: keys.sort((a, b) => (a.kid < b.kid ? -1 : 1)),
        ...(unknownSince !== undefined && { unknownSince }),
      }
    },
    async whenKnown(services, signal) {
      if (![...services].some(takesAccessTokens)) return
      await signing.whenRead(signal)
      const late = new AbortController()
      await Promise.race([feed.whenRead(signal), sleep(clock, readWithinMs, late.signal)])
      late.abort()
      look()
    },
    onChange: handler => void handlers.push(handler),
    stop() {
      cancelLook()
      cancelPrune()
    },
  }
}

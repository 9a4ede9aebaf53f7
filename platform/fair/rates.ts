import type { Clock } from '../clock.ts'

/** So much at once, and so much a second after that. */
export interface RateBounds {
  readonly perSecond: number
  readonly burst: number
}

/** How much each peer takes in a time. What is taken beyond it is owed: the peer waits until it is paid. */
export interface Rates {
  /** @returns how long the peer is to take nothing more, milliseconds */
  spend(peer: string, amount: number): number
  /** Peers of which something is remembered. */
  size(): number
}

/**
 * Takes one if one may be taken now. What is refused is not owed: whoever asks too often still gets what it may have.
 * @returns how long to wait, milliseconds; 0: it was taken
 */
export function takeOne(rates: Pick<Rates, 'spend'>, peer: string): number {
  const waitMs = rates.spend(peer, 0)
  if (waitMs === 0) rates.spend(peer, 1)
  return waitMs
}

interface Account {
  /** What may be taken at once; below zero: owed. */
  left: number
  at: number
}

/** Remembers a peer until it may take the whole burst again, and a while longer. */
export function createRates({ perSecond, burst }: RateBounds, clock: Pick<Clock, 'now'>): Rates {
  const accounts = new Map<string, Account>()
  const forgetMs = (burst / perSecond) * 1_000
  let lookedAt = clock.now()

  function leftOf(account: Account | undefined, now: number): number {
    return account ? Math.min(burst, account.left + ((now - account.at) * perSecond) / 1_000) : burst
  }

  function forget(now: number): void {
    if (now - lookedAt < forgetMs) return
    lookedAt = now
    for (const [peer, account] of accounts) if (leftOf(account, now) >= burst) accounts.delete(peer)
  }

  return {
    size: () => accounts.size,
    spend(peer, amount) {
      const now = clock.now()
      forget(now)
      const left = leftOf(accounts.get(peer), now) - amount
      accounts.set(peer, { left, at: now })
      return left >= 0 ? 0 : Math.ceil((-left / perSecond) * 1_000)
    },
  }
}

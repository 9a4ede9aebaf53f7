import { createHash } from 'node:crypto'
import type { Clock } from '../platform/clock.ts'
import { createFairQueue, type FairQueueLimits } from './fair-queue.ts'
import { isWorthReview } from './look-at-token.ts'
import type { Holder, Reviewer } from './token-review.ts'

/** A reviewer that strangers may ask. */
export interface FairReviewer extends Omit<Reviewer, 'review'> {
  /**
   * @param peer whose turn it is
   * @returns undefined when the token is not good, `busy` when too many wait. @throws KubeError when the server cannot be asked
   */
  review(peer: string, token: string): Promise<Holder | undefined | 'busy'>
}

/** After a restart every guard comes at once; and who guesses comes as often as it likes. */
const limits: FairQueueLimits = { running: 16, runningPerPeer: 8, waiting: 1_024, waitingPerPeer: 256 }
/** How long a token that was refused is not asked about again, and how many are remembered. */
const refusedMs = 5_000
const refusedCount = 1_024

/**
 * Asks the API server only about what it may accept, once for the same token at one time, and peer by peer in turn. The
 * right to enforce is asked for in turns of namespaces: there a peer is proved, and its service account is whose it is.
 */
export function createFairReviewer(reviewer: Reviewer, options: { audience: string; clock: Clock }): FairReviewer {
  const { audience, clock } = options
  const queue = createFairQueue(limits)
  const rights = createFairQueue(limits)
  const asked = new Map<string, Promise<Holder | undefined | 'busy'>>()
  const refused = new Map<string, number>()

  function wasRefused(name: string): boolean {
    const at = refused.get(name)
    return at !== undefined && clock.now() - at < refusedMs
  }

  function remember(name: string): void {
    refused.delete(name)
    refused.set(name, clock.now())
    for (const oldest of refused.keys()) {
      if (refused.size <= refusedCount) break
      refused.delete(oldest)
    }
  }

  async function ask(peer: string, token: string, name: string): Promise<Holder | undefined | 'busy'> {
    try {
      const holder = await queue.run(peer, () => reviewer.review(token))
      if (holder === undefined) remember(name)
      return holder
    } finally {
      asked.delete(name)
    }
  }

  return {
    async review(peer, token) {
      if (!isWorthReview(token, { audience, nowSeconds: clock.wallMs() / 1_000 })) return undefined
      const name = createHash('sha256').update(token).digest('base64')
      if (wasRefused(name)) return undefined
      const known = asked.get(name) ?? ask(peer, token, name)
      asked.set(name, known)
      return await known
    },
    async mayEnforce(user, service) {
      const whose = /^system:serviceaccount:([^:]+):/.exec(user.username)?.[1] ?? user.username
      const allowed = await rights.run(whose, () => reviewer.mayEnforce(user, service))
      // Not a no: who has the right must not lose its stream because others ask for theirs.
      if (allowed === 'busy') throw new Error('too many rights wait to be looked at')
      return allowed
    },
  }
}

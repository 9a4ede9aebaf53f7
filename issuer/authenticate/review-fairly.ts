import { createHash } from 'node:crypto'
import type { Clock } from '../../platform/clock.ts'
import { createFairQueue, type FairQueueLimits } from '../../platform/fair/fair-queue.ts'
import { isWorthReview } from './look-at-token.ts'
import { rememberRights } from './remember-rights.ts'
import type { Holder, Reviewer } from './token-review.ts'

/** A reviewer that strangers may ask. */
export interface FairReviewer extends Omit<Reviewer, 'review'> {
  /**
   * @param peer whose turn it is
   * @returns undefined when the token is not good, `busy` when too many wait. @throws KubeError when the server cannot be asked
   */
  review(peer: string, token: string): Promise<Holder | undefined | 'busy'>
  /**
   * Of a token that was good, in the turn of whose it is: no stranger delays it.
   * @returns undefined when it is no longer good. @throws Error when nothing can be said of it now
   */
  reviewAgain(holder: Holder, token: string): Promise<Holder | undefined>
}

/** After a restart every guard comes at once; and whoever guesses comes as often as it likes. */
const limits: FairQueueLimits = { running: 16, waiting: 1_024, waitingPerPeer: 256 }
/** Of those who are proved: no more than the port has places for, and those of one namespace may all come at once. */
const provedLimits: FairQueueLimits = { running: 16, waiting: 2_048, waitingPerPeer: 1_280 }
/** How long a token that was refused is not asked about again, and how many are remembered. */
const refusedMs = 5_000
const refusedCount = 1_024

/**
 * Asks the API server only about what it may accept, once for the same token at one time, and peer by peer in turn. The
 * right to enforce, and whether a token is still good, are asked for in turns of namespaces: there a peer is proved, and
 * its service account is whose it is.
 */
export function createFairReviewer(reviewer: Reviewer, options: { audience: string; clock: Clock }): FairReviewer {
  const { audience, clock } = options
  const queue = createFairQueue(limits)
  const proved = createFairQueue(provedLimits)
  const mayGet = rememberRights((user, object) => inTurn(user.username, () => reviewer.mayGet(user, object)), clock)
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

  async function inTurn<T>(username: string, task: () => Promise<T>): Promise<T> {
    const answer = await proved.run(namespaceOf(username), task)
    // Not a no: whoever has the right must not lose its stream because others ask for theirs.
    if (answer === 'busy') throw new Error('too many rights wait to be looked at')
    return answer
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
    reviewAgain: ({ user }, token) => inTurn(user.username, () => reviewer.review(token)),
    mayEnforce: (user, service) => inTurn(user.username, () => reviewer.mayEnforce(user, service)),
    mayGet,
  }
}

function namespaceOf(username: string): string {
  return /^system:serviceaccount:([^:]+):/.exec(username)?.[1] ?? username
}

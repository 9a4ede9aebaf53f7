import { createHash } from 'node:crypto'
import type { Clock } from '../../platform/clock.ts'
import type { UserInfo } from '../../platform/kube/access-review.ts'
import { guardedServices } from '../../platform/kube/resources.ts'
import { rememberRights } from './remember-rights.ts'
import type { FairReviewer } from './review-fairly.ts'
import type { Holder } from './token-review.ts'

/** How long an answer about a token is good, and how many are remembered. */
const goodMs = 10_000
const mostHolders = 1_024

/** Service accounts that ask on behalf of services, call by call: the API server is asked about each once in ten seconds. */
export interface ServiceCallers {
  /**
   * @param peer whose turn it is
   * @returns undefined when the token is not good, `busy` when too many wait. @throws KubeError when the server cannot be asked
   */
  review(peer: string, token: string): Promise<Holder | undefined | 'busy'>
  /** Whether the holder may `enforce` at the GuardedService. @throws Error when nothing can be said of it now */
  mayEnforce(user: UserInfo, service: { readonly namespace: string; readonly name: string }): Promise<boolean>
}

/** @param reviewer of tokens whose audience is the issuer */
export function createServiceCallers(
  reviewer: Pick<FairReviewer, 'review' | 'mayEnforce'>,
  clock: Pick<Clock, 'now' | 'wallMs'>,
): ServiceCallers {
  const holders = new Map<string, { readonly holder: Holder; readonly askedMs: number }>()
  const mayEnforce = rememberRights(
    (user, { namespace, name }) => reviewer.mayEnforce(user, { namespace, name }),
    clock,
  )

  function remembered(name: string): Holder | undefined {
    const known = holders.get(name)
    if (!known) return undefined
    if (clock.now() - known.askedMs < goodMs && clock.wallMs() < known.holder.expiresAt * 1_000) return known.holder
    holders.delete(name)
    return undefined
  }

  return {
    mayEnforce: (user, service) => mayEnforce(user, { resource: guardedServices, ...service }),
    async review(peer, token) {
      const name = createHash('sha256').update(token).digest('base64')
      const known = remembered(name)
      if (known) return known
      const askedMs = clock.now()
      const holder = await reviewer.review(peer, token)
      if (!holder || holder === 'busy') return holder
      holders.set(name, { holder, askedMs })
      for (const oldest of holders.keys()) {
        if (holders.size <= mostHolders) break
        holders.delete(oldest)
      }
      return holder
    },
  }
}

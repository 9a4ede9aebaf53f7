import type { Clock } from '../../platform/clock.ts'
import type { Logger } from '../../platform/log.ts'
import type { GuardStream } from '../snapshots/guard-stream.ts'
import type { StreamAuthorizer, StreamRight } from './authorize.ts'
import type { FairReviewer } from './review-fairly.ts'

/** How often the right of a guard that is no pod behind the service is asked for again, in milliseconds. */
const centralMs = 300_000

/**
 * Ends a stream when the right that it was granted for ends: with the pod, with its labels or the Service's selector, with the token. The token
 * is reviewed again while it still has a fifth of its life, so that one that was invalidated does not last to its end.
 * @returns what to call when the pod, the Service or the GuardedService changed
 */
export function keepAuthorized(
  stream: GuardStream,
  granted: { readonly token: string; readonly right: StreamRight },
  parts: { authorizer: StreamAuthorizer; reviewer: Pick<FairReviewer, 'reviewAgain'>; log: Logger; clock: Clock },
): () => void {
  const { authorizer, reviewer, log, clock } = parts
  const { holder, slice } = stream
  const { token } = granted
  const isPod = granted.right === 'pod'
  const ends: (() => void)[] = []
  stream.ended.addEventListener('abort', () => {
    for (const end of ends) end()
  })

  const leftMs = holder.expiresAt * 1000 - clock.wallMs()
  ends.push(
    clock.after(leftMs, () => stream.end('token_expired', 'The token has ended; connect with the current one.')),
  )

  async function review(): Promise<void> {
    try {
      const again = await reviewer.reviewAgain(holder, token)
      if (!again) return stream.end('invalid_token', 'The token is not valid any more.')
      if (isPod) return
      if ('refusal' in (await authorizer.authorize(holder, slice.key)))
        return stream.end('forbidden', 'The right to enforce is gone.')
      ends.push(clock.after(centralMs, () => void review()))
    } catch (error) {
      // The API server is away: what was granted holds until the token ends.
      log.warn({ err: error }, 'a guard could not be reviewed again')
      ends.push(clock.after(30_000, () => void review()))
    }
  }
  ends.push(clock.after(isPod ? leftMs * 0.8 : Math.min(leftMs * 0.8, centralMs), () => void review()))

  return () => {
    if (!isPod || authorizer.isPodBehind(holder, slice.key)) return
    stream.end('forbidden', 'The pod is gone or no longer behind the service.')
  }
}

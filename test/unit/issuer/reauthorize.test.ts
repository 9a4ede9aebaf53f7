import { describe, expect, it } from 'vitest'
import { keepAuthorized } from '../../../issuer/authenticate/reauthorize.ts'
import type { Holder } from '../../../issuer/authenticate/token-review.ts'
import type { GuardStream } from '../../../issuer/snapshots/guard-stream.ts'
import { createManualClock } from '../platform/manual-clock.ts'
import { createQuietLog } from '../platform/quiet-log.ts'

const lifeSeconds = 3_000

/** A stream of a guard, in a world where only the clock moves. */
function world(options: { pod: boolean; review: () => Promise<Holder | undefined>; enforces?: () => boolean }) {
  const clock = createManualClock()
  const ended = new AbortController()
  const codes: string[] = []
  const holder: Holder = {
    user: { username: 'system:serviceaccount:shop:app' },
    expiresAt: Math.floor(clock.wallMs() / 1000) + lifeSeconds,
  }
  const stream = {
    slice: { key: 'shop/orders' },
    holder,
    ended: ended.signal,
    end(code: string) {
      if (ended.signal.aborted) return
      codes.push(code)
      ended.abort()
    },
  } as unknown as GuardStream
  let behind = options.pod
  const leave = (): void => {
    behind = false
  }
  const check = keepAuthorized(
    stream,
    { token: 'token', right: options.pod ? 'pod' : 'verb' },
    {
      clock,
      log: createQuietLog().log,
      reviewer: { reviewAgain: options.review },
      authorizer: {
        isPodBehind: () => behind,
        authorize: async () =>
          options.enforces?.() ? { right: 'verb' } : { refusal: { code: 'forbidden', message: '' } },
      },
    },
  )
  return { clock, codes, holder, check, leave }
}

describe('a stream', () => {
  it('ends with its token, though every review says it is good (K25)', async () => {
    const { clock, codes, holder } = world({ pod: true, review: async () => holder })
    await clock.advance(lifeSeconds * 1000 - 2_000)
    expect(codes).toEqual([])
    await clock.advance(3_000)
    expect(codes).toEqual(['token_expired'])
    expect(clock.pending()).toBe(0)
  })

  it('ends when its token is no longer good, before its end (K25)', async () => {
    const { clock, codes } = world({ pod: true, review: async () => undefined })
    await clock.advance(lifeSeconds * 800 - 2_000)
    expect(codes).toEqual([])
    await clock.advance(4_000)
    expect(codes).toEqual(['invalid_token'])
  })

  it('goes on while the API server is away, and not past the end of the token', async () => {
    const { clock, codes } = world({ pod: true, review: () => Promise.reject(new Error('away')) })
    await clock.advance(lifeSeconds * 990)
    expect(codes).toEqual([])
    await clock.advance(lifeSeconds * 20)
    expect(codes).toEqual(['token_expired'])
  })

  it('ends when its pod is looked at and is no longer behind the service (K29)', () => {
    const { codes, check, leave } = world({ pod: true, review: async () => undefined })
    check()
    expect(codes).toEqual([])
    leave()
    check()
    expect(codes).toEqual(['forbidden'])
  })

  it('of a central guard ends within 5 minutes when the right to enforce is taken', async () => {
    let enforces = true
    const { clock, codes, holder } = world({ pod: false, review: async () => holder, enforces: () => enforces })
    await clock.advance(310_000)
    expect(codes).toEqual([])
    enforces = false
    await clock.advance(300_000)
    expect(codes).toEqual(['forbidden'])
  })
})

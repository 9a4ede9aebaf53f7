import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { GuardedService } from '../../../core/api/guarded-service.ts'
import { followTokens } from '../../../issuer/revocations/follow-tokens.ts'
import type { Follower } from '../../../issuer/store/store.ts'
import { systemClock } from '../../../platform/clock.ts'
import { createQuietLog } from '../platform/quiet-log.ts'

const issuerUrl = 'https://i.test/default'
const taking = { spec: { accepts: ['AccessToken'] } } as GuardedService
const other = { spec: {} } as GuardedService
const open = () => new AbortController().signal

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

/** A store and a Secret that say what the test lets them. */
function started() {
  const read = Promise.withResolvers<void>()
  const keysRead = Promise.withResolvers<void>()
  const state = { unknownSince: 0 as number | undefined, keys: [] as never[], keysChanged: () => {} }
  let follower: Follower = () => {}
  const feed = {
    name: 'records',
    progress: () => '1',
    whenRead: () => read.promise,
    unknownSince: () => state.unknownSince,
    onTold: () => () => {},
    onProgress: () => () => {},
    askProgress: () => {},
    stop: async () => {},
  }
  const { log, lines } = createQuietLog()
  const followed = followTokens({
    issuerUrl,
    store: {
      follow(_type, given) {
        follower = given
        return feed
      },
    },
    signing: {
      current: () => state.keys,
      whenRead: () => keysRead.promise,
      onChange(handler) {
        state.keysChanged = handler
      },
    },
    clock: systemClock,
    log,
  })
  let changes = 0
  followed.onChange(() => changes++)
  return {
    ...{ followed, state, read, keysRead, lines },
    tell: (value: object, endsAt = 2_000) => follower({ endsAt, value: value as never }),
    changes: () => changes,
  }
}

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  void promise.then(() => (settled = true))
  await vi.advanceTimersByTimeAsync(0)
  return settled
}

describe('what guards are told of access tokens', () => {
  it('waits for the keys and for what was revoked, where a service takes access tokens', async () => {
    const { followed, state, read, keysRead } = started()
    const known = followed.whenKnown([other, taking], open())
    read.resolve()
    expect(await isSettled(known)).toBe(false)
    state.unknownSince = undefined
    keysRead.resolve()
    expect(await isSettled(known)).toBe(true)
    expect(followed.row()).toEqual({ issuer: issuerUrl, keys: [] })
    followed.stop()
  })

  it('waits for nothing where none does', async () => {
    const { followed } = started()
    expect(await isSettled(followed.whenKnown([other], open()))).toBe(true)
    followed.stop()
  })

  it('says that it knows nothing when the store is away for ten seconds, so that other policy goes on', async () => {
    const { followed, keysRead } = started()
    keysRead.resolve()
    const known = followed.whenKnown([taking], open())
    await vi.advanceTimersByTimeAsync(9_999)
    expect(await isSettled(known)).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    expect(await isSettled(known)).toBe(true)
    expect(followed.row().unknownSince).toBe(0)
    followed.stop()
  })

  it('says within a second since when nothing is known, once, and that all is known again', async () => {
    const { followed, state, changes } = started()
    state.unknownSince = undefined
    await vi.advanceTimersByTimeAsync(1_000)
    expect([followed.row().unknownSince, changes()]).toEqual([undefined, 1])
    state.unknownSince = 990
    await vi.advanceTimersByTimeAsync(1_000)
    state.unknownSince = 991
    await vi.advanceTimersByTimeAsync(1_000)
    expect([followed.row().unknownSince, changes()]).toEqual([990, 2])
    state.unknownSince = undefined
    await vi.advanceTimersByTimeAsync(1_000)
    expect([followed.row().unknownSince, changes()]).toEqual([undefined, 3])
    followed.stop()
  })

  it('does not pass over a revocation that cannot be read, as long as it would last', async () => {
    const { followed, state, tell, lines } = started()
    state.unknownSince = undefined
    tell({ clientId: 'sc_a' }, 1_100)
    await vi.advanceTimersByTimeAsync(1_000)
    expect(followed.row().unknownSince).toBe(1_000)
    expect(JSON.stringify(lines)).toContain('a revocation cannot be read')
    await vi.advanceTimersByTimeAsync(100_000)
    expect(followed.row().unknownSince).toBeUndefined()
    followed.stop()
  })

  it('changes with the keys of the issuer', () => {
    const { followed, state, changes } = started()
    state.keys = [
      { kid: 'b', algorithm: 'Ed25519', publicKey: {} },
      { kid: 'a', algorithm: 'ES256', publicKey: {} },
    ] as never[]
    state.keysChanged()
    expect(changes()).toBe(1)
    expect(followed.row().keys.map(({ kid }) => kid)).toEqual(['a', 'b'])
    followed.stop()
  })
})

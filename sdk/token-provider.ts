import { defaultLifetimeSeconds, maxLifetimeSeconds } from '../core/credential/client-token-claims.ts'
import { fail } from './access-error.ts'
import { signClientToken } from './client-token.ts'
import { findKeySource, type KeySource, type KeySourceOptions } from './key-source.ts'
import type { ClientKey } from './private-key.ts'

export interface TokenProviderOptions extends KeySourceOptions {
  /** How long a token lives, in seconds: 1 to 900, default 300. Guards take no longer ones. */
  readonly lifetimeSeconds?: number
  /** How Ed25519 signatures are called in the header. Default `EdDSA`, which every library knows. */
  readonly algorithmName?: 'EdDSA' | 'Ed25519'
}

export interface TokenProvider {
  /**
   * A client token for this audience, signed now or reused while at least a minute of it is left.
   * Follows the rotation of the mounted key; while the directory is empty or half-written, the last good key signs.
   * @throws AccessError key_missing | key_invalid while there never was a good key; provider_closed
   */
  token(audience: string): Promise<string>
  /**
   * Reads the key again and forgets signed tokens, as after a 401. At most once a second; who asks while it is being
   * read waits for the same reading.
   * @returns whether it did
   */
  refresh(): Promise<boolean>
  /** Forgets key and tokens. */
  close(): void
}

interface SignedToken {
  readonly token: string
  readonly reuseUntil: number
}

const reuseMarginSeconds = 60
const maxAudiences = 256
const checkEveryMs = 1_000

/**
 * Signs client tokens with the key of a mounted Secret. One provider per process is enough: it is cheap and holds no
 * timer, watcher or connection.
 * @throws AccessError option_invalid
 */
export function tokenProvider(options: TokenProviderOptions = {}): TokenProvider {
  const { lifetimeSeconds = defaultLifetimeSeconds, algorithmName = 'EdDSA' } = options
  if (!(lifetimeSeconds >= 1 && lifetimeSeconds <= maxLifetimeSeconds)) {
    fail('option_invalid', `lifetimeSeconds must be between 1 and ${maxLifetimeSeconds}`)
  }
  const keys = followKey(options)
  const tokens = new Map<string, SignedToken>()
  let signedWith: string | undefined
  let refreshing: Promise<boolean> | undefined
  let closed = false

  const sign = (key: ClientKey, audience: string): string => {
    const now = Math.floor(Date.now() / 1000)
    const margin = Math.min(reuseMarginSeconds, lifetimeSeconds / 5)
    const token = signClientToken(key, { audience, now, lifetimeSeconds, algorithmName })
    tokens.set(audience, { token, reuseUntil: now + lifetimeSeconds - margin })
    const oldest = tokens.keys().next().value
    if (tokens.size > maxAudiences && oldest !== undefined) tokens.delete(oldest)
    return token
  }

  return {
    async token(audience) {
      if (audience === '') fail('option_invalid', 'audience must not be empty')
      const key = await keys.current()
      if (closed) fail('provider_closed', 'This token provider was closed.')
      if (signedWith !== key.kid) tokens.clear()
      signedWith = key.kid
      const known = tokens.get(audience)
      if (known && Date.now() / 1000 < known.reuseUntil) return known.token
      tokens.delete(audience)
      return sign(key, audience)
    },
    refresh() {
      refreshing ??= keys
        .refresh()
        .then(done => {
          if (done) tokens.clear()
          return done
        })
        .finally(() => {
          refreshing = undefined
        })
      return refreshing
    },
    close() {
      closed = true
      tokens.clear()
      keys.forget()
    },
  }
}

/** Keeps the last good key and looks for another one at most once a second, on use only. */
function followKey(options: KeySourceOptions) {
  let source: KeySource | undefined
  let good: ClientKey | undefined
  let checkedAt = Number.NEGATIVE_INFINITY
  let refreshedAt = Number.NEGATIVE_INFINITY
  let reading: Promise<ClientKey> | undefined

  const read = async (): Promise<ClientKey> => {
    try {
      source ??= await findKeySource(options)
      if (good && !(await source.changed())) return good
      good = await source.read()
      return good
    } catch (error) {
      if (good) return good
      throw error
    } finally {
      checkedAt = performance.now()
      reading = undefined
    }
  }
  const readOnce = () => {
    reading ??= read()
    return reading
  }

  return {
    current(): Promise<ClientKey> {
      if (good && performance.now() - checkedAt < checkEveryMs) return Promise.resolve(good)
      return readOnce()
    },
    async refresh(): Promise<boolean> {
      if (performance.now() - refreshedAt < checkEveryMs) return false
      refreshedAt = performance.now()
      await readOnce()
      return true
    },
    forget() {
      good = undefined
    },
  }
}

import { defaultLifetimeSeconds, maxLifetimeSeconds } from '../core/credential/client-token-claims.ts'
import { fail } from './access-error.ts'
import { signClientToken } from './client-token.ts'
import { follow } from './follow.ts'
import { findKeySource, type KeySourceOptions } from './key-source.ts'
import type { ClientKey } from './private-key.ts'

export interface TokenProviderOptions extends KeySourceOptions {
  /** How long a token lives, in seconds: 1 to 900, default 300. Guards take no longer ones. */
  readonly lifetimeSeconds?: number
  /** How Ed25519 signatures are called in the header. Default `EdDSA`, which every library knows. */
  readonly algorithmName?: 'EdDSA' | 'Ed25519'
}

/** Where a credential stands in a request: a header, and what stands before it there. */
export interface CredentialPlace {
  readonly header: string
  readonly prefix: string
}

export interface TokenProvider {
  /**
   * A credential for this audience: a token, reused while enough of it is left, or a secret. Follows the rotation of the
   * mounted Secret; while the directory is empty or half-written, the last good one holds.
   * @throws AccessError key_missing | key_invalid while there never was a good key; provider_closed; and what a provider
   *   says of its own
   */
  token(audience: string): Promise<string>
  /**
   * Reads the Secret again and forgets tokens, as after a 401. At most once a second; who asks while it is being read
   * waits for the same reading.
   * @returns whether it did
   */
  refresh(): Promise<boolean>
  /** Forgets key and tokens. */
  close(): void
  /** Where it is sent. Default: a bearer token in the Authorization header. */
  readonly place?: CredentialPlace
}

interface SignedToken {
  readonly token: string
  readonly reuseUntil: number
}

const reuseMarginSeconds = 60
const maxAudiences = 256

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
  const keys = follow(() => findKeySource(options))
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

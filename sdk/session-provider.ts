import { AccessError, fail } from './access-error.ts'
import { type ClientCredential, findCredential } from './client-credential.ts'
import { createDiscovery } from './discovery.ts'
import { follow } from './follow.ts'
import type { KeySourceOptions } from './key-source.ts'
import type { TokenProvider } from './token-provider.ts'
import { requestToken, type SessionToken } from './token-request.ts'

export interface SessionProviderOptions extends KeySourceOptions {
  /** `namespace/name` of the GuardedService whose own authorization server gives the tokens. Default: the installation's. */
  readonly service?: string
  /** Scopes to ask for, with blanks between them. */
  readonly scope?: string
  /** Certificates (PEM) that the issuer's is checked against. Default: `ca.crt` of the Secret, else the system's. */
  readonly ca?: string | Buffer
  /** For one request, milliseconds. Default 5000. */
  readonly timeoutMs?: number
}

/** A token, and until when: `performance.now()`, milliseconds. */
interface KeptToken {
  readonly token: string
  readonly reuseUntil: number
  readonly endsAt: number
}

const mostMarginSeconds = 60
const maxAudiences = 256
/** A token that ends sooner than this would end on its way. */
const leastLeftMs = 5_000

/**
 * Gets session tokens from the issuer, for a client that proves itself with the key or the client secret of a mounted
 * Secret. Each is kept for its audience until a minute, or a fifth, of it is left; who asks meanwhile waits for the one
 * request that is under way. While the issuer is away, a token is used to its end.
 * @throws AccessError option_invalid
 */
export function sessionProvider(options: SessionProviderOptions = {}): TokenProvider {
  const { service, scope, ca, timeoutMs = 5_000 } = options
  if (service !== undefined && !/^[a-z0-9-]{1,63}\/[a-z0-9.-]{1,253}$/.test(service)) {
    fail('option_invalid', 'service must be namespace/name of a GuardedService')
  }
  const credentials = follow(() => findCredential(options))
  const tokens = new Map<string, KeptToken>()
  const pending = new Map<string, Promise<KeptToken>>()
  let discovery: { readonly server: string; readonly endpoint: ReturnType<typeof createDiscovery> } | undefined
  let refreshing: Promise<boolean> | undefined
  let closed = false

  function discoveryOf(server: string, authority: string | Buffer | undefined) {
    if (discovery?.server !== server) {
      const endpoint = createDiscovery(server, { timeoutMs, ...(authority !== undefined && { ca: authority }) })
      discovery = { server, endpoint }
    }
    return discovery.endpoint
  }

  async function requestWith(credential: ClientCredential, audience: string): Promise<SessionToken> {
    const { issuer } = credential
    const server = service === undefined ? issuer : `${issuer}/services/${service}`
    const authority = ca ?? credential.ca
    const endpoint = await discoveryOf(
      server,
      authority,
    )('token_endpoint').catch(() => fail('token_unavailable', 'The issuer cannot be asked for its token endpoint now.'))
    const about = { endpoint, server, audience, timeoutMs, now: Math.floor(Date.now() / 1_000) }
    return requestToken(credential, {
      ...about,
      ...(scope !== undefined && { scope }),
      ...(authority !== undefined && { ca: authority }),
    })
  }

  async function requestNow(audience: string): Promise<KeptToken> {
    const credential = await credentials.current()
    const given = await requestWith(credential, audience).catch(async error => {
      if (!isRefused(error)) throw error
      // Rotated a moment ago, perhaps: the Secret has another one by now.
      await credentials.refresh()
      const next = await credentials.current()
      if (next === credential) throw error
      return requestWith(next, audience)
    })
    const now = performance.now()
    const margin = Math.min(mostMarginSeconds, given.lifetimeSeconds / 5)
    const endsAt = now + given.lifetimeSeconds * 1_000
    return { token: given.token, reuseUntil: endsAt - margin * 1_000, endsAt }
  }

  function requestOnce(audience: string): Promise<KeptToken> {
    const known = pending.get(audience)
    if (known) return known
    const asked = requestNow(audience)
      .then(kept => {
        // Not one that was asked for before the last refresh.
        if (pending.get(audience) === asked) keep(audience, kept)
        return kept
      })
      .finally(() => {
        if (pending.get(audience) === asked) pending.delete(audience)
      })
    pending.set(audience, asked)
    return asked
  }

  function keep(audience: string, kept: KeptToken): void {
    tokens.delete(audience)
    tokens.set(audience, kept)
    const oldest = tokens.keys().next().value
    if (tokens.size > maxAudiences && oldest !== undefined) tokens.delete(oldest)
  }

  function forget(): void {
    tokens.clear()
    pending.clear()
  }

  return {
    async token(audience) {
      if (audience === '') fail('option_invalid', 'audience must not be empty')
      if (closed) fail('provider_closed', 'This token provider was closed.')
      const known = tokens.get(audience)
      if (known && performance.now() < known.reuseUntil) return known.token
      try {
        return (await requestOnce(audience)).token
      } catch (error) {
        if (known && isAway(error) && performance.now() < known.endsAt - leastLeftMs) return known.token
        throw error
      }
    },
    refresh() {
      refreshing ??= credentials
        .refresh()
        .then(done => {
          if (done) forget()
          return done
        })
        .finally(() => {
          refreshing = undefined
        })
      return refreshing
    },
    close() {
      closed = true
      forget()
      credentials.forget()
    },
  }
}

function isRefused(error: unknown): boolean {
  return error instanceof AccessError && error.code === 'client_refused'
}

function isAway(error: unknown): boolean {
  return error instanceof AccessError && error.code === 'token_unavailable'
}

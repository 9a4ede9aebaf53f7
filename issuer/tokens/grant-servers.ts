import type { Clock } from '../../platform/clock.ts'
import type { Signer } from '../publish/signing-keys.ts'
import type { AuthorizationServer } from './authorization-servers.ts'
import type { GrantServer } from './grant-server.ts'

/** Those made and not idle; each costs some 40 KB. */
const mostServers = 1_000
const idleMs = 600_000

/** The servers that are used, each made at its first request and let go when it was idle. */
export interface GrantServers {
  /** @param signers as they are now: a server that signs with others is made anew */
  get(server: AuthorizationServer, signers: readonly [Signer, ...Signer[]]): GrantServer
  size(): number
  stop(): void
}

interface Made {
  readonly server: GrantServer
  readonly signers: readonly Signer[]
  usedAt: number
}

export function createGrantServers(
  make: (server: AuthorizationServer, signers: readonly [Signer, ...Signer[]]) => GrantServer,
  clock: Pick<Clock, 'now' | 'after'>,
): GrantServers {
  /** The one that was used longest ago first. */
  const made = new Map<string, Made>()
  let cancel: (() => void) | undefined

  function letGo(): void {
    for (const [key, { usedAt }] of made) {
      if (clock.now() - usedAt < idleMs) break
      made.delete(key)
    }
    cancel = made.size > 0 ? clock.after(idleMs / 4, letGo) : undefined
  }

  return {
    get(server, signers) {
      // A service that was made anew has the issuer of the one before, and nothing else of it.
      const key = JSON.stringify([server.issuer, server.tenant])
      const known = made.get(key)
      const entry = known?.signers === signers ? known : { server: make(server, signers), signers, usedAt: 0 }
      entry.usedAt = clock.now()
      made.delete(key)
      made.set(key, entry)
      const [oldest] = made.size > mostServers ? made.keys() : []
      if (oldest !== undefined) made.delete(oldest)
      cancel ??= clock.after(idleMs / 4, letGo)
      return entry.server
    },
    size: () => made.size,
    stop: () => cancel?.(),
  }
}

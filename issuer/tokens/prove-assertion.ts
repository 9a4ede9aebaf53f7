import {
  type AssertionClaims,
  assertionFaults,
  claimedBy,
  readAssertion,
} from '../../core/credential/client-assertion.ts'
import { toleranceSeconds } from '../../core/credential/client-token-claims.ts'
import { type CompactToken, parseCompact } from '../../core/credential/compact.ts'
import { isSignedBy } from '../../core/credential/signed.ts'
import type { ClientKey } from '../../core/registry/client-row.ts'
import type { VouchedKey } from '../../core/registry/keys.ts'
import { type KeyEntry, keyObjectOf } from '../../core/snapshot/client-entry.ts'
import type { AuthorizationServer } from './authorization-servers.ts'
import type { LiveClients, ProvedClient } from './live-clients.ts'
import { notAuthenticated, type OAuthFault, refusedClient } from './oauth-fault.ts'

/** An assertion of the client that signed it, not used up yet. */
export interface ProvedAssertion {
  readonly client: ProvedClient
  readonly claims: AssertionClaims
}

/** Proves who signed an assertion. What is wrong with it is told to whoever has the key; everybody else is told one thing. */
export type AssertionProver = (text: string, server: AuthorizationServer, now: number) => ProvedAssertion | OAuthFault

export function createAssertionProver(clients: Pick<LiveClients, 'get' | 'key'>): AssertionProver {
  // As long as the AccessKey is as it was read.
  const entries = new WeakMap<VouchedKey, KeyEntry<VouchedKey>>()

  function isSigned(token: CompactToken, key: VouchedKey): boolean {
    const entry = entries.get(key) ?? { row: key, imported: undefined }
    entries.set(key, entry)
    return isSignedBy(token, key.algorithm, keyObjectOf(entry, key.algorithm))
  }

  function prove(token: CompactToken, now: number): (ProvedClient & { readonly key: ClientKey }) | undefined {
    const claimed = claimedBy(token)
    const client = claimed && clients.get(claimed.clientId)
    const key = client && clients.key(client, claimed.kid, now)
    return key && isSigned(token, key.key) ? { client, key } : undefined
  }

  return (text, server, now) => {
    const token = parseCompact(text)
    const proved = token && prove(token, now)
    if (!proved) return notAuthenticated
    const { clientId, createdAt } = proved.client
    const claims = readAssertion(token, { clientId, issuer: server.issuer, now })
    if (typeof claims === 'string') return refusedClient(assertionFaults[claims])
    // Whoever had the name before may have signed it.
    if (claims.issuedAt + toleranceSeconds < Math.max(createdAt, proved.key.key.notBefore)) {
      return refusedClient('the assertion is older than its key')
    }
    return { client: proved, claims }
  }
}

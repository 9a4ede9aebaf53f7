import {
  type AssertionClaims,
  assertionFaults,
  claimedBy,
  readAssertion,
} from '../../core/credential/client-assertion.ts'
import { toleranceSeconds } from '../../core/credential/client-token-claims.ts'
import { type CompactToken, parseCompact } from '../../core/credential/compact.ts'
import { isSignedBy } from '../../core/credential/signed.ts'
import type { VouchedKey } from '../../core/registry/keys.ts'
import { type KeyEntry, keyObjectOf } from '../../core/snapshot/client-entry.ts'
import type { TokenStore } from '../store/store.ts'
import type { AuthorizationServer } from './authorization-servers.ts'
import type { LiveClients, ProvedClient } from './live-clients.ts'
import { notAuthenticated, type OAuthFault } from './oauth-fault.ts'
import type { Form } from './read-form.ts'

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/**
 * Proves who asks, by an assertion that is used up with that. What is wrong with it is told to whoever proved to have the
 * client's key; everybody else is told one thing.
 */
export interface ClientAuthenticator {
  /** @param now seconds since epoch @throws StoreError when it cannot be known whether the assertion was used before */
  authenticate(
    request: { readonly form: Form; readonly authorization: string | undefined },
    server: AuthorizationServer,
    now: number,
  ): Promise<ProvedClient | OAuthFault>
}

export function createClientAuthenticator(clients: LiveClients, store: Pick<TokenStore, 'claim'>): ClientAuthenticator {
  // As long as the AccessKey is as it was read.
  const entries = new WeakMap<VouchedKey, KeyEntry<VouchedKey>>()

  function isSigned(token: CompactToken, key: VouchedKey): boolean {
    const entry = entries.get(key) ?? { row: key, imported: undefined }
    entries.set(key, entry)
    return isSignedBy(token, key.algorithm, keyObjectOf(entry, key.algorithm))
  }

  function prove(token: CompactToken, now: number): ProvedClient | undefined {
    const claimed = claimedBy(token)
    const client = claimed && clients.get(claimed.clientId)
    const key = client && clients.key(client, claimed.kid, now)
    return key && isSigned(token, key.key) ? { client, key } : undefined
  }

  return {
    async authenticate({ form, authorization }, server, now) {
      const fault = mechanismFault(form, authorization)
      if (fault) return fault
      const token = parseCompact(form.get('client_assertion') ?? '')
      const proved = token && prove(token, now)
      if (!proved) return notAuthenticated
      const { clientId } = proved.client
      const named = form.get('client_id')
      // RFC 7521 section 4.2: who is named beside the assertion must be its subject.
      if (named !== undefined && named !== clientId) return refused('client_id is not the client of the assertion')
      const claims = readAssertion(token, { clientId, issuer: server.issuer, now })
      if (typeof claims === 'string') return refused(assertionFaults[claims])
      if (isOlder(claims, proved)) return refused('the assertion is older than its key')
      // No client can use up an id of another, whatever the two are.
      const id = JSON.stringify([clientId, claims.jti])
      const claim = await store.claim({ type: 'Assertion', tenant: server.tenant, id }, { endsAt: claims.endsAt })
      return claim === 'claimed' ? proved : refused('the assertion was used before')
    },
  }
}

function refused(description: string): OAuthFault {
  return { error: 'invalid_client', description }
}

function mechanismFault(form: Form, authorization: string | undefined): OAuthFault | undefined {
  const assertion = form.get('client_assertion')
  const others = [authorization, form.get('client_secret')].filter(one => one !== undefined)
  if (assertion !== undefined && others.length > 0) {
    return { error: 'invalid_request', description: 'the client must authenticate in one way only' }
  }
  if (authorization !== undefined) {
    // RFC 6749 section 5.2: whoever used the header is told of a scheme.
    return {
      ...refused('authenticate with private_key_jwt'),
      headers: { 'www-authenticate': 'Basic realm="latchkey"' },
    }
  }
  if (assertion === undefined) return refused('authenticate with private_key_jwt')
  if (form.get('client_assertion_type') !== assertionType)
    return refused(`client_assertion_type must be ${assertionType}`)
  return undefined
}

/** Whoever had the name before may have signed it. */
function isOlder({ issuedAt }: AssertionClaims, { client, key }: ProvedClient): boolean {
  return issuedAt + toleranceSeconds < Math.max(client.createdAt, key.key.notBefore)
}

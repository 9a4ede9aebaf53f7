import type { Identity } from '../base/identity.ts'
import { identityOfKey } from '../credential/client-token.ts'
import type { ClientRow, KeyRow, Row } from '../rows/rows.ts'

/** A key that exists nowhere: it stands for any good credential where only the policy is asked about. */
const assumed: KeyRow = {
  kid: 'assumed',
  accessKey: 'assumed',
  algorithm: 'Ed25519',
  publicKey: { kty: 'OKP' },
  notBefore: 0,
}

/** A client that no grant names. */
const stranger: ClientRow = {
  type: 'client',
  clientId: 'assumed:stranger',
  namespace: '',
  name: '',
  issuer: 'assumed:stranger',
  createdAt: 0,
  suspended: false,
  keys: [],
}

/**
 * The rows as they would be if every client's credentials were good, and a stranger who has none of the grants: what
 * is decided from them is said by the policy alone. For explaining and proposing; no guard decides from it.
 */
export function assumeKeys(rows: readonly Row[]): Row[] {
  return [...rows, stranger].map(row => {
    if (row.type === 'client') return { ...row, suspended: false, keys: [assumed] }
    return row.type === 'service' ? { ...row, accepts: ['ClientToken'] } : row
  })
}

/** Who the assumed key of a client proves; without a client the stranger. @param now seconds since epoch */
export function assumedIdentity(client: ClientRow | undefined, audience: string, now: number): Identity {
  return identityOfKey(client ?? stranger, assumed, audience, now)
}

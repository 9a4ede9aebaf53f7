import type { DenyReason } from '../core/base/reasons.ts'
import type { RequestHead } from '../platform/wire/read-request.ts'

/** All of a request that a decision is made from, whoever read it: the guard itself, or a proxy that asks. */
export type Asked = Pick<RequestHead, 'method' | 'target' | 'authorization'>

/** The one credential of a request: the compact token, not yet looked into. */
export interface Credential {
  readonly token: string
}

const bearer = /^bearer +(.*)$/i
const credentials = /^[A-Za-z][A-Za-z0-9-]*( |$)/

/**
 * Finds exactly one credential. A second one of any kind makes the request ambiguous: the guard and the app could
 * each believe another one.
 * @returns the credential, or why there is none
 * @see RFC 6750 section 2
 */
export function readCredential(head: Pick<Asked, 'target' | 'authorization'>): Credential | DenyReason {
  const { authorization } = head
  if (authorization === undefined) return 'credential_missing'
  if (authorization.includes(',') || hasQueryToken(head.target)) return 'credential_ambiguous'
  // What nearly everybody sends, without the cost of a pattern.
  if (authorization.startsWith('Bearer ') && authorization.length > 7 && authorization.charCodeAt(7) !== 0x20) {
    return { token: authorization.slice(7) }
  }
  const match = bearer.exec(authorization)
  if (!match) return credentials.test(authorization) ? 'credential_unsupported' : 'invalid_token'
  return { token: match[1] as string }
}

/** Whether the query carries RFC 6750 section 2.3's `access_token`, in any spelling. */
function hasQueryToken(target: string): boolean {
  const query = target.indexOf('?')
  if (query === -1) return false
  return target
    .slice(query + 1)
    .split(/[&;]/)
    .some(pair => decoded(pair.split('=', 1)[0] as string) === 'access_token')
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name).toLowerCase()
  } catch {
    return name.toLowerCase()
  }
}

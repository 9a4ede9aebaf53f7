import { reasons } from '../base/reasons.ts'
import type { Decision } from './decision.ts'

const errors: Readonly<Record<number, string>> = {
  400: 'invalid_request',
  401: 'invalid_token',
  403: 'insufficient_scope',
}

/**
 * `WWW-Authenticate` of a denial, which tells whose fault it is and what to do next.
 * @param audience of the service
 * @see RFC 6750 section 3: no error code where no credential was sent
 */
export function challengeFor(decision: Decision & { allow: false }, audience: string | undefined): string | undefined {
  const { status, hint } = reasons[decision.reason]
  const error = errors[status]
  // A 400 is about the request; only the one about credentials belongs to the scheme.
  if (error === undefined || (status === 400 && decision.reason !== 'credential_ambiguous')) return undefined
  const realm = `Bearer realm="${quotable(audience ?? 'latchkey')}"`
  if (decision.reason === 'credential_missing' || decision.reason === 'credential_unsupported') return realm
  return `${realm}, error="${error}", error_description="${quotable(hint)}"`
}

/** RFC 6750 section 3 allows no quote and no backslash inside. */
function quotable(text: string): string {
  return text.replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, "'")
}

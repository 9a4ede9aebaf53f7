import { reasons } from '../core/base/reasons.ts'
import { challengeFor } from '../core/policy/challenge.ts'
import type { Decision } from '../core/policy/decision.ts'
import type { ReachedLimit } from '../core/policy/limits.ts'
import { type UpstreamFault, upstreamFaults } from '../core/policy/upstream-faults.ts'
import type { HeadFault } from '../platform/wire/read-request.ts'
import type { Verdict } from './authorize.ts'

/** An answer of the guard's own, ready to be written to any kind of connection. */
export interface Answer {
  readonly status: number
  /** Flat name, value pairs. */
  readonly headers: readonly string[]
  readonly body: string
}

export type { UpstreamFault } from '../core/policy/upstream-faults.ts'

/** What `type` of a problem body begins with: the page that explains the code follows. */
export const defaultProblemBase = 'https://latchkey.dev/problems/'

/** `Latchkey-Decision`: tells a caller whose answer it is, the guard's or the API's own. RFC 9651 item with parameters. */
export function decisionHeader(decision: Decision, pass: boolean, fault?: UpstreamFault): string {
  const mode = pass && !decision.allow ? '; mode=audit' : ''
  const error = fault ? `; error=${fault}` : ''
  return `${pass ? 'allow' : 'deny'}; reason=${decision.reason}${mode}${error}; by=guard`
}

/** The answer to a denied call. Of what the caller sent only a well-formed request id is in it, and a character of its path. */
export function denial(verdict: Verdict, requestId: string, problemBase = defaultProblemBase): Answer {
  const { decision, snapshot } = verdict
  if (decision.allow) throw new Error('an allowed call has no denial')
  const { status, hint } = reasons[decision.reason]
  const audience = snapshot?.service?.audience
  const challenge = challengeFor(decision, audience)
  return problem({
    status,
    code: decision.reason,
    detail: decision.detail ?? hint,
    requestId,
    problemBase,
    decision: decisionHeader(decision, false),
    ...(decision.missing !== undefined && { missing: decision.missing }),
    // Public: the challenge names it to everybody.
    ...(decision.reason === 'wrong_audience' && audience !== undefined && { audience }),
    headers: [
      ...(challenge === undefined ? [] : ['WWW-Authenticate', challenge]),
      ...(status === 503 ? ['Retry-After', '1'] : []),
      ...(decision.limit ? limitFields(decision.limit) : []),
    ],
  })
}

/** In the form of draft-ietf-httpapi-ratelimit-headers-10: the name of the limit is ours, not that of the grant. */
function limitFields({ requests, perSeconds, waitSeconds }: ReachedLimit): string[] {
  return [
    ...['Retry-After', String(waitSeconds)],
    ...['RateLimit-Policy', `"grant";q=${requests};w=${perSeconds}`],
    ...['RateLimit', `"grant";r=0;t=${waitSeconds}`],
  ]
}

/** The answer to a head, or to bytes, that cannot be read in one way. The connection ends with it. */
export function malformed(fault: HeadFault, requestId: string, problemBase = defaultProblemBase): Answer {
  const decision = decisionHeader({ allow: false, reason: 'request_malformed' }, false)
  const headers = ['Connection', 'close']
  return problem({ ...fault, code: 'request_malformed', requestId, problemBase, decision, headers })
}

/** The answer when the app did not give one. */
export function upstreamFailed(
  fault: UpstreamFault,
  verdict: Verdict,
  requestId: string,
  problemBase = defaultProblemBase,
): Answer {
  const decision = decisionHeader(verdict.decision, true, fault)
  const headers = upstreamFaults[fault].status === 503 ? ['Retry-After', '1'] : []
  return problem({ ...upstreamFaults[fault], code: fault, requestId, problemBase, decision, headers })
}

function problem(what: {
  status: number
  code: string
  detail: string
  requestId: string
  problemBase: string
  decision: string
  missing?: string
  audience?: string
  headers: readonly string[]
}): Answer {
  const { status, code, detail, missing, audience, requestId } = what
  const body = `${JSON.stringify({
    type: `${what.problemBase}${code}`,
    title: titleOf(code),
    status,
    code,
    detail,
    missing,
    audience,
    requestId,
  })}\n`
  return {
    status,
    body,
    headers: [
      ...what.headers,
      'Content-Type',
      'application/problem+json',
      'Content-Length',
      String(Buffer.byteLength(body)),
      'Cache-Control',
      'no-store',
      'Latchkey-Decision',
      what.decision,
      'X-Request-Id',
      requestId,
    ],
  }
}

function titleOf(code: string): string {
  const words = code.replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

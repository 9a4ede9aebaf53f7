/** What the header `Latchkey-Decision` of an answer says. */
export interface DecisionHeader {
  readonly decision: 'allow' | 'deny'
  /** From the closed list of reasons. */
  readonly reason: string
  /** Who decided; `guard` is the sidecar in front of the service, anything else is not Latchkey's. */
  readonly by: string
}

/**
 * Reads `Latchkey-Decision: allow | deny; reason=…; by=…`. It tells whose 401 or 403 it is: without it, the API's own.
 * @returns undefined when there is none or it says something else
 */
export function readDecision(value: string | null | undefined): DecisionHeader | undefined {
  const [decision, ...parameters] = (value ?? '').split(';').map(part => part.trim())
  if (decision !== 'allow' && decision !== 'deny') return undefined
  const named = new Map(parameters.map(text => splitOnce(text)))
  return { decision, reason: named.get('reason') ?? '', by: named.get('by') ?? '' }
}

function splitOnce(text: string): [string, string] {
  const at = text.indexOf('=')
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

import type { Answer } from './transport.ts'

/**
 * The API server's refusal. The message names verb, resource, status, reason and the fields refused; never a value,
 * a body or a header: messages end in logs and conditions.
 */
export class KubeError extends Error {
  override readonly name = 'KubeError'
  readonly status: number
  readonly reason: string | undefined
  readonly retryAfterSeconds: number | undefined

  constructor(what: string, status: number, reason?: string, retryAfterSeconds?: number, fields: string[] = []) {
    const where = fields.length > 0 ? ` at ${fields.join(', ')}` : ''
    super(`${what}: ${status}${reason ? ` ${reason}` : ''}${where}`)
    this.status = status
    this.reason = reason
    this.retryAfterSeconds = retryAfterSeconds
  }
}

interface Status {
  reason?: string
  details?: { retryAfterSeconds?: number; causes?: { field?: string }[] }
}

/** The error for an answer outside 2xx. `what` names verb and resource. */
export function refusal(what: string, answer: Answer): KubeError {
  let status: Status = {}
  try {
    status = (JSON.parse(answer.body) as Status | null) ?? {}
  } catch {
    // Proxies and overload filters answer in plain text; the code says enough.
  }
  const header = Number.parseInt(answer.headers['retry-after'] ?? '', 10)
  const retryAfter = Number.isNaN(header) ? status.details?.retryAfterSeconds : header
  const fields = (status.details?.causes ?? []).flatMap(cause => (cause.field ? [cause.field] : [])).slice(0, 5)
  return new KubeError(what, answer.status, status.reason, retryAfter, fields)
}

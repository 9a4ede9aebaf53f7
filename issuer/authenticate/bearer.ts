import type { IncomingMessage } from 'node:http'

/** One Authorization header with one token, or none. */
export function bearer(request: IncomingMessage): string | undefined {
  const sent = request.headersDistinct.authorization ?? []
  return sent.length === 1 ? /^Bearer ([A-Za-z0-9._~+/-]+=*)$/i.exec(sent[0] ?? '')?.[1] : undefined
}

import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Authorize, authenticate, checkAuthorized, refusalOf } from './challenge.ts'
import type { Caller } from './claims.ts'
import { callerOf, rawValues, remember } from './request-caller.ts'
import type { Verifier } from './verifier.ts'

export type { Authorize, Caller }
export { callerOf }

/** What Express, Connect and plain node:http servers call. */
export type NodeMiddleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => Promise<void>

/**
 * A middleware for Express and everything of its shape: lets proved callers through, answers the others.
 * `callerOf(request)` gives the caller to the handlers.
 */
export function expressLatchkey(
  verifier: Verifier,
  options: { readonly authorize?: Authorize<IncomingMessage> } = {},
): NodeMiddleware {
  return async (request, response, next) => {
    try {
      const caller = await authenticate(verifier, rawValues(request, 'authorization'))
      await checkAuthorized(options.authorize, caller, request)
      remember(request, caller)
    } catch (error) {
      const refusal = refusalOf(error)
      if (!refusal) return next(error)
      response.writeHead(refusal.status, refusal.headers).end(refusal.body)
      return
    }
    next()
  }
}

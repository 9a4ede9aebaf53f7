import type { IncomingMessage } from 'node:http'
import { type Authorize, authenticate, checkAuthorized, refusalOf } from './challenge.ts'
import type { Caller } from './claims.ts'
import { callerOf, rawValues, remember } from './request-caller.ts'
import type { Verifier } from './verifier.ts'

export type { Authorize, Caller }
export { callerOf }

/** The part of Fastify's request that is used. */
export interface FastifyLikeRequest {
  readonly raw: IncomingMessage
}

/** The part of Fastify's reply that is used. */
export interface FastifyLikeReply {
  code(status: number): FastifyLikeReply
  headers(headers: Record<string, string>): FastifyLikeReply
  send(body: string): unknown
}

/**
 * A hook for Fastify: `app.addHook('onRequest', fastifyLatchkey(verifier))`. Lets proved callers through, answers the
 * others. `callerOf(request)` gives the caller to the handlers.
 */
export function fastifyLatchkey<Request extends FastifyLikeRequest>(
  verifier: Verifier,
  options: { readonly authorize?: Authorize<Request> } = {},
): (request: Request, reply: FastifyLikeReply) => Promise<unknown> {
  return async (request, reply) => {
    try {
      const caller = await authenticate(verifier, rawValues(request.raw, 'authorization'))
      await checkAuthorized(options.authorize, caller, request)
      remember(request, caller)
      return undefined
    } catch (error) {
      const refusal = refusalOf(error)
      if (!refusal) throw error
      // The reply given back is what tells Fastify that the request is answered.
      return reply
        .code(refusal.status)
        .headers({ ...refusal.headers })
        .send(refusal.body)
    }
  }
}

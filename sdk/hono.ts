import { type Authorize, authenticate, checkAuthorized, refusalOf } from './challenge.ts'
import type { Caller } from './claims.ts'
import { callerOf, remember } from './request-caller.ts'
import type { Verifier } from './verifier.ts'

export type { Authorize, Caller }
export { callerOf }

/** The part of Hono's context that is used. */
export interface HonoLikeContext {
  readonly req: { readonly raw: Request }
}

/**
 * A middleware for Hono: `app.use(honoLatchkey(verifier))`. Lets proved callers through, answers the others.
 * `callerOf(context.req.raw)` gives the caller to the handlers.
 */
export function honoLatchkey<Context extends HonoLikeContext>(
  verifier: Verifier,
  options: { readonly authorize?: Authorize<Context> } = {},
): (context: Context, next: () => Promise<void>) => Promise<Response | undefined> {
  return async (context, next) => {
    try {
      const { raw } = context.req
      const value = raw.headers.get('authorization')
      const caller = await authenticate(verifier, value === null ? [] : [value])
      await checkAuthorized(options.authorize, caller, context)
      remember(raw, caller)
    } catch (error) {
      const refusal = refusalOf(error)
      if (!refusal) throw error
      return new Response(refusal.body, { status: refusal.status, headers: { ...refusal.headers } })
    }
    await next()
    return undefined
  }
}

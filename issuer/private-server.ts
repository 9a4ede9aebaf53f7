import type { IncomingMessage, ServerResponse } from 'node:http'
import { markProved } from '../platform/http/exchanges.ts'
import { sendProblem } from '../platform/http/problem.ts'
import type { Handler } from '../platform/http/server.ts'
import type { Logger } from '../platform/log.ts'
import { createLimit } from './limit.ts'
import type { Holder, Reviewer } from './token-review.ts'

type Serve = (request: IncomingMessage, response: ServerResponse, token: string, holder: Holder) => void | Promise<void>

/** Tokens that may be under review at the API server at one time: after a restart every guard comes at once. */
const reviewsAtOnce = 16

/** The port of guards and operator: nothing is answered before the token is proved. */
export function createPrivateHandler(parts: {
  routes: Readonly<Record<string, { readonly method: 'GET' | 'POST'; readonly serve: Serve }>>
  reviewer: Reviewer
  ready: () => boolean
  log: Logger
}): Handler {
  const { routes, reviewer, ready, log } = parts
  const limit = createLimit(reviewsAtOnce)

  async function holderOf(token: string): Promise<Holder | undefined | 'unavailable'> {
    try {
      return await limit(() => reviewer.review(token))
    } catch (error) {
      log.warn({ err: error }, 'a token could not be reviewed')
      return 'unavailable'
    }
  }

  return async (request, response) => {
    const path = (request.url ?? '').split('?', 1)[0] ?? ''
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined
    if (!route) return problem(response, 404, 'not_found', 'There is nothing here')
    if (request.method !== route.method) {
      return problem(response, 405, 'method_not_allowed', 'Another method is needed', { allow: route.method })
    }
    if (!ready()) return unavailable(response, 'not_ready', 'Not everything is loaded yet: try again')
    const token = bearer(request)
    const holder = token === undefined ? undefined : await holderOf(token)
    if (holder === 'unavailable')
      return unavailable(response, 'unavailable', 'The API server did not answer: try again')
    if (token === undefined || !holder) {
      const challenge = { 'www-authenticate': token === undefined ? 'Bearer' : 'Bearer error="invalid_token"' }
      return problem(
        response,
        401,
        'invalid_token',
        'Send a service account token for the snapshot audience',
        challenge,
      )
    }
    markProved(response)
    await route.serve(request, response, token, holder)
  }
}

/** One Authorization header with one token, or none. */
function bearer(request: IncomingMessage): string | undefined {
  const sent = request.headersDistinct.authorization ?? []
  return sent.length === 1 ? /^Bearer ([A-Za-z0-9._~+/-]+=*)$/i.exec(sent[0] ?? '')?.[1] : undefined
}

function problem(
  response: ServerResponse,
  status: number,
  code: string,
  title: string,
  headers: Record<string, string> = {},
): void {
  // The body of the request is not read, so the connection cannot be used again.
  sendProblem(response, { status, code, title, headers: { ...headers, connection: 'close' } })
}

function unavailable(response: ServerResponse, code: string, title: string): void {
  problem(response, 503, code, title, { 'retry-after': '1' })
}

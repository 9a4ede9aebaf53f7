import type { IncomingMessage, ServerResponse } from 'node:http'
import { markProved } from '../platform/http/exchanges.ts'
import { peerKey } from '../platform/http/peer.ts'
import { sendProblem } from '../platform/http/problem.ts'
import type { Handler } from '../platform/http/server.ts'
import type { Logger } from '../platform/log.ts'
import { bearer } from './authenticate/bearer.ts'
import type { FairReviewer } from './authenticate/review-fairly.ts'
import type { Holder } from './authenticate/token-review.ts'

/** Nothing can be said of a token now. */
type Unanswered = 'unavailable' | 'busy'
type Serve = (request: IncomingMessage, response: ServerResponse, token: string, holder: Holder) => void | Promise<void>

/** What may come of a body before the token is proved: the first line of a guard is some hundred bytes long. */
const unprovedBytes = 8_192

/** The port of guards and operator: nothing is answered, and next to nothing read, before the token is proved. */
export function createPrivateHandler(parts: {
  routes: Readonly<Record<string, { readonly method: 'GET' | 'POST'; readonly serve: Serve }>>
  reviewer: Pick<FairReviewer, 'review'>
  ready: () => boolean
  log: Logger
}): Handler {
  const { routes, reviewer, ready, log } = parts

  async function holderOf(request: IncomingMessage, token: string): Promise<Holder | undefined | Unanswered> {
    const limit = (): void => {
      if (request.readableLength > unprovedBytes) request.destroy()
    }
    request.on('readable', limit)
    try {
      return await reviewer.review(peerKey(request.socket.remoteAddress), token)
    } catch (error) {
      log.warn({ err: error }, 'a token could not be reviewed')
      return 'unavailable'
    } finally {
      request.off('readable', limit)
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
    const holder = token === undefined ? undefined : await holderOf(request, token)
    if (holder === 'unavailable')
      return unavailable(response, 'unavailable', 'The API server did not answer: try again')
    if (holder === 'busy') return unavailable(response, 'too_busy', 'Too many tokens wait to be looked at: try again')
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
    try {
      await route.serve(request, response, token, holder)
    } catch (error) {
      // No right is looked at any more once the answer has begun: a fault is for the server to cut off.
      if (response.headersSent) throw error
      log.warn({ err: error }, 'a right could not be looked at')
      unavailable(response, 'unavailable', 'The API server did not answer: try again')
    }
  }
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

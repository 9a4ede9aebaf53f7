import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ResolvedService } from '../../core/registry/resolve-services.ts'
import type { Clock } from '../../platform/clock.ts'
import { driven } from '../../platform/drive-steps.ts'
import { createFairQueue, type FairQueueLimits } from '../../platform/fair/fair-queue.ts'
import { createRates, type RateBounds } from '../../platform/fair/rates.ts'
import { markProved } from '../../platform/http/exchanges.ts'
import { peerKey } from '../../platform/http/peer.ts'
import { type Problem, sendProblem } from '../../platform/http/problem.ts'
import type { Handler } from '../../platform/http/server.ts'
import type { Logger } from '../../platform/log.ts'
import { bearer } from '../authenticate/bearer.ts'
import type { ServiceCallers } from '../authenticate/service-callers.ts'
import type { Holder } from '../authenticate/token-review.ts'
import type { Slices } from '../slices/slices.ts'
import { type CheckResult, decidingChecks } from './decide-checks.ts'
import { createHeldSnapshots } from './held-snapshots.ts'
import { type CheckFault, type Checks, headFault, readChecks } from './read-checks.ts'

/** Requests of one peer, each with a hundred checks at most. */
const peerRate: RateBounds = { perSecond: 200, burst: 400 }
/** One after the other, in pieces of some milliseconds: guards' streams and tokens are served by the same process. */
const turns: FairQueueLimits = { running: 1, waiting: 256, waitingPerPeer: 64 }

/** @param base of the endpoints that have their own port */
export function checkUrl(base: string): string {
  return `${base}/v1/check`
}

export interface CheckHandlerParts {
  readonly callers: ServiceCallers
  readonly slices: Pick<Slices, 'get' | 'flush'>
  /** GuardedServices of this installation as they are now. */
  readonly services: () => ReadonlyMap<string, ResolvedService>
  readonly ready: () => boolean
  /** Requests that one peer may make. */
  readonly rate?: RateBounds
  readonly clock: Clock
  readonly log: Logger
}

/** `POST /v1/check`: what a guard would say, for services that have none. Nothing is read before its caller is proved. */
export function createCheckHandler(parts: CheckHandlerParts): Handler {
  const { callers, slices, services, ready, rate = peerRate, clock, log } = parts
  const rates = createRates(rate, clock)
  const queue = createFairQueue(turns)
  const snapshots = createHeldSnapshots()

  async function results({ namespace, name, checks }: Checks): Promise<object | undefined> {
    // What was revoked a moment ago counts.
    slices.flush()
    const slice = slices.get(`${namespace}/${name}`)
    const snapshot = slice && (await snapshots.of(slice))
    if (!slice) return undefined
    const decided: CheckResult[] = await driven(decidingChecks(checks, snapshot, Math.floor(clock.wallMs() / 1_000)))
    return { service: slice.key, ...(snapshot && { revision: snapshot.revision }), results: decided }
  }

  async function answer(request: IncomingMessage, response: ServerResponse, { user }: Holder): Promise<void> {
    const asked = await readChecks(request)
    if ('status' in asked) return refuse(response, problemOf(asked))
    const { namespace, name } = asked
    if (!(await callers.mayEnforce(user, { namespace, name }))) return refuse(response, forbidden)
    const told = await queue.run(user.username, () => results(asked))
    if (told === 'busy') return refuse(response, tooBusy)
    if (!told) return refuse(response, services().has(`${namespace}/${name}`) ? withheld : notFound)
    const body = Buffer.from(JSON.stringify(told))
    const head = { 'content-type': 'application/json', 'content-length': body.length, 'cache-control': 'no-store' }
    response.writeHead(200, head).end(body)
  }

  function fault(request: IncomingMessage): Problem | undefined {
    if (request.method !== 'POST') return methodNotAllowed
    if (!ready()) return notReady
    const waitMs = rates.spend(peerKey(request.socket.remoteAddress), 1)
    if (waitMs > 0) return { ...tooMany, headers: { 'retry-after': String(Math.ceil(waitMs / 1_000)) } }
    const ofHead = headFault(request)
    return ofHead && problemOf(ofHead)
  }

  return async (request, response) => {
    const problem = fault(request)
    if (problem) return refuse(response, problem)
    try {
      const token = bearer(request)
      const holder =
        token === undefined ? undefined : await callers.review(peerKey(request.socket.remoteAddress), token)
      if (holder === 'busy') return refuse(response, tooBusy)
      if (!holder) return refuse(response, token === undefined ? noToken : badToken)
      markProved(response)
      await answer(request, response, holder)
    } catch (error) {
      if (response.headersSent) throw error
      log.warn({ err: error }, 'checks could not be decided')
      refuse(response, unavailable)
    }
  }
}

const again = { 'retry-after': '1' }
const title = 'Send a service account token whose audience is the issuer'
const noToken: Problem = { status: 401, code: 'invalid_token', title, headers: { 'www-authenticate': 'Bearer' } }
const badToken: Problem = {
  ...noToken,
  headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
}
const forbidden: Problem = {
  status: 403,
  code: 'forbidden',
  title: 'The verb enforce on this GuardedService is needed',
}
const notFound: Problem = { status: 404, code: 'service_not_found', title: 'There is no such GuardedService' }
const methodNotAllowed: Problem = {
  status: 405,
  code: 'method_not_allowed',
  title: 'Use POST',
  headers: { allow: 'POST' },
}
const tooMany: Problem = { status: 429, code: 'slow_down', title: 'Too many requests of one peer: put checks together' }
const notReady: Problem = {
  status: 503,
  code: 'not_ready',
  title: 'Not everything is loaded yet: try again',
  headers: again,
}
const withheld: Problem = { ...notReady, title: 'The policy of this service cannot be told now: see its conditions' }
const tooBusy: Problem = { status: 503, code: 'too_busy', title: 'Too many checks wait: try again', headers: again }
const unavailable: Problem = {
  status: 503,
  code: 'unavailable',
  title: 'The checks could not be decided now: try again',
  headers: again,
}

const codes = { 400: 'request_malformed', 413: 'body_too_large', 415: 'media_type_unsupported' } as const

function problemOf({ status, detail }: CheckFault): Problem {
  return { status, code: codes[status], title: 'The checks cannot be read', detail }
}

/** What came of the body is not read to its end, so the connection is not used again. */
function refuse(response: ServerResponse, problem: Problem): void {
  sendProblem(response, { ...problem, headers: { ...problem.headers, connection: 'close' } })
}

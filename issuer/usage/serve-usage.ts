import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type UsedKind, usedKinds } from '../../core/status/usage-report.ts'
import type { Clock } from '../../platform/clock.ts'
import { sendProblem } from '../../platform/http/problem.ts'
import { accessGrants, accessKeys, roles } from '../../platform/kube/resources.ts'
import type { FairReviewer } from '../authenticate/review-fairly.ts'
import type { Holder } from '../authenticate/token-review.ts'
import type { Objects } from '../objects.ts'
import type { Usage } from './usage.ts'
import { type Asked, reportPieces, usagePieces } from './usage-answer.ts'

const resources = { accesskeys: accessKeys, accessgrants: accessGrants, roles }
const head = { 'content-type': 'application/json', 'cache-control': 'no-store' }
const patterns = {
  namespace: /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
  name: /^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/,
  after: /^[0-9]{1,12}$/,
} as const
type Parameter = keyof typeof patterns

/**
 * `GET /v1/usage`: when keys, grants and roles were used last. Somebody is told of the kinds of which they may `get` what
 * they ask about: all objects, those of a namespace, or one of them. That is three questions to the API server at most,
 * whatever there is. The operator is told what is new since it asked.
 */
export function createUsageHandler(parts: {
  usage: Usage
  objects: Pick<Objects, 'keys' | 'grants' | 'roles'>
  reviewer: Pick<FairReviewer, 'mayGet'>
  operatorUser: string
  clock: Pick<Clock, 'wallMs'>
}) {
  const { usage, objects, reviewer, operatorUser, clock } = parts

  async function allowedKinds({ user }: Holder, { namespace = '', name = '' }: Asked): Promise<UsedKind[]> {
    const allowed = await Promise.all(
      usedKinds.map(kind => reviewer.mayGet(user, { resource: resources[kind], namespace, name })),
    )
    return usedKinds.filter((_, at) => allowed[at])
  }

  return async (request: IncomingMessage, response: ServerResponse, _token: string, holder: Holder): Promise<void> => {
    const asked = askedOf(request.url ?? '')
    const isOperator = holder.user.username === operatorUser
    if (!asked || (asked.after !== undefined && !isOperator)) return malformed(response)
    if (isOperator) {
      return send(response, reportPieces(usage, Number(asked.after ?? 0), Math.floor(clock.wallMs() / 1_000)))
    }
    const kinds = await allowedKinds(holder, { namespace: asked.namespace, name: asked.name })
    if (kinds.length === 0) return forbidden(response)
    return send(response, usagePieces(usage, objects, kinds, asked))
  }
}

async function send(response: ServerResponse, pieces: Iterable<string>): Promise<void> {
  response.writeHead(200, head)
  // Who does not read to the end needs nothing more.
  await pipeline(Readable.from(pieces), response).catch(() => response.destroy())
}

/** @returns undefined when it is not asked as it should be */
function askedOf(url: string): (Asked & { readonly after: string | undefined }) | undefined {
  const query = new URLSearchParams(url.split('?')[1] ?? '')
  for (const [name, value] of query) {
    if (!Object.hasOwn(patterns, name) || !patterns[name as Parameter].test(value)) return undefined
    if (query.getAll(name).length > 1) return undefined
  }
  const [namespace, name, after] = ['namespace', 'name', 'after'].map(one => query.get(one) ?? undefined)
  if (name !== undefined && namespace === undefined) return undefined
  return { namespace, name, after }
}

function malformed(response: ServerResponse): void {
  const title = 'Name a namespace, or a namespace and a name, or neither'
  sendProblem(response, { status: 400, code: 'request_malformed', title })
}

function forbidden(response: ServerResponse): void {
  const title = 'The verb get on accesskeys, accessgrants or roles.latchkey.dev is needed, for what is asked about'
  sendProblem(response, { status: 403, code: 'forbidden', title })
}

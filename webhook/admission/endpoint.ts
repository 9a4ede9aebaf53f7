import type { IncomingMessage, ServerResponse } from 'node:http'
import { peerKey } from '../../platform/http/peer.ts'
import { sendProblem, tooBusy } from '../../platform/http/problem.ts'
import type { Handler } from '../../platform/http/server.ts'
import type { Logger } from '../../platform/log.ts'
import type { Lost } from '../../platform/thread/thread.ts'
import type { BeginReview } from '../measure.ts'
import type { ExaminedReview } from './examine-review.ts'
import type { Examiner } from './examiner.ts'
import type { PathQuestion } from './known-paths.ts'
import { readBody } from './read-body.ts'
import { namespaceOf, reviewAnswer, uidOf, type Verdict } from './review.ts'

/** What an endpoint works with. */
export interface EndpointParts {
  /** What is asked at a path; undefined: nobody answers there. */
  readonly find: (path: string, peer: string) => Promise<PathQuestion | undefined>
  readonly examine: Examiner['examine']
  /** Decides about what was examined, by what else there is. */
  readonly conclude: (result: ExaminedReview['result']) => Promise<Verdict>
  /** Seconds since epoch. */
  readonly now: () => number
  /** Counts reviews. */
  readonly begin: BeginReview
  readonly log: Logger
}

// Nobody reads what is still to come: it is not kept for a next request either.
const notFound = { status: 404, code: 'not_found', title: 'No such path', headers: { connection: 'close' } }

/**
 * Answers AdmissionReviews. Who does not know a path is told so before a byte of body is read. Bodies are bounded in size
 * and depth; what cannot be read is refused with an AdmissionReview where its uid can be found, with a problem otherwise.
 * Nothing here changes anything anywhere.
 */
export function createAdmissionHandler(parts: EndpointParts): Handler {
  return async (request, response) => {
    const path = (request.url ?? '').split('?', 1)[0] ?? ''
    const peer = peerKey(request.socket.remoteAddress)
    const question = await parts.find(path, peer)
    const refused = question ? refuseForm(request) : notFound
    if (!question || refused) return sendProblem(response, refused ?? notFound)
    const body = await readBody(request)
    if (!body) return void response.destroy()
    const { bytes, isTooLarge } = body
    const uid = uidOf(bytes)
    if (isTooLarge) return refuseBody(response, uid, 413, 'the object is larger than 3 MiB')
    const end = parts.begin()
    const asker = namespaceOf(bytes) ?? peer
    const examined = await parts.examine(bytes, { question, now: parts.now() }, asker)
    if ('lost' in examined) {
      end(question, 'failed')
      return answerLost(response, uid, examined, parts.log)
    }
    if ('fault' in examined) return refuseBody(response, uid, 400, examined.fault)
    const verdict = await concludeSafely(examined, parts)
    end(examined.question, verdict.allowed ? 'allowed' : verdict.code === 500 ? 'failed' : 'refused')
    sendReview(response, examined.uid, verdict)
  }
}

async function concludeSafely({ about, result }: ExaminedReview, { conclude, log }: EndpointParts): Promise<Verdict> {
  try {
    const verdict = await conclude(result)
    if (!verdict.allowed) log.info({ ...about, code: verdict.code }, 'refused')
    return verdict
  } catch (error) {
    log.error({ ...about, err: error }, 'an admission review failed')
    return { allowed: false, code: 500, message: 'Latchkey could not examine this object; see the log of its webhook' }
  }
}

function answerLost(response: ServerResponse, uid: string | undefined, lost: Lost, log: Logger): void {
  if (lost.lost === 'too_costly') {
    log.error({ spentMs: lost.spentMs }, 'an admission review took more time or memory than there is for one')
    refuseBody(response, uid, 413, 'the object is too costly to examine; make it smaller or split it')
    return
  }
  if (lost.lost === 'died') log.error({ err: lost.error }, 'the thread that examines long reviews ended')
  sendProblem(response, { ...tooBusy, headers: { 'retry-after': '1' } })
}

function refuseForm(request: IncomingMessage) {
  if (request.method !== 'POST') {
    const headers = { allow: 'POST' }
    return { status: 405, code: 'method_not_allowed', title: 'AdmissionReviews are posted', headers }
  }
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase()
  if (type !== 'application/json') {
    return { status: 415, code: 'unsupported_media_type', title: 'The content type must be application/json' }
  }
  return undefined
}

function refuseBody(response: ServerResponse, uid: string | undefined, code: 400 | 413, message: string): void {
  const problem = code === 413 ? 'request_too_large' : 'review_malformed'
  const title = 'The AdmissionReview cannot be read'
  if (uid === undefined) sendProblem(response, { status: code, code: problem, title, detail: message })
  else sendReview(response, uid, { allowed: false, code, message })
}

function sendReview(response: ServerResponse, uid: string, verdict: Verdict): void {
  const body = reviewAnswer(uid, verdict)
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
  response.end(body)
}

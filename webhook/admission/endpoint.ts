import type { IncomingMessage, ServerResponse } from 'node:http'
import { peerKey } from '../../platform/http/peer.ts'
import { sendProblem } from '../../platform/http/problem.ts'
import type { Handler } from '../../platform/http/server.ts'
import type { Logger } from '../../platform/log.ts'
import { type Body, readBody } from './read-body.ts'
import { type AdmissionRequest, readReview, reviewAnswer, uidOf, type Verdict } from './review.ts'

export type Decide = (request: AdmissionRequest) => Verdict | Promise<Verdict>

/** Who answers at a path; undefined: nobody does. */
export type FindDecide = (path: string, peer: string) => Promise<Decide | undefined>

// Nobody reads what is still to come: it is not kept for a next request either.
const notFound = { status: 404, code: 'not_found', title: 'No such path', headers: { connection: 'close' } }

/**
 * Answers AdmissionReviews. Who does not know a path is told so before a byte of body is read. Bodies are bounded in size
 * and depth; what cannot be read is refused with an AdmissionReview where its uid can be found, with a problem otherwise.
 * Nothing here changes anything anywhere.
 */
export function createAdmissionHandler(find: FindDecide, log: Logger): Handler {
  return async (request, response) => {
    const path = (request.url ?? '').split('?', 1)[0] ?? ''
    const decide = await find(path, peerKey(request.socket.remoteAddress))
    const refused = decide ? refuseForm(request) : notFound
    if (!decide || refused) return sendProblem(response, refused ?? notFound)
    const body = await readBody(request)
    if (!body) return void response.destroy()
    await answer(response, body, decide, log)
  }
}

async function answer(response: ServerResponse, { bytes, isTooLarge }: Body, decide: Decide, log: Logger) {
  if (isTooLarge) return refuseBody(response, bytes, 413, 'the object is larger than 3 MiB')
  const review = readReview(bytes)
  if ('fault' in review) return refuseBody(response, bytes, 400, review.fault)
  sendReview(response, review.uid, await decideSafely(decide, review, log))
}

async function decideSafely(decide: Decide, review: AdmissionRequest, log: Logger): Promise<Verdict> {
  const about = { kind: review.kind.kind, namespace: review.namespace, name: review.name, operation: review.operation }
  try {
    const verdict = await decide(review)
    if (!verdict.allowed) log.info({ ...about, code: verdict.code }, 'refused')
    return verdict
  } catch (error) {
    log.error({ ...about, err: error }, 'an admission review failed')
    return { allowed: false, code: 500, message: 'Latchkey could not examine this object; see the log of its webhook' }
  }
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

function refuseBody(response: ServerResponse, body: Buffer, code: 400 | 413, message: string): void {
  const uid = uidOf(body)
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

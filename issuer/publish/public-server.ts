import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { sendProblem } from '../../platform/http/problem.ts'
import type { Handler } from '../../platform/http/server.ts'
import type { Found } from './routes.ts'

const compress = promisify(gzip)
const headers = {
  'cache-control': 'public, max-age=60',
  vary: 'Accept-Encoding',
  'x-content-type-options': 'nosniff',
}

/**
 * Serves the documents of a route table: GET and HEAD, with ETag, 304 and gzip.
 * @param ready false until everything is loaded: an incomplete set of keys would tell readers to forget good ones
 * @see RFC 9110 sections 8.8.3, 13.1.2 and 15.5.6
 */
export function createPublicHandler(find: (path: string) => Found | undefined, ready: () => boolean): Handler {
  return async (request, response) => {
    const found = find((request.url ?? '').split('?', 1)[0] ?? '')
    if (found === undefined || (found === 'not_found' && ready())) {
      return sendProblem(response, { status: 404, code: 'not_found', title: 'There is nothing here' })
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      const allow = { allow: 'GET, HEAD' }
      return sendProblem(response, {
        status: 405,
        code: 'method_not_allowed',
        title: 'This document can only be read',
        headers: allow,
      })
    }
    if (!ready() || typeof found === 'string') {
      const retry = { 'retry-after': '1' }
      return sendProblem(response, {
        status: 503,
        code: 'not_ready',
        title: 'Not everything is loaded yet: try again',
        headers: retry,
      })
    }
    await sendDocument(request, response, JSON.stringify(found))
  }
}

async function sendDocument(request: IncomingMessage, response: ServerResponse, text: string): Promise<void> {
  const zipped = takesGzip(request.headers['accept-encoding'])
  // A strong tag belongs to the bytes that are sent, so each encoding has its own.
  const tag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 27)}${zipped ? '-gzip' : ''}"`
  if (knows(request.headers['if-none-match'], tag)) {
    response.writeHead(304, { ...headers, etag: tag }).end()
    return
  }
  const body = zipped ? await compress(text) : Buffer.from(text)
  response.writeHead(200, {
    ...headers,
    etag: tag,
    'content-type': 'application/json',
    'content-length': body.length,
    ...(zipped && { 'content-encoding': 'gzip' }),
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}

/** RFC 9110 section 12.5.3; a quality of zero is a no. */
function takesGzip(accepted: string | string[] | undefined): boolean {
  return String(accepted ?? '')
    .split(',')
    .some(coding => /^\s*(gzip|x-gzip|\*)\s*(;\s*q=(1(\.0{0,3})?|0\.\d{0,2}[1-9]\d*|0?\.[1-9]\d*))?\s*$/i.test(coding))
}

/** The comparison of If-None-Match is the weak one. */
function knows(sent: string | undefined, tag: string): boolean {
  if (sent === undefined) return false
  return sent.trim() === '*' || sent.split(',').some(one => one.trim().replace(/^W\//, '') === tag)
}

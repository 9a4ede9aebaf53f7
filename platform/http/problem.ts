import type { ServerResponse } from 'node:http'

/** What a caller is told. `code` is stable and snake_case; `title` belongs to the code; `detail` to this request. */
export interface Problem {
  status: number
  code: string
  title: string
  detail?: string
  headers?: Record<string, string>
}

/** What has no place now gets this, whichever bound it met. */
export const tooBusy: Problem = { status: 503, code: 'too_busy', title: 'Too much is under way: try again' }

/**
 * Answers with a problem body. Does nothing when the answer has begun.
 * @see RFC 9457 section 3; `code` is an extension member, `type` stays `about:blank` by being left out
 */
export function sendProblem(response: ServerResponse, problem: Problem): void {
  if (response.headersSent || response.destroyed) return
  const { status, code, title, detail, headers } = problem
  const body = JSON.stringify({ title, status, code, ...(detail !== undefined && { detail }) })
  response.writeHead(status, {
    ...headers,
    'content-type': 'application/problem+json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  })
  response.end(body)
}

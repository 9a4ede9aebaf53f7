import type { IncomingMessage, ServerResponse } from 'node:http'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Answer } from '../../enforce/respond.ts'
import type { RequestHead } from '../../platform/wire/read-request.ts'
import { endEarly } from './request-body.ts'

/**
 * Writes an answer of the guard's own. One that comes before the request's body closes the connection.
 * @returns whether the connection ends with it: what still comes on it is no request any more
 */
export function writeAnswer(
  to: { request: IncomingMessage; response: ServerResponse; head?: Pick<RequestHead, 'body' | 'expectContinue'> },
  answer: Answer,
  closes: boolean,
): boolean {
  const { request, response, head } = to
  // Without a readable head nobody knows where the body ends.
  const unread = head === undefined || (head.body !== 'none' && !request.complete)
  const hasClose = answer.headers.includes('Connection')
  const headers = (closes || unread) && !hasClose ? [...answer.headers, 'Connection', 'close'] : [...answer.headers]
  response.writeHead(answer.status, headers)
  if (!unread || head?.expectContinue) response.end(answer.body)
  else {
    response.write(answer.body)
    endEarly(request, response)
  }
  return closes || unread
}

/** The same where there is no request to answer to, only a connection. It ends with it. */
export function writeToSocket(socket: Socket, answer: Answer): void {
  if (!socket.writable) return void socket.destroy()
  const lines = [`HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? ''}`]
  for (let at = 0; at + 1 < answer.headers.length; at += 2)
    lines.push(`${answer.headers[at]}: ${answer.headers[at + 1]}`)
  socket.end(`${lines.join('\r\n')}\r\n\r\n${answer.body}`, () => socket.destroySoon())
}

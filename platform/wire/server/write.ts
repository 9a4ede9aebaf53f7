import { connectionLine, dateLine, statusLine } from '../answer-lines.ts'
import { type ClientConnection, endConnection, type HeadAnswer } from './state.ts'

/** What no field value has: RFC 9110 section 5.5. Beyond a byte it could become a line end when it is written. */
const unfit = /[^\t\x20-\x7e\x80-\xff]/

/** Adds an answer to what goes out with the next flush. @throws Error when a header cannot be written as it is */
export function putAnswer(client: ClientConnection, answer: HeadAnswer, toHead: boolean): void {
  const { context } = client
  const { status, headers, body } = answer
  let text = statusLine(status)
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const value = headers[at + 1] as string
    if (unfit.test(value)) throw new Error(`the header ${headers[at]} has characters that headers cannot have`)
    text += `${headers[at]}: ${value}\r\n`
  }
  text += dateLine(context.clock)
  text += client.keepsOpen ? keepLine(context.limits.idleMs) : connectionLine(true)
  client.out += toHead || body === '' ? text : text + Buffer.from(body).toString('latin1')
  client.unsent++
  context.outbox.add(client)
}

/** How long the connection may be idle is said, as node:http does: clients that know give it up before we do. */
function keepLine(idleMs: number): string {
  return `Keep-Alive: timeout=${Math.floor(idleMs / 1_000)}\r\n${connectionLine(false)}`
}

/** Adds a bare status, and ends the connection: nobody knows where the next request would begin. */
export function putStatus(client: ClientConnection, status: number): void {
  client.out += statusLine(status) + connectionLine(true)
  endConnection(client)
}

/** Writes what is there. A client that does not read it has so much time, and its part of what may wait. */
export function flush(client: ClientConnection): void {
  const { socket, out } = client
  client.out = ''
  client.unsent = 0
  if (out !== '') socket.write(out, 'latin1')
  if (client.phase === 'end') socket.destroySoon()
  if (socket.writableLength > 0) noteUnread(client)
}

function noteUnread(client: ClientConnection): void {
  const { context, admitted, socket } = client
  client.unreadMs ??= context.clock.now()
  const bytes = socket.writableLength
  client.unread ??= context.answers.enter(admitted.peer, bytes, () => admitted.closeFor('answers'))
  if (!client.unread) return void admitted.closeFor('answers')
  // Where its place was shed, it is closed already.
  if (!client.unread.left && !context.answers.hold(client.unread, bytes)) admitted.closeFor('answers')
}

/** Gives back what was read meanwhile. */
export function noteRead(client: ClientConnection): void {
  if (client.unreadMs === undefined || client.socket.writableLength > 0) return
  client.unreadMs = undefined
  if (client.unread) client.context.answers.leave(client.unread)
  client.unread = undefined
}

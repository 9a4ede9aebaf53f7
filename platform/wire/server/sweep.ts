import { connectionLine, statusLine } from '../answer-lines.ts'
import type { ClientConnection, ServerContext } from './state.ts'
import { noteRead } from './write.ts'

/** A client gives up an idle connection by the time that it was told; ours ends somewhat later. */
const slackMs = 3_000
/** A client that closed its sending half still gets an answer that comes so soon; one that left cannot be told from it. */
const halfClosedMs = 1_000
const tooSlow = statusLine(408) + connectionLine(true)

/** Ends what took too long: one look at every connection, instead of a timer for each request. */
export function sweepClients(context: ServerContext): void {
  const now = context.clock.now()
  for (const client of context.clients) sweepOne(client, now)
}

function sweepOne(client: ClientConnection, now: number): void {
  const { admitted, context, phase, body, waiting, startedMs, socket } = client
  const { limits } = context
  noteRead(client)
  if (client.unreadMs !== undefined) {
    if (now - client.unreadMs > limits.answerMs) admitted.closeFor('unread')
    return
  }
  if (phase === 'head') return void sweepHead(client, now)
  if (client.endedMs !== undefined && now - client.endedMs > halfClosedMs) return void socket.destroy()
  if (phase !== 'request' || !body || now - startedMs <= limits.requestMs) return
  if (waiting) socket.write(tooSlow)
  admitted.closeFor('body_timeout')
}

function sweepHead({ admitted, context, socket }: ClientConnection, now: number): void {
  const { limits } = context
  const { since, headSince, served } = admitted
  if (headSince !== undefined && now - headSince > limits.headMs) {
    socket.write(tooSlow)
    return void admitted.closeFor('head_timeout')
  }
  if (now - since > (served ? limits.idleMs + slackMs : limits.headMs)) socket.destroy()
}

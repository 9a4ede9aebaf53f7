import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http'
import { https } from '../../../platform/on-demand.ts'
import type { Answering, StreamExchange } from './answering.ts'
import { connectMs, failure, faultOf } from './app-fault.ts'
import type { Forward } from './handle-stream.ts'
import { pump } from './pump.ts'

/** Longest that a connection to the app is kept unused: shorter than any server in use keeps its own. */
const idleMs = 1_000

/** A call that is being asked, and what has come of it. */
interface Asked {
  readonly exchange: StreamExchange
  readonly answering: Answering
  readonly asking: ClientRequest
  answered: boolean
  complete: boolean
}

/** Asks an app that speaks HTTP/1.1. Trailers of the request end here; those of the answer pass. */
export function createHttp1Forward(options: { origin: string; headersTimeoutMs: number }): {
  forward: Forward
  close(): void
} {
  const { protocol, hostname, port } = new URL(options.origin)
  const isTls = protocol === 'https:'
  const agent = new (isTls ? https().Agent : Agent)({ keepAlive: true, timeout: idleMs, maxFreeSockets: 256 })
  const target = {
    agent,
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port || (isTls ? 443 : 80),
    setHost: false,
    insecureHTTPParser: false,
    maxHeaderSize: 65_536,
  }

  return {
    close: () => agent.destroy(),
    forward(exchange, forwarded, answering) {
      const { method, target: path, body } = exchange.head
      const headers = body === 'chunked' ? [...forwarded, 'Transfer-Encoding', 'chunked'] : [...forwarded]
      const asking = (isTls ? https().request : request)({ ...target, method, path, headers })
      const asked: Asked = { exchange, answering, asking, answered: false, complete: false }
      watchTimes(asked, options.headersTimeoutMs)
      takeAnswer(asked)
      sendBody(asked)
    },
  }
}

function sendBody(asked: Asked): void {
  const { exchange, asking, answering } = asked
  const { head, stream } = exchange
  // The app must see a break as one, never as a shorter body.
  stream.once('aborted', () => asking.destroy())
  answering.onWithdrawn(() => asking.destroy())
  stream.once('close', () => asked.complete || asking.destroy())
  if (head.body === 'none') return void asking.end()
  pump(stream, asking)
  stream.once('end', () => stream.aborted || asking.end())
}

function takeAnswer(asked: Asked): void {
  const { exchange, answering, asking } = asked
  const broken = (): void => answering.fail('upstream_invalid')
  asking.on('response', (answer: IncomingMessage) => {
    const { statusCode = 0, rawHeaders } = answer
    const isEmpty = exchange.head.method === 'HEAD' || statusCode === 204 || statusCode === 304
    asked.answered = true
    answering.begin(statusCode, rawHeaders, isEmpty ? undefined : answer)
    if (isEmpty) answer.resume()
    answer.on('end', () => {
      if (!answer.complete) return broken()
      asked.complete = true
      answering.trailers(answer.rawTrailers)
      if (!isEmpty) answering.end()
    })
    answer.on('error', broken)
  })
  asking.on('upgrade', (_answer, socket) => {
    socket.destroy()
    broken()
  })
  asking.on('error', error => answering.fail(faultOf(error)))
}

/** For the connection, and from the end of the request on for the answer to begin. */
function watchTimes(asked: Asked, headersTimeoutMs: number): void {
  const { asking, answering } = asked
  let connecting: NodeJS.Timeout | undefined
  let answerComing: NodeJS.Timeout | undefined
  asking.once('socket', socket => {
    if (!socket.connecting) return
    connecting = setTimeout(() => asking.destroy(failure('ETIMEDOUT')), connectMs)
    socket.once('connect', () => clearTimeout(connecting))
  })
  asking.once('finish', () => {
    if (asked.answered) return
    answerComing = setTimeout(() => {
      answering.fail('upstream_timeout')
      asking.destroy()
    }, headersTimeoutMs)
  })
  asking.once('response', () => clearTimeout(answerComing))
  asking.once('close', () => {
    clearTimeout(connecting)
    clearTimeout(answerComing)
  })
}

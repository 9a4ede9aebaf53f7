import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { WebSocket } from 'ws'

// Callers in a process of their own. Each opens a call by its token, and tells when it heard the last of it.

export interface Order {
  readonly port: number
  /** A call each, in turns by HTTP/1.1, HTTP/2 and WebSocket: 4, 5 and 1 of 10. */
  readonly tokens: readonly string[]
}

/** Milliseconds since epoch at which each call heard the last byte, and the end; 0 while it is open. */
export interface Heard {
  readonly last: readonly number[]
  readonly ended: readonly number[]
  readonly begun: number
}

const now = (): number => performance.timeOrigin + performance.now()
const last: number[] = []
const ended: number[] = []
let begun = 0
const sessions: ClientHttp2Session[] = []

function heard(at: number): void {
  if (!last[at]) begun++
  last[at] = now()
}

const over = (at: number) => (): void => {
  ended[at] ||= now()
}

function open(port: number, token: string, at: number): void {
  const authorization = `Bearer ${token}`
  ended[at] = 0
  last[at] = 0
  const end = over(at)
  if (at % 10 === 9) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/api/x`, { headers: { authorization } })
    socket.on('message', () => heard(at))
    socket.on('close', end)
    socket.on('error', end)
  } else if (at % 10 < 4) {
    const socket = connect(port, '127.0.0.1')
    socket.write(`GET /api/x HTTP/1.1\r\nHost: orders\r\nAuthorization: ${authorization}\r\n\r\n`)
    socket.on('data', () => heard(at))
    socket.on('close', end)
    socket.on('error', end)
  } else {
    const which = Math.floor(at / 200)
    sessions[which] ??= connectHttp2(`http://127.0.0.1:${port}`).on('error', () => {})
    const stream = sessions[which].request({ ':path': '/api/x', ':authority': 'orders', authorization })
    stream.on('data', () => heard(at))
    stream.on('close', end)
    stream.on('error', end)
  }
}

process.on('message', ({ port, tokens }: Partial<Order>) => {
  if (port === undefined || !tokens) return void process.send?.({ last, ended, begun } satisfies Heard)
  let at = 0
  const some = setInterval(() => {
    for (let count = 0; count < 40 && at < tokens.length; count++, at++) open(port, tokens[at] as string, at)
    if (at === tokens.length) clearInterval(some)
  }, 20)
})

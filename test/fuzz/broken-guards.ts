import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { cutTarget } from './cut-target.ts'
import type { Decided, StartGuard } from './guard-process.ts'
import { readAnswers } from './read-answers.ts'
import { valuesOf } from './read-requests.ts'

/** How a guard can be wrong. Each of these has been somebody's real proxy. */
export interface Mistake {
  readonly name: string
  /** End of a line in a head. */
  readonly lineEnd?: RegExp
  /** Length of a body by its head; the default believes Content-Length alone. */
  readonly bodyLength?: (fields: readonly (readonly [string, string])[], rest: string) => number | undefined
  /** Fields of the client's that go no further. */
  readonly drops?: RegExp
  /** The path that is decided on, where it is not the one forwarded. */
  readonly decides?: (path: string) => string
  /** Forwards the API key of a query. */
  readonly keepsKey?: boolean
  /** How often an allowed request is sent on. */
  readonly times?: number
  /** Lets pass what it says it denied. */
  readonly leaks?: boolean
  readonly answersNothing?: boolean
}

export const mistakes: readonly Mistake[] = [
  { name: 'believes Content-Length and passes Transfer-Encoding on', drops: /^(connection|expect|latchkey.*|x-.*)$/i },
  {
    name: 'believes Content-Length and drops Transfer-Encoding',
    drops: /^(connection|transfer-encoding|expect|latchkey.*|x-.*)$/i,
  },
  { name: 'takes LF for the end of a line', lineEnd: /\r?\n/ },
  { name: 'keeps what clients say of themselves', drops: /^(connection|transfer-encoding|expect)$/i },
  { name: 'keeps what belongs to one hop', drops: /^(transfer-encoding|latchkey.*|x-.*)$/i },
  {
    name: 'decides on a normalised path and forwards the other',
    decides: path => new URL(path.replace(/^\/+/, '/'), 'http://x').pathname,
  },
  { name: 'forwards the API key of a query', keepsKey: true },
  { name: 'sends a request twice', times: 2 },
  { name: 'lets denied requests through', leaks: true },
  { name: 'answers nothing', answersNothing: true },
]

const usuallyDropped =
  /^(connection|transfer-encoding|expect|authorization|latchkey.*|x-.*|keep-alive|te|trailer|upgrade|http2-settings|proxy-.*|forwarded|true-client-ip|cookie)$/i

/** A naive proxy with one mistake, to see that the judge notices it. */
export function brokenGuard(mistake: Mistake): StartGuard {
  return async (upstreamPort, _access, events) => {
    const sockets = new Set<Socket>()
    const server = createServer(socket => {
      sockets.add(socket)
      socket.on('error', () => {})
      let waiting = ''
      let turn = Promise.resolve()
      socket.on('data', chunk => {
        waiting += chunk.toString('latin1')
        for (let found = cut(waiting, mistake); found; found = cut(waiting, mistake)) {
          const request = found
          waiting = waiting.slice(request.length)
          turn = turn.then(() => serve(request, socket, { mistake, upstreamPort, decided: events.decided }))
        }
      })
      socket.on('end', () => mistake.answersNothing || void turn.then(() => socket.end()))
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return {
      port: (server.address() as AddressInfo).port,
      ended: new Promise(() => {}),
      async stop() {
        for (const socket of sockets) socket.destroy()
        server.close()
      },
    }
  }
}

interface Cut {
  readonly method: string
  readonly target: string
  readonly fields: readonly (readonly [string, string])[]
  readonly body: string
  readonly length: number
}

/** The first request of the text, as a careless reader sees it. */
function cut(text: string, { lineEnd = /\r\n/, bodyLength = byContentLength }: Mistake): Cut | undefined {
  const end = new RegExp(`(?:${lineEnd.source}){2}`).exec(text)
  if (!end) return undefined
  const [first = '', ...lines] = text.slice(0, end.index).split(lineEnd)
  const [method = '', target = ''] = first.split(' ')
  const fields = lines.map(line => [line.split(':', 1)[0] ?? '', line.slice(line.indexOf(':') + 1).trim()] as const)
  const from = end.index + end[0].length
  const size = bodyLength(fields, text.slice(from)) ?? 0
  if (text.length < from + size) return undefined
  return { method, target, fields, body: text.slice(from, from + size), length: from + size }
}

function byContentLength(fields: Cut['fields']): number {
  return Number(fields.find(([name]) => name.toLowerCase() === 'content-length')?.[1]) || 0
}

interface Context {
  readonly mistake: Mistake
  readonly upstreamPort: number
  readonly decided: (line: Decided) => void
}

async function serve(request: Cut, socket: Socket, { mistake, upstreamPort, decided }: Context): Promise<void> {
  const { method, target } = request
  const { times = 1, leaks = false, decides = (path: string) => path } = mistake
  const [path = ''] = target.split('?')
  const asked = decides(path)
  const isAllowed = asked.startsWith('/open/')
  const peer = socket.remoteAddress ?? ''
  const requestId = randomUUID()
  const reason = isAllowed ? 'public' : 'not_granted'
  decided({ decision: isAllowed ? 'allow' : 'deny', reason, method, path: asked, requestId, peer })
  const sent = mistake.keepsKey ? target : (cutTarget(target) ?? target)
  const head = headOf({ ...request, target: sent }, mistake, [`X-Forwarded-For: ${peer}`, `X-Request-Id: ${requestId}`])
  let seen = ''
  if (isAllowed || leaks) {
    for (let time = 0; time < times; time++) seen = await passOn(upstreamPort, head + request.body, method)
  }
  if (mistake.answersNothing) return
  const decision = `Latchkey-Decision: ${isAllowed ? 'allow' : 'deny'}; reason=${reason}; by=guard\r\n`
  socket.write(
    `HTTP/1.1 ${isAllowed ? 200 : 403} OK\r\n${decision}${isAllowed ? `Seen: ${seen}\r\n` : ''}Content-Length: 0\r\n\r\n`,
  )
}

function headOf({ method, target, fields }: Cut, { drops = usuallyDropped }: Mistake, own: readonly string[]): string {
  const kept = fields.filter(([name]) => !drops.test(name)).map(([name, value]) => `${name}: ${value}`)
  return `${[`${method} ${target} HTTP/1.1`, ...kept, ...own].join('\r\n')}\r\n\r\n`
}

/** @returns what the app says that it saw */
function passOn(port: number, bytes: string, method: string): Promise<string> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    const done = (): void => {
      const [answer] = readAnswers(text, [method]).answers
      if (answer === undefined && !socket.destroyed) return
      socket.destroy()
      resolve((answer && valuesOf(answer.fields, 'seen')[0]) ?? '')
    }
    socket.on('data', chunk => {
      text += chunk.toString('latin1')
      done()
    })
    socket.on('error', () => {})
    socket.on('close', done)
    // From then on: before, nothing of the request has gone out.
    socket.on('connect', () => socket.setTimeout(500, () => socket.destroy()))
    socket.write(bytes, 'latin1')
  })
}

import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { crc32 } from 'node:zlib'
import { type ReadRequest, readRequest, valuesOf } from './read-requests.ts'

/** What came to the app behind the guard, on one connection, between two ends. */
export interface Forward {
  /** `fault`: bytes that are no request. `partial`: the connection ended in the middle. */
  readonly kind: 'request' | 'partial' | 'fault'
  readonly request: ReadRequest | undefined
  /** The exact bytes. */
  readonly raw: string
  /** Address of the client as the guard tells it, or as it told it of the request before on this connection. */
  readonly peer: string | undefined
  /** Bytes that came through a tunnel, once it is closed. */
  tunnelled?: string
}

export interface Recorder {
  readonly port: number
  close(): Promise<void>
}

/** Tells a request from another: the client compares it to what it sent. */
export function sumOf({ method, target, body }: Pick<ReadRequest, 'method' | 'target' | 'body'>): string {
  return crc32(Buffer.from(`${method} ${target}\n${body}`, 'latin1')).toString(16)
}

/** The app behind the guard: reads strictly, keeps the bytes, answers in every form that HTTP/1.1 knows. */
export async function startRecorder(take: (forward: Forward) => void): Promise<Recorder> {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    record(socket, take)
  })
  await once(server.listen(0, '127.0.0.1', 4_096), 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

/** Where one connection to the app stands. */
interface Line {
  readonly socket: Socket
  readonly take: (forward: Forward) => void
  waiting: string
  peer: string | undefined
  /** The handshake that made a tunnel of it. */
  tunnel: Forward | undefined
  /** An answer is still to come: what follows waits. */
  isBusy: boolean
  /** The answer to the request that is coming in was given already. */
  isEarly: boolean
  isOver: boolean
}

function record(socket: Socket, take: (forward: Forward) => void): void {
  const line: Line = {
    socket,
    take,
    waiting: '',
    peer: undefined,
    tunnel: undefined,
    isBusy: false,
    isEarly: false,
    isOver: false,
  }
  socket.on('error', () => {})
  socket.on('data', chunk => {
    const text = chunk.toString('latin1')
    if (line.tunnel) {
      line.tunnel.tunnelled += text
      return
    }
    line.waiting += text
    read(line)
  })
  socket.on('close', () => {
    if (line.isOver || line.tunnel || line.waiting === '') return
    const step = readRequest(line.waiting, 0)
    const begun = step.kind === 'incomplete' ? step.begun : undefined
    const from = begun && valuesOf(begun.fields, 'x-forwarded-for')[0]
    take({ kind: 'partial', request: begun, raw: line.waiting, peer: from ?? line.peer })
  })
}

function read(line: Line): void {
  while (line.waiting !== '' && !line.tunnel && !line.isBusy && !line.isOver) {
    const { waiting, socket, take } = line
    const step = readRequest(waiting, 0)
    if (step.kind === 'incomplete') return void answerEarly(line, step.begun)
    if (step.kind === 'fault') {
      line.isOver = true
      take({ kind: 'fault', request: undefined, raw: waiting, peer: line.peer })
      return void socket.destroy()
    }
    const { request, next } = step
    line.peer = valuesOf(request.fields, 'x-forwarded-for')[0] ?? line.peer
    const forward: Forward = { kind: 'request', request, raw: waiting.slice(0, next), peer: line.peer }
    line.waiting = waiting.slice(next)
    take(forward)
    if (line.isEarly) line.isEarly = false
    else answer(line, forward, request)
  }
}

/** Apps may answer before they have the whole request. */
function answerEarly(line: Line, begun: ReadRequest | undefined): void {
  if (!begun?.target.includes('early') || line.isEarly) return
  line.isEarly = true
  line.socket.write(sized.replace('{seen}', `Seen: ${sumOf({ ...begun, body: '' })}\r\n`))
}

const slowMs = 15

function answer(line: Line, forward: Forward, request: ReadRequest): void {
  // Slow ones let the answers to what was sent behind them overtake.
  if (!request.target.includes('slow')) return void respond(line, forward, request)
  line.isBusy = true
  setTimeout(() => {
    line.isBusy = false
    respond(line, forward, request)
    read(line)
  }, slowMs)
}

function respond(line: Line, forward: Forward, request: ReadRequest): void {
  const seen = `Seen: ${sumOf(request)}\r\n`
  if (request.webSocket) {
    line.tunnel = forward
    forward.tunnelled = line.waiting
    line.socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${seen}\r\n`)
    return
  }
  const form = formFor(request)
  line.socket.write(form.replace('{seen}', seen))
  if (form !== closing) return
  line.isOver = true
  line.socket.end()
}

const sized = 'HTTP/1.1 200 OK\r\n{seen}Content-Length: 2\r\n\r\nok'
const closing = 'HTTP/1.1 200 OK\r\n{seen}Connection: close\r\n\r\nuntil the end'
const forms: readonly string[] = [
  sized,
  sized,
  'HTTP/1.1 404 Not Found\r\n{seen}Transfer-Encoding: chunked\r\nLatchkey-Decision: allow; by=app\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n',
  'HTTP/1.1 204 No Content\r\n{seen}\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n{seen}Content-Length: 0\r\n\r\n',
  'HTTP/1.1 304 Not Modified\r\n{seen}ETag: "x"\r\n\r\n',
  'HTTP/1.1 200 OK\r\n{seen}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  closing,
]

function formFor(request: ReadRequest): string {
  if (request.method === 'HEAD') return 'HTTP/1.1 200 OK\r\n{seen}Content-Length: 2\r\n\r\n'
  return forms[crc32(request.target) % forms.length] ?? sized
}

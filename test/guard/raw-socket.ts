import { connect, type Socket } from 'node:net'

/** An answer as it came off the wire. */
export interface RawAnswer {
  readonly status: number
  readonly head: string
  /** By lower-case name; the values of several fields in one array. */
  readonly headers: Readonly<Record<string, string[]>>
  readonly body: string
}

/** A connection on which a test writes bytes itself. */
export interface RawConnection {
  readonly socket: Socket
  send(bytes: string | Buffer): void
  /** The next whole answer. Informational ones (1xx) count. */
  answer(method?: string): Promise<RawAnswer>
  /** Resolves when the other side has closed, with what was not yet taken as an answer. */
  closed(): Promise<string>
}

export async function openRaw(port: number): Promise<RawConnection> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let buffer = Buffer.alloc(0)
  let ended = false
  let wake: () => void = () => {}
  const notify = (): void => wake()
  socket.on('data', (chunk: Buffer) => {
    buffer = Buffer.concat([buffer, chunk])
    notify()
  })
  socket.on('close', () => {
    ended = true
    notify()
  })
  socket.on('error', () => {})
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })

  const more = (): Promise<void> =>
    new Promise(resolve => {
      wake = resolve
    })
  return {
    socket,
    send: bytes => void socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes),
    async answer(method = 'GET') {
      for (;;) {
        const found = cut(buffer, ended, method)
        if (found) {
          buffer = buffer.subarray(found.length)
          return found.answer
        }
        if (ended) throw new Error(`closed before an answer came: ${JSON.stringify(buffer.toString('latin1'))}`)
        await more()
      }
    },
    async closed() {
      while (!ended) await more()
      return buffer.toString('latin1')
    },
  }
}

/** Opens, sends, takes one answer, closes. */
export async function sendRaw(port: number, bytes: string, method = bytes.split(' ', 1)[0]): Promise<RawAnswer> {
  const connection = await openRaw(port)
  connection.send(bytes)
  const answer = await connection.answer(method)
  connection.socket.destroy()
  return answer
}

function cut(buffer: Buffer, ended: boolean, method: string): { answer: RawAnswer; length: number } | undefined {
  const text = buffer.toString('latin1')
  const at = text.indexOf('\r\n\r\n')
  if (at === -1) return undefined
  const head = text.slice(0, at)
  const [line = '', ...fields] = head.split('\r\n')
  const headers: Record<string, string[]> = {}
  for (const field of fields) {
    const colon = field.indexOf(':')
    const name = field.slice(0, colon).toLowerCase()
    headers[name] = [...(headers[name] ?? []), field.slice(colon + 1).trim()]
  }
  const status = Number(line.split(' ')[1])
  const rest = text.slice(at + 4)
  const bodiless = method === 'HEAD' || status < 200 || status === 204 || status === 304
  const body = bodiless ? { text: '', length: 0 } : bodyOf(rest, headers, ended)
  return body && { answer: { status, head, headers, body: body.text }, length: at + 4 + body.length }
}

function bodyOf(
  rest: string,
  headers: Record<string, string[]>,
  ended: boolean,
): { text: string; length: number } | undefined {
  if (headers['transfer-encoding']) return dechunk(rest)
  const length = headers['content-length']?.[0]
  if (length === undefined) return ended ? { text: rest, length: rest.length } : undefined
  return rest.length < Number(length) ? undefined : { text: rest.slice(0, Number(length)), length: Number(length) }
}

function dechunk(rest: string): { text: string; length: number } | undefined {
  let text = ''
  let at = 0
  for (;;) {
    const end = rest.indexOf('\r\n', at)
    if (end === -1) return undefined
    const size = Number.parseInt(rest.slice(at, end), 16)
    const next = end + 2 + size + 2
    if (rest.length < next) return undefined
    if (size === 0) return { text, length: next }
    text += rest.slice(end + 2, end + 2 + size)
    at = next
  }
}

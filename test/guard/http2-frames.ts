import { connect, type Socket } from 'node:net'

/** One frame as it came off the wire: RFC 9113 section 4.1. */
export interface Frame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

export const types = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
} as const
export const flags = { endStream: 1, ack: 1, endHeaders: 4 } as const
export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

export function frame(type: number, flag: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flag
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

export const number = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** Literal fields without indexing, without Huffman: RFC 7541 section 6.2.2. Names and values as they are given. */
export function block(fields: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]))
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1')
  if (bytes.length < 127) return Buffer.concat([Buffer.of(bytes.length), bytes])
  const out = [127]
  let rest = bytes.length - 127
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) + 128)
  return Buffer.concat([Buffer.from([...out, rest]), bytes])
}

/** A connection on which a test writes frames itself. */
export interface FrameConnection {
  readonly socket: Socket
  readonly frames: Frame[]
  send(...bytes: Buffer[]): void
  /** The first frame that came, or comes, of this kind; undefined when the connection ends without it. */
  next(type: number, stream?: number): Promise<Frame | undefined>
  /** Resolves when the other side has closed. */
  closed(): Promise<void>
}

export async function openFrames(port: number, begin: Buffer = Buffer.concat([preface, frame(types.settings, 0, 0)])) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const frames: Frame[] = []
  let buffer = Buffer.alloc(0)
  let ended = false
  const waiting: (() => void)[] = []
  const wake = (): void => {
    for (const resume of waiting.splice(0)) resume()
  }
  socket.on('data', (chunk: Buffer) => {
    buffer = Buffer.concat([buffer, chunk])
    while (buffer.length >= 9 && buffer.length >= 9 + buffer.readUIntBE(0, 3)) {
      const length = buffer.readUIntBE(0, 3)
      frames.push({
        type: buffer[3] as number,
        flags: buffer[4] as number,
        stream: buffer.readUInt32BE(5) & 0x7fffffff,
        payload: buffer.subarray(9, 9 + length),
      })
      buffer = buffer.subarray(9 + length)
    }
    wake()
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    ended = true
    wake()
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  const more = (): Promise<void> =>
    new Promise(resolve => {
      waiting.push(resolve)
    })
  socket.write(begin)
  const connection: FrameConnection = {
    socket,
    frames,
    send(...bytes) {
      if (!ended) socket.write(Buffer.concat(bytes))
    },
    async next(type, stream) {
      for (;;) {
        const found = frames.find(one => one.type === type && (stream === undefined || one.stream === stream))
        if (found || ended) return found
        await more()
      }
    },
    async closed() {
      while (!ended) await more()
    },
  }
  return connection
}

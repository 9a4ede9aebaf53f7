import { generateKeyPairSync } from 'node:crypto'
import { connect } from 'node:http2'
import type { Socket } from 'node:net'
import { block, flags, frame, number, preface, types } from '../http2-frames.ts'
import { compact } from '../policy-rows.ts'

/** What a stranger's connection does once it is there, and whether it reads what it is sent. */
interface Attack {
  /** @param token of a client there is */
  act(socket: Socket, token: string): void
  readonly reads: boolean
}

const reading = (act: Attack['act']): Attack => ({ act, reads: true })
const deaf = (act: Attack['act']): Attack => ({ act, reads: false })

/** Sends a piece again and again, as fast as it is taken. */
function endless(socket: Socket, next: () => Buffer): void {
  const push = (): void => {
    while (!socket.destroyed && socket.write(next()));
  }
  socket.on('drain', push)
  push()
}

const opening = Buffer.concat([preface, frame(types.settings, 0, 0), frame(types.settings, flags.ack, 0)])
const fields = (method: string, path: string, more: readonly (readonly [string, string])[] = []): Buffer =>
  block([[':method', method], [':scheme', 'http'], [':authority', 'orders'], [':path', path], ...more])
const open = fields('GET', '/open/x')

/** The same small frame, as often as it is taken. */
function flood(bytes: Buffer): Attack {
  const many = Buffer.concat(Array.from({ length: 500 }, () => bytes))
  return reading(socket => {
    socket.write(opening)
    endless(socket, () => many)
  })
}

/** Calls that are taken back at once, again and again. */
const rapidReset = reading(socket => {
  let stream = -1
  const next = (): Buffer => {
    stream += 2
    const head = frame(types.headers, flags.endHeaders | flags.endStream, stream, open)
    return Buffer.concat([head, frame(types.reset, 0, stream, number(8))])
  }
  socket.write(opening)
  endless(socket, () => Buffer.concat(Array.from({ length: 100 }, next)))
})

const stranger = generateKeyPairSync('ed25519').privateKey

/** A token under the key id of a client there is, that another key has signed. */
export function forge(token: string, at: number): string {
  const [header = '', claims = ''] = token.split('.')
  const read = (part: string): object => JSON.parse(Buffer.from(part, 'base64url').toString()) as object
  return compact(read(header), { ...read(claims), jti: `forged-${at}` }, stranger)
}

let forged: readonly string[] | undefined
let nextForged = 0

function nextToken(token: string): string {
  forged ??= Array.from({ length: 2_000 }, (_, at) => forge(token, at))
  return forged[nextForged++ % forged.length] as string
}

export const attacks = {
  silence: deaf(() => {}),
  /** A head of almost the size that is taken, without its end. */
  unfinishedHead: reading(socket => {
    const head = 'GET /open/x HTTP/1.1\r\nHost: orders\r\nX-Long: '
    socket.write(head + 'x'.repeat(16_300 - head.length))
  }),
  /** Calls that are denied, with bodies that go on and on. */
  deniedBody: reading(socket => {
    socket.write('POST /api/x HTTP/1.1\r\nHost: orders\r\nContent-Length: 1000000000\r\n\r\n')
    const piece = Buffer.alloc(65_536, 0x61)
    endless(socket, () => piece)
  }),
  /** Requests behind one another whose answers nobody reads. */
  unreadAnswers: deaf(socket => {
    const many = Buffer.from('GET /api/x HTTP/1.1\r\nHost: orders\r\n\r\n'.repeat(2_000), 'latin1')
    endless(socket, () => many)
  }),
  /** Calls of a public path whose bodies never end, as many as one connection may have. */
  unfinishedStreams: reading(socket => {
    const calls = Array.from({ length: 128 }, (_, at) => frame(types.headers, flags.endHeaders, at * 2 + 1, open))
    socket.write(Buffer.concat([opening, ...calls]))
  }),
  /** A block of header fields that goes on in frames of its own and never ends. */
  unfinishedBlock: reading(socket => {
    const long = fields(
      'GET',
      '/open/x',
      Array.from({ length: 14 }, (_, at) => [`x-${at}`, 'x'.repeat(1_000)] as const),
    )
    socket.write(Buffer.concat([opening, frame(types.headers, flags.endStream, 1, long)]))
  }),
  /** WebSockets of which nobody reads an end. */
  unreadTunnels: reading(socket => {
    const lines = ['GET /open/x HTTP/1.1', 'Host: orders', 'Connection: Upgrade', 'Upgrade: websocket']
    const key = ['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==']
    socket.write(`${[...lines, ...key].join('\r\n')}\r\n\r\n`)
    socket.once('data', () => {
      socket.pause()
      const piece = Buffer.alloc(65_536, 0x61)
      endless(socket, () => piece)
    })
  }),
  /** Answers over HTTP/2 that come in one piece, behind long heads, and have no window. */
  unreadWhole: reading(socket => {
    const long = Array.from({ length: 14 }, (_, at) => [`x-${at}`, 'v'.repeat(900)] as const)
    const ask = fields('GET', '/open/big', long)
    const noWindow = Buffer.concat([Buffer.from([0, 4]), number(0)])
    socket.write(Buffer.concat([preface, frame(types.settings, 0, 0, noWindow), frame(types.settings, flags.ack, 0)]))
    let stream = -1
    const next = (): void => {
      for (let at = 0; at < 8 && stream < 255; at++) {
        stream += 2
        socket.write(frame(types.headers, flags.endHeaders | flags.endStream, stream, ask))
      }
      if (stream < 255 && !socket.destroyed) setTimeout(next, 30)
    }
    next()
  }),
  /** The same, of connections that leave and come again. */
  leftWhole: reading((socket, token) => {
    attacks.unreadWhole.act(socket, token)
    setTimeout(() => socket.destroy(), 1_500)
  }),
  rapidReset,
  pings: flood(frame(types.ping, 0, 0, Buffer.alloc(8))),
  settings: flood(frame(types.settings, 0, 0)),
  priorities: flood(frame(types.priority, 0, 1, Buffer.alloc(5))),
  windows: flood(frame(types.window, 0, 0, number(1))),
  unknownFrames: flood(frame(0x42, 0, 0, Buffer.alloc(1))),
  /** The same over HTTP/2, a hundred at a time. */
  forgedStreams: deaf((socket, token) => {
    const session = connect('http://orders', { createConnection: () => socket })
    session.on('error', () => {})
    const ask = (): void => {
      if (session.destroyed || session.closed) return
      const authorization = `Bearer ${nextToken(token)}`
      const stream = session.request({ ':path': '/api/x', ':authority': 'orders', authorization })
      stream.on('error', () => {}).on('close', ask)
      stream.resume()
    }
    for (let at = 0; at < 100; at++) ask()
  }),
  /** One forged token after the other, each as soon as the one before it is refused. */
  forgedTokens: reading((socket, token) => {
    const send = (): void => {
      socket.write(`GET /api/x HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${nextToken(token)}\r\n\r\n`)
    }
    socket.on('data', send)
    send()
  }),
} satisfies Record<string, Attack>

export type AttackName = keyof typeof attacks

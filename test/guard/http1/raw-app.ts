import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { GuardOptions } from '../../../guard/guard.ts'
import { cleanups, guarding } from '../http2-rig.ts'
import { alice } from '../policy-rows.ts'

/** A request as the app had it. */
export interface Request {
  readonly text: string
  readonly count: number
  /** Of the connection, from 1. */
  readonly connection: number
}

/** An app that does with each whole request what it likes. */
export async function app(onRequest: (socket: Socket, request: Request) => void, options: Partial<GuardOptions> = {}) {
  const sockets = new Set<Socket>()
  const seen: Request[] = []
  let connections = 0
  const server = createServer({ noDelay: true }, socket => {
    const connection = ++connections
    let text = ''
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', chunk => {
      text += chunk.toString('latin1')
      const end = text.indexOf('\r\n\r\n')
      const length = text.includes('X-Early') ? 0 : Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0)
      if (end === -1 || text.length < end + 4 + length) return
      const request = { text, count: seen.length + 1, connection }
      text = ''
      seen.push(request)
      onRequest(socket, request)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const rig = await guarding({ port: (server.address() as AddressInfo).port, protocol: 'http1' }, options)
  return { rig, seen, connections: () => connections }
}

export const request = (method = 'GET', body?: string): string => {
  const length = body === undefined ? '' : `Content-Length: ${body.length}\r\n`
  return `${method} /api/x HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${alice.token()}\r\n${length}\r\n${body ?? ''}`
}
export const answer = (status = 200): string => `HTTP/1.1 ${status} X\r\nContent-Length: 2\r\n\r\nok`
export const wait = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { cleanUp, cleanups, guarding, outcomeOf, session } from '../http2-rig.ts'
import { alice } from '../policy-rows.ts'
import { sendRaw } from '../raw-socket.ts'
import type { Rig } from '../rig.ts'

// Apps that read no body where they expect none take it for the next request.

afterEach(cleanUp)

const smuggled = 'DELETE /api/x HTTP/1.1\r\nHost: x\r\nLatchkey-Client: shop.admin\r\nX: '

/** An app that reads heads and nothing else, and ends a connection when it is told to, as HTTP/1.1 has it. */
async function carelessApp(): Promise<{ rig: Rig; heads: string[] }> {
  const heads: string[] = []
  const serve = (socket: Socket): void => {
    let text = ''
    let ended = false
    socket.on('error', () => {})
    socket.on('data', chunk => {
      text += chunk.toString('latin1')
      for (let end = text.indexOf('\r\n\r\n'); end >= 0 && !ended; end = text.indexOf('\r\n\r\n')) {
        const head = text.slice(0, end)
        text = text.slice(end + 4)
        heads.push(head)
        ended = /^connection: close$/im.test(head)
        const line = ended ? 'Connection: close\r\n' : ''
        const body = head.startsWith('HEAD') ? '' : 'ok'
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n${line}\r\n${body}`)
        if (ended) socket.end()
      }
    })
  }
  const server = createServer({ noDelay: true }, serve)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => void server.close())
  const rig = await guarding({ port: (server.address() as AddressInfo).port, protocol: 'http1' })
  return { rig, heads }
}

interface Call {
  readonly method: string
  readonly path: string
  readonly token?: string
  readonly body?: string
}

const callers: readonly [string, (rig: Rig, call: Call) => Promise<number>][] = [
  [
    'HTTP/1.1',
    async (rig, { method, path, token, body }) => {
      const authorization = token === undefined ? '' : `Authorization: Bearer ${token}\r\n`
      const length = body === undefined ? '' : `Content-Length: ${body.length}\r\n`
      return (
        await sendRaw(
          rig.port,
          `${method} ${path} HTTP/1.1\r\nHost: orders\r\n${authorization}${length}\r\n${body ?? ''}`,
        )
      ).status
    },
  ],
  [
    'HTTP/2',
    async (rig, { method, path, token, body }) => {
      const fields = { ':method': method, ':path': path, ':authority': 'orders' }
      const stream = session(rig).request(
        token === undefined ? fields : { ...fields, authorization: `Bearer ${token}` },
        { endStream: body === undefined },
      )
      if (body !== undefined) stream.end(body)
      return (await outcomeOf(stream)).status
    },
  ],
]

describe.each(callers)('P11 a body over %s that its app does not read', (_, call) => {
  it.each(['GET', 'HEAD'])(
    'is no request of a stranger’s, and none of the next caller’s: %s on a public path',
    async method => {
      const { rig, heads } = await carelessApp()
      for (let round = 0; round < 5; round++) {
        expect(await call(rig, { method, path: '/open/x', body: `${smuggled}\r\n\r\n` })).toBe(200)
        expect(await call(rig, { method, path: '/open/x', body: smuggled })).toBe(200)
        expect(await call(rig, { method: 'GET', path: '/api/x', token: alice.token() })).toBe(200)
      }
      expect(heads.filter(head => head.startsWith('DELETE'))).toEqual([])
      expect(heads.filter(head => head.includes('shop.admin'))).toEqual([])
      expect(heads.filter(head => head.startsWith('GET /api/x'))).toHaveLength(5)
    },
  )

  it.each(['GET', 'DELETE', 'OPTIONS', 'HEAD'])('is no request of a proved caller’s either: %s', async method => {
    const { rig, heads } = await carelessApp()
    for (let round = 0; round < 5; round++) {
      const status = await call(rig, { method, path: '/api/x', token: alice.token(), body: `${smuggled}\r\n\r\n` })
      expect(status).toBe(200)
      expect(await call(rig, { method: 'GET', path: '/api/x', token: alice.token() })).toBe(200)
    }
    expect(heads).toHaveLength(10)
    expect(heads.filter(head => head.includes('shop.admin'))).toEqual([])
  })

  it('of a method that has one costs no connection to the app, where the caller is proved', async () => {
    const { rig, heads } = await carelessApp()
    expect(await call(rig, { method: 'POST', path: '/api/x', token: alice.token(), body: 'x' })).toBe(200)
    expect(heads[0]).not.toMatch(/^connection:/im)
  })
})

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer as createTcpServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { alice } from './policy-rows.ts'
import { openRaw, sendRaw } from './raw-socket.ts'
import { listen, type Rig, startGuard } from './rig.ts'
import { until } from './until.ts'

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** A guard before an app whose requests are handled as they come, body and all. */
async function guarding(handler: (request: IncomingMessage, response: ServerResponse) => void): Promise<Rig> {
  const app = await listen(createServer(handler))
  cleanups.push(app.close)
  return guardOf(app.port)
}

async function guardOf(port: number, options = {}): Promise<Rig> {
  const rig = await startGuard(port, options)
  cleanups.push(rig.close)
  return rig
}

/** An app that is no HTTP server: it does with a connection what it likes. */
async function tcpApp(onSocket: (socket: Socket) => void): Promise<number> {
  const server = createTcpServer(socket => {
    socket.on('error', () => {})
    onSocket(socket)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(async () => void server.close())
  return (server.address() as AddressInfo).port
}

const request = (method: string, fields = '', target = '/api/x'): string =>
  `${method} ${target} HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${alice.token()}\r\n${fields}\r\n`

describe('bodies', () => {
  it('pass towards the app while they are still being sent', async () => {
    let received = ''
    const rig = await guarding((incoming, response) => {
      incoming.on('data', chunk => {
        received += chunk
      })
      incoming.on('end', () => response.end(received))
    })
    const connection = await openRaw(rig.port)
    connection.send(request('POST', 'Transfer-Encoding: chunked\r\n'))
    connection.send('3\r\nabc\r\n')
    await until(() => received === 'abc')
    connection.send('3\r\ndef\r\n0\r\n\r\n')
    expect((await connection.answer()).body).toBe('abcdef')
    connection.socket.destroy()
  })

  it('pass towards the caller while they are still being made', async () => {
    let response: ServerResponse | undefined
    const rig = await guarding((_incoming, outgoing) => {
      response = outgoing
      outgoing.writeHead(200, { 'content-type': 'text/event-stream' })
      outgoing.flushHeaders()
    })
    const connection = await openRaw(rig.port)
    let text = ''
    connection.socket.on('data', chunk => {
      text += chunk
    })
    connection.send(request('GET'))
    await until(() => text.includes('text/event-stream'))
    response?.write('data: 1\n\n')
    await until(() => text.includes('data: 1'))
    response?.end('data: 2\n\n')
    await until(() => text.endsWith('0\r\n\r\n'))
    connection.socket.destroy()
  })

  it('are not gathered when the caller does not read', async () => {
    let written = 0
    let full = false
    const rig = await guarding((_incoming, response) => {
      const chunk = Buffer.alloc(65_536, 'a')
      const push = (): void => {
        while (written < 256 * 1_048_576) {
          written += chunk.length
          if (!response.write(chunk)) {
            full = true
            return
          }
        }
      }
      response.on('drain', push)
      push()
    })
    const connection = await openRaw(rig.port)
    connection.socket.pause()
    connection.send(request('GET'))
    await until(() => full)
    await new Promise(resolve => setTimeout(resolve, 200))
    expect(written).toBeLessThan(32 * 1_048_576)
    connection.socket.destroy()
  })

  it('are not gathered when the app does not read', async () => {
    const rig = await guarding(incoming => incoming.pause())
    const connection = await openRaw(rig.port)
    connection.send(request('POST', `Content-Length: ${256 * 1_048_576}\r\n`))
    const chunk = Buffer.alloc(1_048_576)
    let sent = 0
    while (sent < 64 && connection.socket.write(chunk)) sent++
    for (let tries = 0; tries < 20; tries++) {
      await new Promise(resolve => setTimeout(resolve, 10))
      while (sent < 64 && connection.socket.writableLength < 1_048_576) {
        connection.socket.write(chunk)
        sent++
      }
    }
    expect(sent).toBeLessThan(32)
    connection.socket.destroy()
  })

  it('of every method pass, GET included, and an empty one stays empty', async () => {
    const rig = await guarding((incoming, response) => {
      let text = ''
      incoming.on('data', chunk => {
        text += chunk
      })
      incoming.on('end', () => response.end(`${incoming.method} ${incoming.headers['content-length']} ${text}`))
    })
    for (const method of ['GET', 'DELETE', 'PUT', 'PATCH', 'POST', 'OPTIONS']) {
      expect((await sendRaw(rig.port, `${request(method, 'Content-Length: 3\r\n')}abc`)).body).toBe(`${method} 3 abc`)
    }
    expect((await sendRaw(rig.port, request('POST', 'Content-Length: 0\r\n'))).body).toBe('POST 0 ')
  })
})

describe('answers', () => {
  it('without a body keep their head: HEAD, 204 and 304', async () => {
    const rig = await guarding((incoming, response) => {
      const status = Number(incoming.url?.slice(-3))
      response.writeHead(status, status === 200 ? { 'content-length': 1_000 } : {}).end()
    })
    const head = await sendRaw(rig.port, request('HEAD', '', '/api/200'))
    expect([head.status, head.headers['content-length']]).toEqual([200, ['1000']])
    expect((await sendRaw(rig.port, request('GET', '', '/api/204'))).status).toBe(204)
    expect((await sendRaw(rig.port, request('GET', '', '/api/304'))).status).toBe(304)
  })
  it('come after hints, and without them', async () => {
    const rig = await guarding((_incoming, response) => {
      response.writeProcessing()
      response.writeEarlyHints({ link: '</a.css>; rel=preload' })
      response.end('at last')
    })
    expect(await sendRaw(rig.port, request('GET'))).toMatchObject({ status: 200, body: 'at last' })
  })
  it('may come before the body of the request has ended', async () => {
    const rig = await guarding((_incoming, response) =>
      response.writeHead(413, { connection: 'close' }).end('too large'),
    )
    const connection = await openRaw(rig.port)
    connection.send(`${request('POST', 'Content-Length: 10000000\r\n')}abc`)
    expect(await connection.answer()).toMatchObject({ status: 413, body: 'too large' })
    await connection.closed()
  })
})

describe('when one side goes', () => {
  it('the caller: the app is told, and the audit line has no status', async () => {
    let closed = false
    const rig = await guarding((incoming, response) => {
      incoming.resume()
      response.on('close', () => {
        closed = true
      })
    })
    const connection = await openRaw(rig.port)
    connection.send(request('GET'))
    await new Promise(resolve => setTimeout(resolve, 50))
    connection.socket.destroy()
    await until(() => closed)
    const [line] = await rig.audit()
    expect(line).toMatchObject({ decision: 'allow', reason: 'granted' })
    expect(line?.status).toBeUndefined()
  })
  it('the caller with several requests sent: the app is told of the one that runs and hears nothing of the others', async () => {
    let open = 0
    let seen = 0
    const rig = await guarding((incoming, response) => {
      incoming.resume()
      open++
      seen++
      response.on('close', () => open--)
    })
    const connection = await openRaw(rig.port)
    connection.send(request('GET').repeat(3))
    await until(() => open === 1)
    connection.socket.destroy()
    await until(() => open === 0)
    expect(seen).toBe(1)
    const lines = await rig.audit()
    expect(lines).toHaveLength(1)
    expect(lines[0]?.status).toBeUndefined()
  })
  it('the caller in the middle of its body: the app sees the break, not a shorter body', async () => {
    let outcome = ''
    const rig = await guarding(incoming => {
      incoming.resume()
      incoming.on('end', () => {
        outcome = 'ended'
      })
      incoming.on('error', () => {
        outcome = 'broken'
      })
    })
    const connection = await openRaw(rig.port)
    connection.send(`${request('POST', 'Transfer-Encoding: chunked\r\n')}3\r\nabc\r\n`)
    await new Promise(resolve => setTimeout(resolve, 50))
    connection.socket.destroy()
    await until(() => outcome !== '')
    expect(outcome).toBe('broken')
  })
  it('the app in the middle of its answer: the caller sees the break, not a shorter answer', async () => {
    for (const head of ['Content-Length: 100', 'Transfer-Encoding: chunked']) {
      const port = await tcpApp(socket => {
        socket.once('data', () => {
          socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n\r\n5\r\nhello\r\n`)
          setTimeout(() => socket.destroy(), 20)
        })
      })
      const rig = await guardOf(port)
      const connection = await openRaw(rig.port)
      connection.send(request('GET'))
      const rest = await connection.closed()
      expect(rest).toContain('hello')
      expect(rest).not.toContain('\r\n0\r\n')
    }
  })
})

describe('X04 a caller that does not read its answer', () => {
  it('loses it, and the app is told', async () => {
    let closed = false
    const app = await listen(
      createServer((_incoming, response) => {
        response.on('close', () => {
          closed = true
        })
        response.end(Buffer.alloc(64 * 1_048_576))
      }),
    )
    cleanups.push(app.close)
    const rig = await guardOf(app.port, { unreadMs: 100 })
    const connection = await openRaw(rig.port)
    connection.socket.pause()
    connection.send(request('GET'))
    await until(() => closed)
    connection.socket.destroy()
  })
})

describe('an app that does not answer', () => {
  const answerOf = async (rig: Rig): Promise<[number, string, string | undefined]> => {
    const { status, body, headers } = await sendRaw(rig.port, request('GET'))
    return [status, JSON.parse(body).code, headers['latchkey-decision']?.[0]]
  }
  it('because nothing listens: 502 by the guard', async () => {
    const rig = await guardOf(1)
    expect(await answerOf(rig)).toEqual([
      502,
      'upstream_unreachable',
      'allow; reason=granted; error=upstream_unreachable; by=guard',
    ])
    expect((await rig.audit())[0]).toMatchObject({ decision: 'allow', status: 502 })
  })
  it('because it is slow: 504 by the guard', async () => {
    const rig = await guardOf(await tcpApp(() => {}), { upstreamTimeoutMs: 200 })
    expect((await answerOf(rig)).slice(0, 2)).toEqual([504, 'upstream_timeout'])
  })
  it.each([
    ['it hangs up', ''],
    ['it speaks another protocol', 'SSH-2.0-OpenSSH\r\n'],
    ['its head is broken', 'HTTP/1.1 200 OK\r\nbad header\r\n\r\n'],
    ['P15 it gives two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\ncontent-length: 4\r\n\r\nabcd'],
    [
      'P11 it gives length and chunks',
      'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    [
      'it switches protocols unasked',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
    ],
    ['it puts control bytes into a header', 'HTTP/1.1 200 OK\r\nX-A: a\x01b\r\nContent-Length: 0\r\n\r\n'],
  ])('because %s: 502 by the guard', async (_what, bytes) => {
    const rig = await guardOf(await tcpApp(socket => socket.once('data', () => socket.end(bytes))))
    expect((await answerOf(rig)).slice(0, 2)).toEqual([502, 'upstream_invalid'])
  })
  it('F32 costs nobody else his answer', async () => {
    const rig = await guarding((incoming, response) => {
      if (incoming.url === '/api/x') response.end('quick')
    })
    const slow = await Promise.all(Array.from({ length: 50 }, () => openRaw(rig.port)))
    for (const connection of slow) connection.send(request('GET', '', '/api/slow'))
    expect((await sendRaw(rig.port, request('GET'))).body).toBe('quick')
    for (const { socket } of slow) socket.destroy()
  })
})

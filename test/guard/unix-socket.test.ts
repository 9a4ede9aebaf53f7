import { chmod, rename, stat, writeFile } from 'node:fs/promises'
import { createServer as createHttp1 } from 'node:http'
import { createServer as createHttp2, type ServerHttp2Stream } from 'node:http2'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { answer, request } from './http1/raw-app.ts'
import { ask, session } from './http2-rig.ts'
import { alice } from './policy-rows.ts'
import { openRaw, sendRaw } from './raw-socket.ts'
import type { Rig } from './rig.ts'
import { closed, echo, unixSocket } from './unix-socket-rig.ts'

const { folder, path, listening, guarding, said } = unixSocket()

const unreachable = async (rig: Rig): Promise<number> => {
  const got = await sendRaw(rig.port, request())
  expect(JSON.parse(got.body)).toMatchObject({ code: 'upstream_unreachable' })
  return got.status
}

describe('an app on a Unix socket', () => {
  it('is asked over one connection that is kept, and told the host that the caller asked for', async () => {
    let connections = 0
    const server = await listening(createHttp1({ keepAliveTimeout: 60_000 }, echo))
    server.on('connection', () => connections++)
    const rig = await guarding()
    const caller = await openRaw(rig.port)
    for (const [text, body] of [
      [request(), 'GET orders '],
      [request('POST', 'hello'), 'POST orders hello'],
      [request(), 'GET orders '],
    ] as const) {
      caller.send(text)
      expect(await caller.answer()).toMatchObject({ status: 200, body })
    }
    expect(connections).toBe(1)
    caller.socket.destroy()
  })

  it('gets a large body in pieces, and its large answer goes back whole', async () => {
    await listening(createHttp1((incoming, response) => void incoming.pipe(response)))
    const rig = await guarding()
    const body = 'x'.repeat(3_000_000)
    const got = await fetch(`http://127.0.0.1:${rig.port}/api/x`, {
      method: 'POST',
      headers: { authorization: `Bearer ${alice.token()}` },
      body,
    })
    expect(await got.text()).toBe(body)
  })

  it('is asked once more, on a new connection, when it closed the kept one under a request', async () => {
    let asked = 0
    await listening(
      createServer(socket =>
        socket.on('data', () => {
          asked++
          if (asked === 2) socket.destroy()
          else socket.write(answer())
        }),
      ),
    )
    const rig = await guarding()
    const caller = await openRaw(rig.port)
    for (const expected of [1, 3]) {
      caller.send(request())
      expect((await caller.answer()).status).toBe(200)
      expect(asked).toBe(expected)
    }
    caller.socket.destroy()
  })

  it('has WebSockets', async () => {
    const server = await listening(createHttp1())
    const sockets = new WebSocketServer({ server })
    sockets.on('connection', one => one.on('message', data => one.send(`echo ${data}`)))
    const rig = await guarding()
    const client = new WebSocket(`ws://127.0.0.1:${rig.port}/api/socket`, {
      headers: { authorization: `Bearer ${alice.token()}` },
    })
    const heard = new Promise(resolve => client.on('message', data => resolve(String(data))))
    await new Promise(resolve => client.on('open', resolve))
    client.send('hello')
    expect(await heard).toBe('echo hello')
    client.terminate()
  })

  it('is asked by callers of HTTP/2, in HTTP/1.1 and in HTTP/2', async () => {
    const http1 = await listening(createHttp1(echo))
    const over = async (upstreamProtocol: 'http1' | 'h2c') =>
      ask(session(await guarding({ upstreamProtocol })), {}, 'hello')
    expect(await over('http1')).toMatchObject({ status: 200, body: 'POST orders hello' })
    await closed(http1)
    const http2 = createHttp2()
    http2.on('stream', (stream: ServerHttp2Stream, headers) => {
      stream.respond({ ':status': 200, 'x-authority': String(headers[':authority']) })
      stream.end('h2c')
    })
    await listening(http2 as unknown as Server)
    const got = await over('h2c')
    expect(got).toMatchObject({ status: 200, body: 'h2c' })
    expect(got.header('x-authority')).toBe('orders')
  })
})

describe('a socket that the app is not reached by', () => {
  it('is 502 while there is none, and serves again once the app has made it anew', async () => {
    const rig = await guarding()
    expect(await unreachable(rig)).toBe(502)
    const first = await listening(createHttp1(echo))
    expect((await sendRaw(rig.port, request())).status).toBe(200)
    await closed(first)
    expect(await unreachable(rig)).toBe(502)
    await listening(createHttp1(echo))
    expect((await sendRaw(rig.port, request())).status).toBe(200)
    // Once, though it was so twice.
    expect(said(rig)).toEqual([
      ['warn', 'ENOENT', expect.stringMatching(/there is no such socket: let the app listen on it.*upstream-socket/)],
    ])
  })

  it('is 502 where an app that was killed left it behind', async () => {
    const server = await listening(createHttp1(echo))
    const away = join(folder(), 'away.sock')
    await rename(path(), away)
    await closed(server)
    await rename(away, path())
    const rig = await guarding()
    expect(await unreachable(rig)).toBe(502)
    expect(said(rig)).toEqual([['warn', 'ECONNREFUSED', expect.stringContaining('nobody listens on it')]])
  })

  it('is 502 where the guard has no right to it, and the log says how it gets one', async () => {
    await listening(createHttp1(echo))
    const rig = await guarding()
    await chmod(path(), 0o755)
    await chmod(folder(), 0o755)
    await asAnother(async () => {
      expect(await unreachable(rig)).toBe(502)
      const client = session(await guarding({ upstreamProtocol: 'h2c' }))
      expect(JSON.parse((await ask(client)).body)).toMatchObject({ code: 'upstream_unreachable' })
    })
    expect(said(rig)).toEqual([['warn', 'EACCES', expect.stringMatching(/umask 007, and set securityContext.fsGroup/)]])
    await chmod(path(), 0o777)
    await asAnother(async () => expect((await sendRaw(rig.port, request())).status).toBe(200))
  })

  it('is 502 where a file of another kind stands, or none of its folder', async () => {
    await writeFile(path(), '')
    const rig = await guarding()
    expect(await unreachable(rig)).toBe(502)
    const below = await guarding({ upstream: `unix:${path()}/app.sock` })
    expect(await unreachable(below)).toBe(502)
    expect(below.log).toContainEqual(expect.objectContaining({ code: 'ENOTDIR' }))
  })

  it('is told of where callers and the app speak HTTP/2', async () => {
    const rig = await guarding({ upstreamProtocol: 'h2c' })
    expect(JSON.parse((await ask(session(rig))).body)).toMatchObject({ code: 'upstream_unreachable' })
    expect(said(rig)).toEqual([['warn', 'ENOENT', expect.any(String)]])
  })
})

/** Does it as a user who has no right to what root made. */
async function asAnother(work: () => Promise<void>): Promise<void> {
  const { seteuid } = process
  if (process.geteuid?.() !== 0 || !seteuid) return await withoutRights(work)
  seteuid.call(process, 65_532)
  try {
    await work()
  } finally {
    seteuid.call(process, 0)
  }
}

/** Who is not root has no right to its own socket either, when the mode says so. */
async function withoutRights(work: () => Promise<void>): Promise<void> {
  const isOpen = ((await stat(path())).mode & 0o002) !== 0
  await chmod(path(), isOpen ? 0o777 : 0o500)
  await work()
}

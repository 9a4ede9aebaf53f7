import { type ChildProcess, spawn } from 'node:child_process'
import { chmod, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createServer as createHttp1, type RequestListener } from 'node:http'
import { createServer as createHttp2, type ServerHttp2Stream } from 'node:http2'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import type { GuardOptions } from '../../guard/guard.ts'
import { checkRequest } from '../../guard/probes/grpc-probe.ts'
import type { Probe } from '../../guard/probes/probes.ts'
import { createUpstreamPool } from '../../guard/upstream/pool.ts'
import type { Upstream, UpstreamHandler } from '../../guard/upstream/state.ts'
import { createQuietLog } from '../unit/platform/quiet-log.ts'
import { answer, request, wait } from './http1/raw-app.ts'
import { ask, cleanUp, cleanups, session } from './http2-rig.ts'
import { alice } from './policy-rows.ts'
import { openRaw, sendRaw } from './raw-socket.ts'
import { type Rig, startGuard } from './rig.ts'

let folder: string
let path: string
beforeEach(async () => {
  // The path of a socket is short, and another user comes to it.
  folder = await mkdtemp('/tmp/latchkey-')
  path = join(folder, 'app.sock')
  cleanups.push(() => rm(folder, { recursive: true, force: true }))
})
afterEach(cleanUp)

async function listening<S extends Server>(server: S, backlog?: number): Promise<S> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>(resolve => server.listen({ path, ...(backlog && { backlog }) }, resolve))
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return server
}

const closed = (server: Server): Promise<void> =>
  new Promise(resolve => {
    server.close(() => resolve())
    ;(server as Partial<ReturnType<typeof createHttp1>>).closeAllConnections?.()
  })

async function guarding(options: Partial<GuardOptions> = {}): Promise<Rig> {
  const rig = await startGuard(1, { upstream: `unix:${path}`, ...options })
  cleanups.push(rig.close)
  return rig
}

const echo: RequestListener = (incoming, response) => {
  let body = ''
  incoming.on('data', chunk => (body += chunk))
  incoming.on('end', () => response.end(`${incoming.method} ${incoming.headers.host} ${body}`))
}

/** What the log says of the socket. */
const said = (rig: Rig): unknown[] =>
  rig.log.filter(({ socket }) => socket === path).map(({ level, code, msg }) => [level, code, msg])

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
    const away = join(folder, 'away.sock')
    await rename(path, away)
    await closed(server)
    await rename(away, path)
    const rig = await guarding()
    expect(await unreachable(rig)).toBe(502)
    expect(said(rig)).toEqual([['warn', 'ECONNREFUSED', expect.stringContaining('nobody listens on it')]])
  })

  it('is 502 where the guard has no right to it, and the log says how it gets one', async () => {
    await listening(createHttp1(echo))
    const rig = await guarding()
    await chmod(path, 0o755)
    await chmod(folder, 0o755)
    await asAnother(async () => {
      expect(await unreachable(rig)).toBe(502)
      const client = session(await guarding({ upstreamProtocol: 'h2c' }))
      expect(JSON.parse((await ask(client)).body)).toMatchObject({ code: 'upstream_unreachable' })
    })
    expect(said(rig)).toEqual([['warn', 'EACCES', expect.stringMatching(/umask 007, and set securityContext.fsGroup/)]])
    await chmod(path, 0o777)
    await asAnother(async () => expect((await sendRaw(rig.port, request())).status).toBe(200))
  })

  it('is 502 where a file of another kind stands, or none of its folder', async () => {
    await writeFile(path, '')
    const rig = await guarding()
    expect(await unreachable(rig)).toBe(502)
    const below = await guarding({ upstream: `unix:${path}/app.sock` })
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
  const isOpen = ((await stat(path)).mode & 0o002) !== 0
  await chmod(path, isOpen ? 0o777 : 0o500)
  await work()
}

describe('an app that lets few connections wait', () => {
  const children = new Set<ChildProcess>()
  afterEach(() => {
    for (const child of children) child.kill('SIGKILL')
    children.clear()
  })

  /** Listens, and takes no connection for so long. */
  async function slowApp(ms: number): Promise<void> {
    const program = `
      const server = require('node:http').createServer((_, response) => response.end('late'))
      server.listen({ path: process.argv[1], backlog: 1 }, () => {
        process.stdout.write('listening')
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${ms})
      })`
    const child = spawn(process.execPath, ['-e', program, path], { stdio: ['ignore', 'pipe', 'inherit'] })
    children.add(child)
    await new Promise(resolve => child.stdout?.once('data', resolve))
  }

  it('is waited for by all calls that came meanwhile', async () => {
    await slowApp(700)
    const rig = await guarding()
    const calls = Array.from({ length: 40 }, (_, at) =>
      sendRaw(rig.port, at % 2 === 0 ? request() : request('POST', 'body')),
    )
    const statuses = (await Promise.all(calls)).map(({ status }) => status)
    expect(statuses).toEqual(statuses.map(() => 200))
    expect(said(rig)).toEqual([['warn', 'EAGAIN', expect.stringContaining('larger backlog')]])
  })

  it('is waited for five seconds and not longer', async () => {
    await slowApp(60_000)
    const rig = await guarding({ upstreamTimeoutMs: 20_000 })
    // Two connections wait before an app that lets one wait.
    const [first, second] = await Promise.all([openRaw(rig.port), openRaw(rig.port)])
    first.send(request())
    second.send(request())
    await wait(100)
    const begun = performance.now()
    const late = await sendRaw(rig.port, request())
    expect(late.status).toBe(503)
    expect(JSON.parse(late.body)).toMatchObject({ code: 'upstream_busy' })
    expect(performance.now() - begun).toBeGreaterThan(4_000)
    first.socket.destroy()
    second.socket.destroy()
  })

  it('is tried by 32 calls in each tick, not by all that wait, and given up after 5 s of ticks', async () => {
    await slowApp(60_000)
    const pool = createUpstreamPool({
      origin: `unix:${path}`,
      headersTimeoutMs: 20_000,
      log: createQuietLog().log,
      onNoConnection: () => refused++,
    })
    let refused = 0
    let given = 0
    const faults: string[] = []
    const calling = (): void => {
      const asker = {
        peer: '127.0.0.1',
        onLost: () => void send(pool.takeNew(asker, 'GET', false)),
        onUpstream: (upstream: Upstream) => void send(upstream),
        onFault: (fault: string) => void faults.push(fault),
      } as unknown as UpstreamHandler
      send(pool.take(asker, 'GET', false))
    }
    const send = (upstream: Upstream | undefined): void => {
      if (upstream) Object.assign(upstream, { out: 'GET / HTTP/1.1', sent: true })
      if (upstream) given++
    }
    for (let at = 0; at < 100; at++) calling()
    const turn = (): Promise<unknown> => new Promise(resolve => setTimeout(resolve, 1))
    // Two wait before an app that lets one wait.
    while (refused < 98) await turn()
    const waiting = refused
    for (let tick = 1; tick <= 60; tick++) {
      const before = given
      pool.sweep()
      expect(given - before).toBeLessThanOrEqual(32)
      if (tick === 1) expect(given - before).toBe(32)
      expect(faults.length > 0).toBe(tick > 50)
      await turn()
      await turn()
    }
    expect(faults).toEqual(Array(waiting).fill('upstream_busy'))
    pool.closeAll()
  })

  it('is waited for by a call whose body has not come whole', async () => {
    await slowApp(700)
    const rig = await guarding()
    const others = await Promise.all([openRaw(rig.port), openRaw(rig.port)])
    for (const other of others) other.send(request())
    const caller = await openRaw(rig.port)
    const [head, body] = [request('POST', '').replace('Content-Length: 0', 'Content-Length: 9'), 'in pieces']
    caller.send(`${head}${body.slice(0, 3)}`)
    await wait(200)
    caller.send(body.slice(3))
    expect((await caller.answer()).status).toBe(200)
    for (const { socket } of [...others, caller]) socket.destroy()
  })
})

describe('probes of an app on a Unix socket', () => {
  const probe = (action: Partial<Probe>): Probe => ({
    container: 'app',
    kind: 'liveness',
    timeoutSeconds: 1,
    ...action,
  })
  const asked = async (action: Partial<Probe>, options: Partial<GuardOptions> = {}) => {
    const rig = await guarding({ probes: [probe(action)], ...options })
    return sendRaw(rig.adminPort, 'GET /probes/app/liveness HTTP/1.1\r\nHost: a\r\n\r\n')
  }

  it('ask over it by HTTP, and see what it answers', async () => {
    const seen: string[] = []
    await listening(
      createHttp1(({ url, headers }, response) => {
        seen.push(`${headers.host}${url}`)
        response.writeHead(url === '/well' ? 204 : 500).end()
      }),
    )
    expect(await asked({ httpGet: { path: '/well' } })).toMatchObject({ status: 200 })
    expect(await asked({ httpGet: { path: '/ill' } })).toMatchObject({
      status: 503,
      body: 'the app answered HTTP 500\n',
    })
    expect(seen).toEqual(['localhost/well', 'localhost/ill'])
  })

  it('connect to it', async () => {
    expect(await asked({ tcpSocket: {} })).toMatchObject({ body: 'the app takes no connection: ENOENT\n' })
    await listening(createServer(socket => socket.end()))
    expect(await asked({ tcpSocket: {} })).toMatchObject({ status: 200 })
  })

  it('ask over it by gRPC', async () => {
    const app = createHttp2()
    const heard: Uint8Array[] = []
    app.on('stream', (stream: ServerHttp2Stream) => {
      stream.on('data', (chunk: Buffer) => heard.push(chunk))
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      stream.end(Buffer.from([0, 0, 0, 0, 2, 8, 1]))
    })
    expect(await asked({ grpc: {} })).toMatchObject({ body: 'the app did not answer: ENOENT\n' })
    await listening(app as unknown as Server)
    expect(await asked({ grpc: { service: 'ready' } })).toMatchObject({ status: 200 })
    expect(Buffer.concat(heard)).toEqual(checkRequest('ready'))
  })

  it('fail where the app has a port and the probe names none', async () => {
    const got = await asked({ httpGet: { path: '/' } }, { upstream: 'http://127.0.0.1:1' })
    expect(got).toMatchObject({ status: 503, body: 'the probe names no port\n' })
  })
})

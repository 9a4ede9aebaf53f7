import { spawn } from 'node:child_process'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { type AddressInfo, connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { installProxies } from '../../cluster/packages.ts'
import { freePort } from '../../free-port.ts'
import { endWithUs } from '../../fuzz/end-with-us.ts'
import { ask, cleanUp, cleanups, guarding, session } from '../../guard/http2-rig.ts'
import { alice } from '../../guard/policy-rows.ts'
import { openRaw } from '../../guard/raw-socket.ts'
import { listen, type Rig } from '../../guard/rig.ts'

// Real servers that end connections when it suits them: no good call pays for it.

beforeAll(installProxies)
afterEach(cleanUp)

async function untilOpen(port: number): Promise<void> {
  const isOpen = (): Promise<boolean> =>
    new Promise(resolve => {
      const socket = connectTcp(port, '127.0.0.1', () => resolve(true))
      socket.on('error', () => resolve(false)).on('connect', () => socket.destroy())
    })
  await expect.poll(isOpen).toBe(true)
}

async function child(command: string, args: string[], port: number): Promise<number> {
  const started = spawn(command, args, { stdio: 'ignore' })
  endWithUs(started)
  cleanups.push(() => started.kill('SIGKILL'))
  await untilOpen(port)
  return port
}

async function nginx(settings: string): Promise<number> {
  const home = await mkdtemp(join(tmpdir(), 'latchkey-kept-'))
  const port = await freePort()
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    kind => `${kind}_temp_path ${home}/${kind};`,
  )
  await writeFile(
    join(home, 'nginx.conf'),
    `daemon off; master_process off; worker_processes 1; pid ${home}/pid; error_log ${home}/log crit;
     events { worker_connections 1024; }
     http { access_log off; ${temporary.join(' ')} ${settings}
       server { listen 127.0.0.1:${port}; location / { return 200 "ok"; } location /api/bad { return 500 "bad"; } } }`,
  )
  return child('/usr/sbin/nginx', ['-p', home, '-c', join(home, 'nginx.conf')], port)
}

async function node(keepAliveTimeout: number): Promise<number> {
  const server = createServer({ keepAliveTimeout, keepAliveTimeoutBuffer: 0 } as object, (request, response) => {
    request.resume()
    request.on('end', () => {
      if (request.url !== '/api/bad') return void response.end('ok')
      response.statusCode = 500
      response.end('bad', () => request.socket.end())
    })
  })
  const app = await listen(server)
  cleanups.push(app.close)
  return (server.address() as AddressInfo).port
}

/**
 * Python's own server: HTTP/1.1, hangs up after an error and 0.3 s after an answer, and says neither. Its own `timeout`
 * would also cut connections whose first request, or the rest of one, is late: that costs answers behind any proxy.
 */
async function python(): Promise<number> {
  const port = await freePort()
  const program = `
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def answer(self):
        self.connection.settimeout(None)
        self.rfile.read(int(self.headers.get('Content-Length', 0)))
        bad = self.path == '/api/bad'
        self.send_response(500 if bad else 200)
        self.send_header('Content-Length', '2')
        self.end_headers()
        self.wfile.write(b'ok')
        self.connection.settimeout(0.3)
        if bad: self.close_connection = True
    do_GET = do_POST = do_PUT = answer
    def log_message(self, *rest): pass
ThreadingHTTPServer.request_queue_size = 512
ThreadingHTTPServer(('127.0.0.1', ${port}), Handler).serve_forever()
`
  return child('python3', ['-c', program], port)
}

const request = (method: string, path: string): string => {
  const body = method === 'GET' ? '' : 'abc'
  return `${method} ${path} HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${alice.token()}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}

const wait = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** How many answers of each status came; of those nobody should get, to which method. */
async function statuses(rig: Rig, callers: number, calls: number, gapMs: (turn: number) => number) {
  const seen: Record<string, number> = {}
  const count = (status: number, method: string): void => {
    const key = status === 200 || status === 500 ? String(status) : `${status} ${method}`
    seen[key] = (seen[key] ?? 0) + 1
  }
  const pathOf = (turn: number): string => (turn % 20 === 7 ? '/api/bad' : '/api/x')
  async function overHttp1(at: number): Promise<void> {
    const caller = await openRaw(rig.port)
    for (let turn = at; turn < calls + at; turn++) {
      const method = turn % 3 === 0 ? 'POST' : 'GET'
      caller.send(request(method, pathOf(turn)))
      count((await caller.answer()).status, method)
      const gap = gapMs(turn)
      if (gap > 0) await wait(gap)
    }
    caller.socket.destroy()
  }
  async function overHttp2(at: number): Promise<void> {
    const client = session(rig)
    for (let turn = at; turn < calls + at; turn++) {
      const body = turn % 3 === 0 ? 'abc' : undefined
      // Python's server knows no chunks: without a length it would take the body for the next request.
      const length: Record<string, string> = body === undefined ? {} : { 'content-length': '3' }
      count((await ask(client, { ':path': pathOf(turn), ...length }, body)).status, body === undefined ? 'GET' : 'POST')
      const gap = gapMs(turn)
      if (gap > 0) await wait(gap)
    }
  }
  await Promise.all(Array.from({ length: callers }, (_, at) => (at % 4 === 3 ? overHttp2(at) : overHttp1(at))))
  return seen
}

const apps = [
  ['nginx that keeps connections for 1 s', () => nginx('keepalive_timeout 1s;')],
  ['nginx that takes 7 requests on one', () => nginx('keepalive_requests 7;')],
  ['Node that keeps connections for 5 s', () => node(5_000)],
  ['Node that keeps connections for 0.3 s', () => node(300)],
  ['Python that keeps connections for 0.3 s', python],
] as const

describe.each(apps)('%s costs nobody his answer', (_name, start) => {
  it('in 2,000 calls, a twentieth of which it answers with 500', async () => {
    const rig = await guarding({ port: await start(), protocol: 'http1' })
    const seen = await statuses(rig, 20, 100, turn => (turn % 10 === 0 ? turn % 30 : 0))
    expect(seen).toEqual({ 200: 1_900, 500: 100 })
  })
  it('when calls come as far apart as it keeps connections', async () => {
    const rig = await guarding({ port: await start(), protocol: 'http1' })
    const seen = await statuses(rig, 60, 5, turn => [1_000, 300, 995, 305, 1_005][turn % 5] ?? 0)
    expect(Object.keys(seen).filter(status => status !== '200' && status !== '500')).toEqual([])
  })
})

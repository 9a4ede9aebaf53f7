import { mkdtemp, readFile, rm } from 'node:fs/promises'
import http from 'node:http'
import https from 'node:https'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createTransport } from '../../../platform/kube/transport.ts'
import { makeAuthority, makeCertificate } from '../../cluster/certificates.ts'

let directory: string
let files: { ca: Buffer; cert: Buffer; key: Buffer }
let apiServer: Server
const opened: (Server | Socket)[] = []
/** What was asked of proxies. */
let seen: string[]

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'proxy-'))
  await makeAuthority(directory)
  const names = ['api.internal', '127.0.0.1']
  const pair = await makeCertificate(directory, 'server', { user: 'server', names })
  const [ca, cert, key] = await Promise.all([
    readFile(join(directory, 'ca.crt')),
    readFile(pair.certFile),
    readFile(pair.keyFile),
  ])
  files = { ca, cert, key }
  apiServer = https.createServer({ cert, key }, ({ url }, response) => response.end(url))
  await listening(apiServer)
  opened.pop()
})
afterAll(async () => {
  apiServer.close()
  await rm(directory, { recursive: true })
})
beforeEach(() => {
  seen = []
})
afterEach(() => {
  for (const one of opened.splice(0)) 'destroy' in one ? one.destroy() : one.close()
})

async function listening(server: Server): Promise<number> {
  opened.push(server)
  server.on('connection', (socket: Socket) => opened.push(socket.on('error', () => {})))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return portOf(server)
}
const portOf = (server: Server): number => (server.address() as AddressInfo).port

/** Whatever name is asked for, it is our API server. */
function joinWith(caller: Socket, connected: (socket: Socket) => void): void {
  const socket = connect(portOf(apiServer), '127.0.0.1', () => connected(socket.pipe(caller)))
  opened.push(socket.on('error', () => caller.destroy()))
  caller.pipe(socket)
}

/** A proxy that speaks CONNECT. */
function connecting(server: http.Server, status = 200): http.Server {
  return server.on('connect', ({ url, headers }, caller: Socket) => {
    seen.push(`${url} ${headers['proxy-authorization'] ?? '-'}`)
    if (status !== 200) return void caller.end(`HTTP/1.1 ${status} No\r\n\r\n`)
    joinWith(caller, () => caller.write('HTTP/1.1 200 OK\r\n\r\n'))
  })
}

/** A SOCKS 5 proxy, written down from RFC 1928; with a password from RFC 1929. @param answer to what is asked for */
function socks(password?: string, answer = 0): Server {
  return createServer(async caller => {
    const next = (): Promise<Buffer> => new Promise(resolve => caller.once('data', resolve))
    const methods = await next()
    caller.write(Buffer.from([5, methods[2] ?? 255]))
    if (methods[2] === 2) {
      const given = await next()
      const isRight = given.toString('latin1', 2 + (given[1] ?? 0) + 1) === password
      caller.write(Buffer.from([1, isRight ? 0 : 1]))
      if (!isRight) return
    }
    const asked = await next()
    const host = asked[3] === 3 ? asked.toString('latin1', 5, asked.length - 2) : asked.subarray(4, 8).join('.')
    seen.push(`${host}:${asked.readUInt16BE(asked.length - 2)}`)
    // The address it came by is a name here, which is the longest of the forms.
    if (answer === 0) joinWith(caller, () => caller.write(Buffer.from([5, 0, 0, 3, 1, 97, 0, 0])))
    else caller.end(Buffer.from([5, answer, 0, 1, 0, 0, 0, 0, 0, 0]))
  })
}

async function ask(proxy: string, host = 'api.internal', paths = ['/version']): Promise<string[]> {
  const access = { server: `https://${host}:6443`, headers: {}, tls: { ca: files.ca }, proxy }
  const transport = createTransport({ access: async () => access }, { userAgent: 'test', requestTimeoutMs: 15_000 })
  try {
    const bodies: string[] = []
    for (const path of paths) bodies.push((await transport.send('GET', path)).body)
    return bodies
  } finally {
    transport.close()
  }
}

describe('an API server behind a proxy', () => {
  it('is reached by CONNECT, by its name, over one connection that is kept', async () => {
    const port = await listening(connecting(http.createServer()))
    expect(await ask(`http://127.0.0.1:${port}`, 'api.internal', ['/a', '/b'])).toEqual(['/a', '/b'])
    expect(seen).toEqual(['api.internal:6443 -'])
  })

  it('is reached with name and password where the proxy asks for them', async () => {
    const port = await listening(connecting(http.createServer()))
    expect(await ask(`http://me:s%40fe@127.0.0.1:${port}`)).toEqual(['/version'])
    expect(seen).toEqual([`api.internal:6443 Basic ${Buffer.from('me:s@fe').toString('base64')}`])
  })

  it.each([
    ['socks5://127.0.0.1', undefined, 'api.internal'],
    ['socks5h://127.0.0.1', undefined, '127.0.0.1'],
    ['socks5://me:s%40fe@127.0.0.1', 's@fe', 'api.internal'],
  ])('is reached through %s with password %s as %s', async (proxy, password, host) => {
    const port = await listening(socks(password))
    expect(await ask(`${proxy}:${port}`, host, ['/a', '/b'])).toEqual(['/a', '/b'])
    expect(seen).toEqual([`${host}:6443`])
  })

  it.each([
    ['refuses', () => connecting(http.createServer(), 403), 'http://me:s3cret@', /answers 403$/],
    [
      'is no proxy',
      () => http.createServer((_, response) => response.end()),
      'http://me:s3cret@',
      /socket hang up|reset/,
    ],
    ['does not reach it', () => socks(undefined, 4), 'socks5://', /does not reach the server: SOCKS answer 4$/],
    ['takes another password', () => socks('other'), 'socks5://me:s3cret@', /does not take name and password$/],
    ['goes away', () => createServer(socket => socket.end()), 'socks5://me:s3cret@', /ended the connection$/],
    [
      'speaks something else',
      () => createServer(socket => socket.end('HTTP/1.1 400')),
      'socks5://',
      /no SOCKS 5 proxy/,
    ],
  ])('is not reached where the proxy %s, and nobody goes past it', async (_what, make, before, message) => {
    const port = await listening(make())
    const failed = ask(`${before}127.0.0.1:${port}`)
    await expect(failed).rejects.toThrow(message)
    await expect(failed).rejects.not.toThrow('s3cret')
  })

  it.each(['ftp://127.0.0.1', 'socks4://127.0.0.1', 'proxy'])('is not reached by %s', async proxy => {
    await expect(ask(proxy)).rejects.toThrow('its proxy is no URL of http, https or socks5')
  })

  it('is not reached where nobody listens', async () => {
    await expect(ask('http://127.0.0.1:9')).rejects.toThrow('its proxy 127.0.0.1:9: connect ECONNREFUSED')
    await expect(ask('socks5://127.0.0.1:9')).rejects.toThrow('its proxy 127.0.0.1:9: connect ECONNREFUSED')
  })
})

import { createServer as createHttp1 } from 'node:http'
import { createServer as createHttp2, type ServerHttp2Stream } from 'node:http2'
import { createServer, type Server } from 'node:net'
import { describe, expect, it } from 'vitest'
import type { GuardOptions } from '../../guard/guard.ts'
import { checkRequest } from '../../guard/probes/grpc-probe.ts'
import type { Probe } from '../../guard/probes/probes.ts'
import { sendRaw } from './raw-socket.ts'
import { unixSocket } from './unix-socket-rig.ts'

const { listening, guarding } = unixSocket()

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

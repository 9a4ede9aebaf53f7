import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { connect as connectHttp2 } from 'node:http2'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import { connectionTable, openConnections } from '../../../enforce/connection-settings.ts'
import { readConfig } from '../../../platform/config.ts'
import { createTlsSource } from '../../../platform/http/tls-source.ts'
import { createQuietLog } from '../../unit/platform/quiet-log.ts'
import { makePair } from '../../unit/webhook/make-pair.ts'
import { alice } from '../policy-rows.ts'
import { sendRaw } from '../raw-socket.ts'
import { listen, startApp, startGuard } from '../rig.ts'

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const request = (target = '/api/x', fields = ''): string =>
  `GET ${target} HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${alice.token()}\r\n${fields}\r\n`

/** Sends over TLS; gives all that came back, and who answered. */
async function sendTls(port: number, ca: string, bytes: string): Promise<{ text: string; serial: string }> {
  const socket = connect({ port, host: '127.0.0.1', ca })
  let text = ''
  socket.on('data', piece => {
    text += piece.toString('latin1')
  })
  socket.write(bytes, 'latin1')
  await new Promise((resolve, reject) => socket.once('end', resolve).once('error', reject))
  return { text, serial: socket.getPeerCertificate().serialNumber }
}

describe('TLS towards callers', () => {
  it('carries requests as plain connections do', async () => {
    const app = await startApp((_request, response) => response.end('x'.repeat(100_000)))
    const { ca, ...pair } = await makePair()
    const rig = await startGuard(app.port, { tls: createTlsSource(pair) })
    cleanups.push(app.close, rig.close)
    const { text } = await sendTls(
      rig.port,
      ca,
      request() + request('/nowhere') + request('/api/y', 'Connection: close\r\n'),
    )
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 403', 'HTTP/1.1 200'])
    expect(app.seen.map(({ url }) => url)).toEqual(['/api/x', '/api/y'])
  })
  it('carries HTTP/2 where the caller asks for it', async () => {
    const app = await startApp()
    const { ca, ...pair } = await makePair()
    const rig = await startGuard(app.port, { tls: createTlsSource(pair) })
    cleanups.push(app.close, rig.close)
    const session = connectHttp2(`https://127.0.0.1:${rig.port}`, { ca })
    const authorization = `Bearer ${alice.token()}`
    const ask = (path: string, body?: string) =>
      new Promise<[number, string]>((resolve, reject) => {
        const method = body === undefined ? 'GET' : 'POST'
        const stream = session.request({ ':path': path, ':method': method, ':authority': 'orders', authorization })
        let [status, text] = [0, '']
        stream.on('response', headers => {
          status = Number(headers[':status'])
        })
        stream.on('data', piece => {
          text += piece
        })
        stream.on('end', () => resolve([status, text])).on('error', reject)
        stream.end(body)
      })
    expect(await ask('/api/x')).toEqual([200, 'from the app'])
    expect(await ask('/api/y', 'x'.repeat(200_000))).toEqual([200, 'from the app'])
    expect((await ask('/nowhere'))[0]).toBe(403)
    expect(app.seen.map(({ url, body }) => [url, body.length])).toEqual([
      ['/api/x', 0],
      ['/api/y', 200_000],
    ])
    await new Promise<void>(resolve => session.close(resolve))
  })
  it('takes a new certificate when its files change, and refuses what does not fit', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tls-'))
    cleanups.push(() => rm(folder, { recursive: true }))
    const files = { cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key') }
    const put = async (name: 'cert' | 'key', content: string) => {
      await writeFile(`${files[name]}.new`, content)
      await rename(`${files[name]}.new`, files[name])
    }
    const first = await makePair()
    await Promise.all([put('cert', first.cert), put('key', first.key)])
    const config = readConfig(connectionTable, {
      LATCHKEY_TLS_CERT_FILE: files.cert,
      LATCHKEY_TLS_KEY_FILE: files.key,
    })
    const { tls, stop } = await openConnections(config, { log: createQuietLog().log, intervalMs: 20 })
    const app = await startApp()
    const rig = await startGuard(app.port, { tls })
    cleanups.push(app.close, rig.close, async () => stop())
    const serialOf = async (ca: string) =>
      (await sendTls(rig.port, ca, request('/api/x', 'Connection: close\r\n'))).serial
    const before = await serialOf(first.ca)
    const second = await makePair()
    await put('cert', second.cert)
    await new Promise(resolve => setTimeout(resolve, 80))
    expect(await serialOf(first.ca)).toBe(before)
    await put('key', second.key)
    await expect.poll(() => serialOf(second.ca).catch(() => before), { interval: 20 }).not.toBe(before)
  })
  it('needs certificate and key together', async () => {
    const config = readConfig(connectionTable, { LATCHKEY_TLS_CERT_FILE: '/nowhere' })
    await expect(openConnections(config, { log: createQuietLog().log })).rejects.toThrow('belong together')
  })
})

describe('an https app', () => {
  it.each([
    ['whose certificate is known is reached', true, 200],
    ['whose certificate nobody vouches for gets no request', false, 502],
  ])('%s', async (_what, isKnown, status) => {
    const { ca, ...pair } = await makePair()
    let seen = 0
    const app = await listen(
      createServer(pair, (_request, response) => {
        seen++
        response.end('x'.repeat(200_000))
      }) as never,
    )
    const rig = await startGuard(app.port, {
      upstream: `https://127.0.0.1:${app.port}`,
      ...(isKnown && { upstreamCa: ca }),
    })
    cleanups.push(app.close, rig.close)
    const answer = await sendRaw(rig.port, request())
    expect(answer.status).toBe(status)
    expect(seen).toBe(isKnown ? 1 : 0)
    if (isKnown) expect(answer.body).toHaveLength(200_000)
  })
})

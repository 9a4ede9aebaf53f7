import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeApiKey, writeStaticSecret } from '../../../core/secret/presented.ts'
import { type FrameServer, full, startFrameServer } from '../../guard/frame-server.ts'
import { type Collector, startCollector } from '../../guard/otlp-collector.ts'
import { alice, bob, nowSeconds, rowsOf, service } from '../../guard/policy-rows.ts'
import { openRaw, sendRaw } from '../../guard/raw-socket.ts'
import { type App, startApp } from '../../guard/rig.ts'
import { startCollector as startTraceCollector, type Collector as TraceCollector } from '../../guard/trace-collector.ts'
import { knownSecrets } from '../../unit/core/secret/secrets.ts'

const main = fileURLToPath(new URL('../../../guard/main.ts', import.meta.url))

/** Secrets by the place they are put in. */
const planted = new Map<string, string>()
function canary(place: string): string {
  const value = planted.get(place) ?? `CANARY${randomBytes(12).toString('hex')}`
  planted.set(place, value)
  return value
}
const base64 = (text: string): string => Buffer.from(text).toString('base64')
const good = alice.token({ jti: canary('jti of a good token'), note: canary('claim of a good token') })
const known = bob.token({ jti: canary('jti of a denied token') })

const crlf = '\r\n'
const request = (line: string, fields: readonly string[] = [], body = ''): string =>
  [line, 'Host: orders', ...fields, '', body].join(crlf)
const get = (target: string, ...fields: string[]): string => request(`GET ${target} HTTP/1.1`, fields)
const post = (fields: readonly string[], body: string): string =>
  request('POST /api/x HTTP/1.1', [`Content-Length: ${Buffer.byteLength(body)}`, ...fields], body)
const bearer = (token: string): string => `Authorization: Bearer ${token}`
const handshake = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
]

/** Every place a caller can put a secret, in calls that are allowed, denied, malformed, or fail behind the guard. */
const calls: Readonly<Record<string, () => string>> = {
  'allowed, with secrets beside the token': () =>
    get(
      `/api/x?token=${canary('query')}&access=${encodeURIComponent(canary('escaped query'))}`,
      bearer(good),
      `Cookie: session=${canary('cookie')}`,
      `X-Api-Key: ${canary('header')}`,
      `User-Agent: ${canary('user agent')}`,
      `Referer: https://a/?t=${canary('referer')}`,
      `Proxy-Authorization: Basic ${base64(`a:${canary('proxy authorization')}`)}`,
      `X-Request-Id: not well formed ${canary('request id')}`,
      `Latchkey-Client: ${canary('forged identity')}`,
    ),
  'allowed, with a secret in the body': () => post([bearer(good)], `password=${canary('body')}`),
  'denied without a grant': () => post([bearer(known), `Cookie: a=${canary('denied cookie')}`], canary('denied body')),
  'denied without a credential': () =>
    get(`/api/x?key=${canary('denied query')}`, `X-Token: ${canary('denied header')}`),
  'denied with Basic': () => get('/api/x', `Authorization: Basic ${base64(`user:${canary('basic')}`)}`),
  'denied with an opaque token': () => get('/api/x', bearer(canary('opaque token'))),
  'denied with a token of three parts': () => get('/api/x', bearer(`a.${canary('middle part')}.c`)),
  'denied with a wrong signature': () =>
    get('/api/x', bearer(`${good.split('.').slice(0, 2).join('.')}.${canary('signature')}`)),
  'denied with an unknown scheme': () => get('/api/x', `Authorization: Token ${canary('scheme')}`),
  'two credentials': () => get('/api/x', bearer(good), bearer(canary('second credential'))),
  'an API key in the query': () => get(`/api/x?a=1&api-key=${canary('API key')}`),
  'an API key in the query of a public path': () => get(`/open/x?api-key=${canary('API key of an open path')}`),
  'an API key twice': () => get(`/api/x?api-key=${canary('first API key')}&api-key=${canary('second API key')}`),
  'an API key under another spelling': () => get(`/api/x?API%2Dkey=${canary('API key of another spelling')}`),
  'an API key behind a malformed path': () => get(`/api/../x?api-key=${canary('API key of a malformed path')}`),
  'an API key in a target that is none': () => get(`orders/x?api-key=${canary('API key of no target')}`),
  'an API key in the header': () => get('/open/x', `X-Key: ${canary('API key in a header')}`),
  'an API key in the query of a failing call': () =>
    get(`/api/breaks?api-key=${canary('API key of a failing call')}`, bearer(good)),
  'an API key that is good': () => get(`/api/x?api-key=${writeApiKey(knownSecrets[0])}`),
  'a static secret that is good': () =>
    get('/api/x', bearer(writeStaticSecret({ clientId: alice.clientId, ...knownSecrets[1] }))),
  'a token in the query': () => get(`/api/x?access_token=${canary('access_token')}`, bearer(good)),
  'a fragment': () => get(`/api/x#access_token=${canary('fragment')}`, bearer(good)),
  'a path parameter': () => get(`/api/x;jsessionid=${canary('path parameter')}`, bearer(good)),
  'user information in the target': () => get(`http://user:${canary('user information')}@orders/api/x`, bearer(good)),
  'a query behind a malformed path': () => get(`/api/../x?t=${canary('query of a malformed path')}`, bearer(good)),
  'a Host that is none': () => [`GET /api/x HTTP/1.1`, `Host: a b ${canary('host')}`, bearer(good), '', ''].join(crlf),
  'a header name with other characters': () => get('/api/x', `X(${canary('header name')}): 1`),
  'a header value with a control byte': () => get('/api/x', `X-Key: \u0001${canary('control byte')}`),
  'a line without a colon': () => get('/api/x', canary('broken line')),
  'bytes that are no HTTP': () => `${canary('not HTTP')}${crlf}${crlf}`,
  'a broken chunk': () =>
    request('POST /api/x HTTP/1.1', ['Transfer-Encoding: chunked', bearer(good)], `zz${canary('broken chunk')}${crlf}`),
  'a WebSocket that is let in': () =>
    get('/api/socket', bearer(good), ...handshake, `Sec-WebSocket-Protocol: bearer, ${canary('subprotocol')}`),
  'a WebSocket that is not': () =>
    get('/api/socket', ...handshake, `Sec-WebSocket-Protocol: bearer, ${canary('denied subprotocol')}`),
  'an app that breaks off': () => get(`/api/breaks?t=${canary('query of a failing call')}`, bearer(good)),
  'an app that answers no HTTP': () => get(`/api/garbage?t=${canary('query of a garbled answer')}`, bearer(good)),
}

const secretRow = (kind: 'ApiKey' | 'StaticSecret', { keyId, hash }: { keyId: string; hash: string }) => ({
  ...{ kid: keyId, accessKey: 'old-caller', kind, hash, notBefore: nowSeconds() - 60 },
})
const rows = rowsOf({
  service: {
    directAccess: 'Report',
    accepts: ['ClientToken', 'StaticSecret', 'ApiKey'],
    apiKey: { query: 'api-key', header: 'x-key' },
  },
  alice: { secrets: [secretRow('ApiKey', knownSecrets[0]), secretRow('StaticSecret', knownSecrets[1])] },
})

let app: App
let frames: FrameServer
let collector: Collector
let traces: TraceCollector
let folder: string
let child: ChildProcess
let output = ''
const answers: string[] = []
let metrics = ''

beforeAll(async () => {
  app = await startApp((incoming, response) => {
    if (incoming.url?.startsWith('/api/breaks')) return void incoming.socket.destroy()
    if (!incoming.url?.startsWith('/api/garbage')) return void response.end('from the app')
    incoming.socket.end(`nonsense ${canary('garbled answer')}${crlf}${crlf}`)
  })
  app.server.on('upgrade', (_, socket) => {
    socket.write(['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: websocket', '', ''].join(crlf))
    for (const event of ['end', 'error']) socket.on(event, () => socket.destroy())
    socket.resume()
  })
  frames = await startFrameServer()
  await writeFile(frames.tokenFile, `${canary('token of the guard')}\n`)
  frames.serve(stream => stream.send(full(rows, { a: '1' })))
  collector = await startCollector()
  traces = await startTraceCollector()
  folder = await mkdtemp(join(tmpdir(), 'canary-'))
  const admin = await startGuard()
  for (const call of Object.values(calls)) answers.push(await send(Number(admin.port), call()))
  metrics = (await sendRaw(Number(admin.adminPort), get('/metrics'))).body
  answers.push((await sendRaw(Number(admin.adminPort), get('/readyz'))).body)
  const exited = new Promise(resolve => child.on('exit', resolve))
  child.kill('SIGTERM')
  await exited
}, 60_000)
afterAll(async () => {
  child.kill('SIGKILL')
  await Promise.all([app.close(), frames.close(), collector.close(), traces.close()])
  await rm(folder, { recursive: true })
})

async function startGuard(): Promise<{ port: string; adminPort: string }> {
  child = spawn(process.execPath, [main], {
    env: {
      LATCHKEY_SERVICE: service,
      LATCHKEY_UPSTREAM: `http://127.0.0.1:${app.port}`,
      LATCHKEY_LISTEN: '127.0.0.1:0',
      LATCHKEY_ADMIN_LISTEN: '127.0.0.1:0',
      LATCHKEY_SNAPSHOT_URL: frames.url,
      LATCHKEY_CA_FILE: frames.caFile,
      LATCHKEY_TOKEN_FILE: frames.tokenFile,
      LATCHKEY_SNAPSHOT_FILE: join(folder, 'snapshot.json'),
      LATCHKEY_LOG_LEVEL: 'trace',
      LATCHKEY_DRAIN_GRACE: '0s',
      LATCHKEY_DRAIN_DEADLINE: '2s',
      LATCHKEY_AUDIT_OTLP: collector.url,
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: traces.url,
      OTEL_EXPORTER_OTLP_HEADERS: `x-collector-key=${canary('key of the collector')}`,
    },
  })
  return new Promise((resolve, reject) => {
    const read = (text: Buffer): void => {
      output += text
      const [, port = '', adminPort = ''] = /"port":(\d+),"adminPort":(\d+)/.exec(output) ?? []
      if (port !== '' && output.includes('connected to the issuer')) resolve({ port, adminPort })
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.on('exit', () => reject(new Error(output)))
  })
}

/** What comes back: an answer, or what there was of one when the guard closed. */
async function send(port: number, bytes: string): Promise<string> {
  const connection = await openRaw(port)
  connection.send(bytes)
  const answer = await connection.answer().then(
    ({ head, body }) => head + body,
    () => connection.closed(),
  )
  connection.socket.destroy()
  return answer
}

const lines = (): Record<string, unknown>[] =>
  output.split('\n').flatMap(line => (line.startsWith('{"v":') ? [JSON.parse(line) as Record<string, unknown>] : []))

describe('E11 secrets that callers and the guard hold', () => {
  it('met every kind of answer, and every call has its audit line', () => {
    const reasons = new Set(lines().map(({ reason }) => reason))
    for (const reason of ['granted', 'not_granted', 'credential_missing', 'credential_unsupported', 'invalid_token']) {
      expect(reasons).toContain(reason)
    }
    for (const reason of ['request_malformed', 'path_malformed']) expect(reasons).toContain(reason)
    expect(lines().filter(({ status }) => status === 502).length).toBeGreaterThan(0)
    expect(lines().length).toBeGreaterThanOrEqual(Object.keys(calls).length)
    for (const status of [101, 200, 400, 401, 403, 502]) {
      expect(answers.some(answer => answer.startsWith(`HTTP/1.1 ${status} `))).toBe(true)
    }
    const answerTo = (call: string) => answers[Object.keys(calls).indexOf(call)]
    for (const call of [
      'an API key that is good',
      'a static secret that is good',
      'an API key in the query of a public path',
    ])
      expect(answerTo(call)).toMatch(/^HTTP\/1\.1 200 /)
    expect(planted.size).toBeGreaterThan(42)
  })

  it('reached the app where they are its business, so the search below can find them', async () => {
    const seen = () => JSON.stringify(app.seen)
    // The app may answer before it has read a body to its end.
    for (const place of ['query', 'cookie', 'header', 'body']) await expect.poll(seen).toContain(canary(place))
    expect(seen()).not.toContain(canary('jti of a good token'))
    for (const place of planted.keys()) if (place.includes('API key')) expect(seen()).not.toContain(canary(place))
    for (const { secret } of knownSecrets) expect(seen()).not.toContain(secret)
    expect(seen()).not.toContain(writeApiKey(knownSecrets[0]))
    expect(collector.requests[0]?.headers['x-collector-key']).toBe(canary('key of the collector'))
    expect(frames.streams[0]?.authorization).toBe(`Bearer ${canary('token of the guard')}`)
  })

  it.each(['log and audit', 'metrics', 'answers', 'export', 'traces', 'files'])(
    'are found in none of: %s',
    async sink => {
      const texts: Record<string, () => string | Promise<string>> = {
        'log and audit': () => output,
        metrics: () => metrics,
        answers: () => answers.join('\n'),
        export: () => collector.requests.map(({ text }) => text).join('\n'),
        traces: () => traces.bodies.map(body => body.toString('latin1')).join('\n'),
        files: async () => {
          const names = await readdir(folder)
          return (await Promise.all(names.map(name => readFile(join(folder, name), 'utf8')))).join('\n')
        },
      }
      const text = (await texts[sink]?.()) ?? ''
      expect(text.length).toBeGreaterThan(100)
      const forms = [...planted].flatMap(([place, value]) =>
        [value, base64(value), Buffer.from(value).toString('hex')].map(form => [place, form] as const),
      )
      for (const known of knownSecrets.slice(0, 2))
        forms.push(
          ['secret', known.secret],
          ['API key', writeApiKey(known)],
          ['hash in hex', Buffer.from(known.hash, 'base64url').toString('hex')],
        )
      // A token in parts: its claims are a secret as well as its signature.
      for (const token of [good, known])
        for (const part of token.split('.').slice(1)) forms.push(['part of a token', part])
      const found = forms.filter(([, form]) => text.includes(form) || decoded(text).includes(form))
      expect(found.map(([place]) => place)).toEqual([])
    },
  )
})

/** Whatever base64 is in there, read. */
function decoded(text: string): string {
  return [...text.matchAll(/[A-Za-z0-9+/_-]{20,}={0,2}/g)]
    .map(([match]) => Buffer.from(match, 'base64').toString())
    .join('\n')
}

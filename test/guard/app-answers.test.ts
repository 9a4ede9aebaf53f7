import { type ClientHttp2Session, connect } from 'node:http2'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { ask, cleanUp, cleanups, guarding } from './http2-rig.ts'
import { alice } from './policy-rows.ts'
import { openRaw } from './raw-socket.ts'
import type { Rig } from './rig.ts'

// S08: what an app answers over HTTP/1.1 means the same to every caller, whatever that one speaks.

afterEach(cleanUp)

/** Whole, with status and body; refused by the guard; or begun and then visibly broken off. */
type Outcome = readonly ['whole', number, string] | readonly ['refused'] | readonly ['cut', string]

/** An app that answers every request with these bytes and hangs up. */
async function saying(bytes: string, end: (socket: Socket) => void = socket => void socket.end()): Promise<Rig> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', () => socket.write(Buffer.from(bytes, 'latin1'), () => end(socket)))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return guarding({ port: (server.address() as AddressInfo).port, protocol: 'http1' })
}

async function overHttp1(rig: Rig): Promise<Outcome> {
  const caller = await openRaw(rig.port)
  cleanups.push(() => caller.socket.destroy())
  caller.send(`GET /api/x HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${alice.token()}\r\n\r\n`)
  try {
    const { status, body } = await caller.answer()
    return isOurs(status, body) ? ['refused'] : ['whole', status, body]
  } catch {
    return ['cut', await caller.closed()]
  }
}

const isOurs = (status: number, body: string): boolean => status === 502 && JSON.parse(body).code === 'upstream_invalid'

function session(rig: Rig): ClientHttp2Session {
  const client = connect(`http://127.0.0.1:${rig.port}`, { maxHeaderListPairs: 1_000 })
  client.on('error', () => {})
  cleanups.push(() => client.destroy())
  return client
}

async function overHttp2(rig: Rig): Promise<Outcome> {
  const { status, body, resetWith } = await ask(session(rig))
  if (resetWith !== 0) return ['cut', body]
  return isOurs(status, body) ? ['refused'] : ['whole', status, body]
}

async function overGrpc(rig: Rig): Promise<Outcome> {
  const got = await ask(session(rig), { 'content-type': 'application/grpc', te: 'trailers' }, 'message')
  if (got.resetWith !== 0) return ['cut', got.body]
  const isRefused = got.header('grpc-status') === '14' && got.header('grpc-message') === 'upstream_invalid'
  return isRefused ? ['refused'] : ['whole', got.status, got.body]
}

const callers = [
  ['HTTP/1.1', overHttp1],
  ['HTTP/2', overHttp2],
  ['gRPC', overGrpc],
] as const

const ok = 'HTTP/1.1 200 OK\r\n'
const chunked = `${ok}Transfer-Encoding: chunked\r\n\r\n`
const sized = `${ok}Content-Length: 5\r\n\r\nhello`
const hello: Outcome = ['whole', 200, 'hello']

describe.each(callers)('to a caller of %s', (_name, outcomeOf) => {
  it.each<[string, string, Outcome?]>([
    ['a length', sized],
    ['chunks', `${chunked}5\r\nhello\r\n0\r\n\r\n`],
    ['neither, and ends with its connection', `${ok}\r\nhello`],
    ['neither, over HTTP/1.0', 'HTTP/1.0 200 OK\r\n\r\nhello'],
    ['an extension of a chunk', `${chunked}5;a=b\r\nhello\r\n0;last\r\n\r\n`],
    ['a quoted extension', `${chunked}5 ; a="b c;d"\r\nhello\r\n0\r\n\r\n`],
    ['padded sizes', `${chunked}5  \r\nhello\r\n0 \t\r\n\r\n`],
    ['sizes with leading zeros', `${chunked}00000005\r\nhello\r\n000\r\n\r\n`],
    ['trailers', `${chunked}5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n`],
    ['no reason and no space for it', sized.replace('200 OK', '200')],
    ['a reason of its own', sized.replace('OK', '<b>')],
    ['hints before it', `HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n${sized}`],
    ['256 fields', sized.replace('Content', `${'X-A: a\r\n'.repeat(255)}Content`)],
    ['a field twice that means one thing', sized.replace('Content', 'ETag: "a"\r\nETag: "b"\r\nContent')],
    ['bytes of Latin-1 in a value', sized.replace('Content', 'X-A: \xe9\r\nContent')],
    ['the keyword chunked in capitals', `${chunked.replace('chunked', 'CHUNKED')}5\r\nhello\r\n0\r\n\r\n`],
    ['bytes behind its end', `${sized}HTTP/1.1 200 OK\r\n\r\nevil`],
    ['a body of 204, which there cannot be', sized.replace('200 OK', '204 No Content'), ['whole', 204, '']],
    ['chunks of 204', `${chunked.replace('200', '204')}5\r\nhello\r\n0\r\n\r\n`, ['whole', 204, '']],
    ['a body of 304', sized.replace('200 OK', '304 Not Modified'), ['whole', 304, '']],
    ['an unknown status', sized.replace('200', '599'), ['whole', 599, 'hello']],
  ])('an answer with %s is whole', async (_what, bytes, outcome = hello) => {
    expect(await outcomeOf(await saying(bytes))).toEqual(outcome)
  })

  it.each([
    ['doubled Transfer-Encoding', `${chunked.replace('\r\n\r\n', '\r\nTransfer-Encoding: chunked\r\n\r\n')}0\r\n\r\n`],
    ['chunked twice in one field', `${chunked.replace('chunked', 'chunked, chunked')}0\r\n\r\n`],
    ['gzip, chunked', `${chunked.replace('chunked', 'gzip, chunked')}0\r\n\r\n`],
    ['gzip alone', `${chunked.replace('chunked', 'gzip')}0\r\n\r\n`],
    ['identity', `${chunked.replace('chunked', 'identity')}hello`],
    ['length and chunks', `${chunked.replace('Transfer', 'Content-Length: 5\r\nTransfer')}5\r\nhello\r\n0\r\n\r\n`],
    ['chunks over HTTP/1.0', `${chunked.replace('1.1', '1.0')}5\r\nhello\r\n0\r\n\r\n`],
    ['two equal lengths', sized.replace('Content', 'Content-Length: 5\r\nContent')],
    ['two lengths', sized.replace('Content', 'Content-Length: 4\r\nContent')],
    ['a list of lengths', sized.replace('5', '5, 5')],
    ['a length with a sign', sized.replace('5', '+5')],
    ['a length in hexadecimal', sized.replace('5', '0x5')],
    ['a length of 20 digits', sized.replace('5', '9'.repeat(20))],
    ['an empty length', sized.replace('5', '')],
    ['300 fields', sized.replace('Content', `${'X-A: a\r\n'.repeat(300)}Content`)],
    ['a head of 70 KiB', sized.replace('Content', `X-A: ${'a'.repeat(70_000)}\r\nContent`)],
    ['status 999', sized.replace('200', '999')],
    ['status 600', sized.replace('200', '600')],
    ['status 099', sized.replace('200', '099')],
    ['a status of two digits', sized.replace('200', '20')],
    ['a status of four digits', sized.replace('200', '2000')],
    ['101 unasked', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
    ['100 hints', `${'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(100)}${sized}`],
    ['a folded field', sized.replace('Content', 'X-A: a\r\n b\r\nContent')],
    ['a space before a colon', sized.replace('Content-Length', 'Content-Length ')],
    ['a field without a name', sized.replace('Content', ': a\r\nContent')],
    ['a field without a colon', sized.replace('Content', 'X-A\r\nContent')],
    ['NUL in a value', sized.replace('Content', 'X-A: a\0b\r\nContent')],
    ['a bare carriage return in a value', sized.replace('Content', 'X-A: a\rb\r\nContent')],
    ['bare line feeds', sized.replaceAll('\r\n', '\n')],
    ['a version of its own', sized.replace('1.1', '1.2')],
    ['the version of HTTP/2', sized.replace('1.1', '2.0')],
    ['small letters', sized.replace('HTTP', 'http')],
    ['another protocol', 'SSH-2.0-OpenSSH\r\n'],
    ['a head that breaks off', 'HTTP/1.1 200 OK\r\nContent-Le'],
    ['nothing', ''],
  ])('an answer with %s is 502 by the guard', async (_what, bytes) => {
    expect(await outcomeOf(await saying(bytes))).toEqual(['refused'])
  })

  it.each([
    ['is shorter than its length', sized.replace('5', '9')],
    ['breaks off between chunks', `${chunked}5\r\nhello\r\n`],
    ['breaks off in a chunk', `${chunked}9\r\nhello`],
    ['breaks off before the last line', `${chunked}5\r\nhello\r\n0\r\n`],
    ['has a size that is none', `${chunked}5\r\nhello\r\nzz\r\n\r\n`],
    ['has no size', `${chunked}5\r\nhello\r\n\r\n\r\n`],
    ['has a size of nine digits', `${chunked}5\r\nhello\r\n100000000\r\n`],
    ['has a sign before a size', `${chunked}5\r\nhello\r\n+5\r\nhello\r\n0\r\n\r\n`],
    ['has a blank before a size', `${chunked}5\r\nhello\r\n 5\r\nhello\r\n0\r\n\r\n`],
    ['has a blank inside a size', `${chunked}5\r\nhello\r\n0 5\r\nhello\r\n0\r\n\r\n`],
    ['has a bare line feed behind a size', `${chunked}5\r\nhello\r\n0\n\r\n`],
    ['has a bare line feed in an extension', `${chunked}5\r\nhello\r\n5;a\nhello\r\n0\r\n\r\n`],
    ['has a control byte in an extension', `${chunked}5\r\nhello\r\n0;\0\r\n\r\n`],
    ['has an extension of 5 KiB', `${chunked}5\r\nhello\r\n0;${'a'.repeat(5_000)}\r\n\r\n`],
    ['has more data than a size says', `${chunked}5\r\nhello\r\n5\r\nhello!\r\n0\r\n\r\n`],
    ['has a trailer without a colon', `${chunked}5\r\nhello\r\n0\r\nX-A\r\n\r\n`],
    ['has a folded trailer', `${chunked}5\r\nhello\r\n0\r\nX-A: a\r\n b\r\n\r\n`],
    ['has 9 KiB of trailers', `${chunked}5\r\nhello\r\n0\r\n${'X-A: a\r\n'.repeat(1_200)}\r\n`],
  ])('an answer whose body %s never looks whole', async (_what, bytes) => {
    const [what, text] = await outcomeOf(await saying(bytes))
    expect(what).toBe('cut')
    // Small pieces may be lost with the break; what comes is the beginning.
    expect(String(text)).not.toMatch(/\r\n0\r\n/)
  })

  it('an answer that ends with its connection is cut off when that is reset', async () => {
    const rig = await saying(`${ok}\r\nhello`, socket => void setTimeout(() => socket.resetAndDestroy(), 30))
    expect((await outcomeOf(rig))[0]).toBe('cut')
  })
})

it('trailers of an answer reach callers of HTTP/2, and fields of its connection reach nobody', async () => {
  const head = chunked.replace(
    'Transfer',
    'Connection: x-hop\r\nX-Hop: a\r\nKeep-Alive: timeout=5\r\nX-End: b\r\nTransfer',
  )
  const rig = await saying(`${head}5\r\nhello\r\n0\r\nX-Sum: 1\r\nLatchkey-Decision: deny\r\n\r\n`)
  const got = await ask(session(rig))
  expect([got.body, got.trailers]).toEqual(['hello', ['x-sum', '1']])
  expect(got.raw.filter((_, at) => at % 2 === 0)).toEqual([':status', 'x-end', 'latchkey-decision', 'date'])
})

it('what a field says twice is told twice over HTTP/2 too', async () => {
  const rig = await saying(sized.replace('Content', 'Location: /a\r\nLocation: /b\r\nContent'))
  const { raw } = await ask(session(rig))
  expect(raw.filter((_, at) => raw[at - 1] === 'location')).toEqual(['/a', '/b'])
})

import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import type { HttpLimits } from '../../../../platform/http/limits.ts'
import { createAuthority, createServerCertificate } from '../../../../platform/x509.ts'
import { closed, echo, type HeadServerRig, openFrom, startHeadServer, text } from './start-head-server.ts'

const now = new Date()
const authority = await createAuthority({ commonName: 'a.test', now, lifetimeMs: 3_600_000 })
const issued = await createServerCertificate({ authority, hosts: ['a.test'], now, lifetimeMs: 3_600_000 })
const pair = { cert: issued.certificate, key: issued.privateKey }

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})
async function start(of: Parameters<typeof startHeadServer>[1] = {}, handler = echo): Promise<HeadServerRig> {
  const rig = await startHeadServer(handler, of)
  ends.push(() => rig.server.close(0))
  return rig
}
async function open(port: number, from = 1): Promise<Socket> {
  const socket = await openFrom(port, from)
  ends.push(() => socket.destroy())
  return socket
}
/** All that came until the other side closed. */
async function said(socket: Socket): Promise<string> {
  let heard = ''
  socket.on('data', chunk => {
    heard += chunk
  })
  await closed(socket)
  return heard
}
const settle = () => new Promise(resolve => setTimeout(resolve, 30))
/** Lets the clock run until it has happened: when bytes arrive is for the machine to say. */
async function passUntil<T>({ pass }: HeadServerRig, event: Promise<T>): Promise<T> {
  let isOver = false
  void event.then(() => {
    isOver = true
  })
  while (!isOver) {
    await pass(1)
    await settle()
  }
  return event
}
const get = (path: string, fields = '') => `GET ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`
const answered = (socket: Socket) => new Promise(resolve => socket.once('data', resolve))

describe('S01 a phase that does not end', () => {
  it('silence from the begin', async () => {
    const rig = await start()
    expect(await passUntil(rig, said(await open(rig.port)))).toBe('')
    expect(rig.clock.now()).toBeGreaterThan(10_000)
  })
  it.each([
    ['first', false],
    ['second', true],
  ])('a %s head, of which a byte comes every second', async (_, second) => {
    const rig = await start()
    const { port, pass, met } = rig
    const socket = await open(port)
    if (second) {
      socket.write(get('/a'))
      await answered(socket)
      await pass(30)
    }
    const end = said(socket)
    for (const character of 'GET / HTTP/1.1') {
      socket.write(character)
      await settle()
      await pass(1)
    }
    expect(await passUntil(rig, end)).toContain('HTTP/1.1 408 ')
    expect(met).toEqual(['head_timeout'])
  })
  it.each([
    ['sized', 'Content-Length: 100\r\n', 'x'],
    ['chunked', 'Transfer-Encoding: chunked\r\n', '1\r\nx\r\n'],
  ])(
    'a body that is %s, of which a piece comes every second, though its answer was given',
    async (_, fields, piece) => {
      const rig = await start({ limits: { requestMs: 10_000 } })
      const { port, pass, met } = rig
      const socket = await open(port)
      const end = said(socket)
      socket.write(get('/a', fields))
      for (let i = 0; i < 13; i++) {
        socket.write(piece)
        await settle()
        await pass(1)
      }
      expect(await passUntil(rig, end)).toMatch(/^HTTP\/1.1 200 /)
      expect(met).toEqual(['body_timeout'])
    },
  )
  it('a connection on which nothing more is asked, somewhat after the time that was told', async () => {
    const rig = await start()
    const { port, pass, met } = rig
    const socket = await open(port)
    socket.write(get('/a'))
    await answered(socket)
    await pass(76)
    expect(socket.destroyed).toBe(false)
    await passUntil(rig, closed(socket))
    expect(met).toEqual([])
  })
  it('a handshake', async () => {
    const rig = await start({ pair })
    const { port, met } = rig
    const silent = await open(port)
    const half = await open(port)
    half.write(Buffer.from([0x16, 0x03, 0x01]))
    silent.resume()
    half.resume()
    await passUntil(rig, Promise.all([closed(silent), closed(half)]))
    expect(met).toEqual(['handshake_timeout', 'handshake_timeout'])
  })
})

describe('S04 answers that nobody reads', () => {
  const long = () => text('x'.repeat(1_048_576))
  async function greedy(port: number, from: number): Promise<Socket> {
    const socket = await open(port, from)
    socket.pause()
    socket.write(get('/a').repeat(6))
    return socket
  }
  it('have a time', async () => {
    const rig = await start({}, long)
    const { port, met } = rig
    const socket = await greedy(port, 1)
    await passUntil(rig, expect.poll(() => met).toEqual(['unread']))
    socket.resume()
    await closed(socket)
  })
  it('are bounded by a sum, which the one that holds most gives back', async () => {
    const mebibyte = 1_048_576
    const { port, met } = await start({ limits: { answers: { sum: 14 * mebibyte, perPeer: 12 * mebibyte } } }, long)
    for (let i = 0; i < 4; i++) await greedy(port, 1)
    await expect.poll(() => met.length).toBeGreaterThanOrEqual(2)
    expect(new Set(met)).toEqual(new Set(['answers']))
    const modest = await open(port, 2)
    modest.write(get('/a'))
    let bytes = 0
    modest.on('data', chunk => {
      bytes += chunk.length
    })
    await expect.poll(() => bytes).toBeGreaterThan(mebibyte)
  })
  it('that are read late are all there, and the connection goes on', async () => {
    const { port, met, pass } = await start({}, long)
    const socket = await greedy(port, 1)
    await settle()
    await pass(20)
    let bytes = 0
    socket.on('data', chunk => {
      bytes += chunk.length
    })
    socket.resume()
    await expect.poll(() => bytes).toBeGreaterThan(6 * 1_048_576)
    const before = bytes
    await pass(20)
    socket.write(get('/b'))
    await expect.poll(() => bytes).toBeGreaterThan(before + 1_048_576)
    expect(met).toEqual([])
  })
})

describe('S02 places', () => {
  const small: Partial<HttpLimits> = {
    strangers: { sum: 6, perPeer: 4 },
    proved: { sum: 6, perPeer: 4 },
    handshakes: { sum: 4, perPeer: 2 },
  }
  it('are divided by peers: who has most gives up its newest connection for who has less', async () => {
    const { port, met } = await start({ limits: small })
    const greedy = await Promise.all(Array.from({ length: 6 }, () => open(port, 1)))
    await expect.poll(() => met.length).toBe(2)
    for (let i = 0; i < 3; i++) await open(port, 2)
    await expect.poll(() => met.length).toBe(3)
    expect(new Set(met)).toEqual(new Set(['connections']))
    for (const socket of greedy) socket.resume()
    await expect.poll(() => greedy.filter(socket => socket.destroyed).length).toBe(3)
  })
  it('of strangers are not taken by who proved itself, nor can they cost it its own', async () => {
    const { port, met } = await start({ limits: small }, request => {
      request.prove()
      return echo(request)
    })
    const proved = await open(port)
    proved.write(get('/a'))
    await answered(proved)
    for (let i = 0; i < 4; i++) await open(port)
    await settle()
    expect(met).toEqual([])
    for (let i = 0; i < 4; i++) await open(port)
    await expect.poll(() => met.length).toBe(4)
    proved.write(get('/b'))
    await answered(proved)
  })
  it('of who proved itself are bounded too, and are free again when it has gone', async () => {
    const { port, met } = await start({ limits: small }, request => {
      request.prove()
      return echo(request)
    })
    const all: Socket[] = []
    for (let i = 0; i < 5; i++) {
      const socket = await open(port)
      socket.write(get('/a'))
      await Promise.race([answered(socket), closed(socket)])
      all.push(socket)
    }
    expect(met).toEqual(['connections'])
    for (const socket of all) socket.destroy()
    await settle()
    for (let i = 0; i < 4; i++) {
      const socket = await open(port)
      socket.write(get('/a'))
      await answered(socket)
    }
    expect(met).toEqual(['connections'])
  })
  it('for handshakes are fewer, and are free again when they are done', async () => {
    const { port, met } = await start({ limits: small, pair })
    for (let i = 0; i < 4; i++) (await open(port, 1)).resume()
    await expect.poll(() => met).toEqual(['handshakes', 'handshakes'])
    for (let i = 0; i < 4; i++) {
      const socket = connectTls({ socket: await open(port, 2), rejectUnauthorized: false })
      socket.write(get('/a'))
      await answered(socket)
    }
    expect(met).toEqual(['handshakes', 'handshakes'])
  })
})

describe('S03 bodies', () => {
  it('of any length and number are held by nobody', async () => {
    const { port } = await start()
    const chunk = Buffer.alloc(1_048_576)
    const before = process.memoryUsage().arrayBuffers
    const sockets = await Promise.all(Array.from({ length: 50 }, () => open(port)))
    for (const socket of sockets) {
      socket.resume()
      socket.write(get('/a', `Content-Length: ${1_048_577}\r\n`))
      socket.write(chunk)
    }
    await expect.poll(() => sockets.reduce((sum, socket) => sum + socket.writableLength, 0)).toBe(0)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20 * 1_048_576)
  })
})

describe('requests behind one another', () => {
  it('are answered up to sixteen at once; more end their connection', async () => {
    const { port, met } = await start()
    const socket = await open(port)
    let heard = ''
    socket.on('data', chunk => {
      heard += chunk
    })
    socket.write(get('/a').repeat(16))
    await expect.poll(() => heard.split('HTTP/1.1 200').length - 1).toBe(16)
    socket.write(get('/a').repeat(17))
    await closed(socket)
    expect(met).toEqual(['pipelined'])
  })
})

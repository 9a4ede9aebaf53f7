import type { Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { cleanUp, outcomeOf, session } from '../http2-rig.ts'
import { alice } from '../policy-rows.ts'
import { sendRaw } from '../raw-socket.ts'
import type { Rig } from '../rig.ts'
import { answer, app, type Request, request, wait } from './raw-app.ts'

// No byte that the app sends for one request reaches another, whenever it sends it.

afterEach(cleanUp)

interface Got {
  readonly status: number
  readonly body: string
}
const overHttp1 = (rig: Rig, method = 'GET', path = '/api/x'): Promise<Got> =>
  sendRaw(rig.port, request(method).replace('/api/x', path), method)

const callers = [
  ['HTTP/1.1', overHttp1],
  ['HTTP/2', overHttp2],
] as const

async function overHttp2(rig: Rig, method = 'GET', path = '/api/x'): Promise<Got> {
  const fields = { ':path': path, ':authority': 'orders', authorization: `Bearer ${alice.token()}` }
  return outcomeOf(session(rig).request({ ...fields, ':method': method }, { endStream: true }))
}

const evil = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nEVIL!'
const bodiless: readonly (readonly [string, string])[] = [
  ['HEAD', '200 OK\r\nContent-Length: 107'],
  ['HEAD', '200 OK\r\nContent-Length: 0'],
  ['HEAD', '200 OK\r\nTransfer-Encoding: chunked'],
  ['HEAD', '200 OK'],
  ['HEAD', '404 Not Found\r\nContent-Length: 5'],
  ['HEAD', '500 X\r\nContent-Length: 5'],
  ['GET', '204 No Content'],
  ['POST', '204 No Content\r\nContent-Length: 0'],
  ['DELETE', '204 No Content'],
  ['GET', '205 Reset Content\r\nContent-Length: 0'],
  ['GET', '304 Not Modified'],
  ['GET', '304 Not Modified\r\nContent-Length: 107'],
]

describe.each(callers)('after an answer to a caller of %s that has no body by rule', (_name, call) => {
  it.each(bodiless)('what the app writes late reaches nobody: %s, %j', async (method, head) => {
    const { rig, connections } = await app((socket, { count }) => {
      if (count % 2 === 0) return void setTimeout(() => socket.write(answer()), 50)
      socket.write(`HTTP/1.1 ${head}\r\n\r\n`)
      // While the next request is with the app: it could not be told from its answer.
      setTimeout(() => socket.write(evil), 20)
    })
    for (let turn = 0; turn < 3; turn++) {
      expect((await call(rig, method)).status).toBe(Number(head.slice(0, 3)))
      expect(await call(rig)).toMatchObject({ status: 200, body: 'ok' })
    }
    expect(connections()).toBe(4)
  })
  it('nor does it after hints', async () => {
    const { rig, connections } = await app(socket => void socket.write(`HTTP/1.1 103 X\r\n\r\n${answer()}`))
    for (let turn = 0; turn < 3; turn++) expect((await call(rig)).body).toBe('ok')
    expect(connections()).toBe(3)
  })
})

describe.each(callers)('what the app sends to a caller of %s', (_name, call) => {
  it('while a kept connection is idle ends it', async () => {
    const { rig, connections } = await app((socket, { connection }) => {
      socket.write(answer())
      if (connection === 1) setTimeout(() => socket.write(evil), 20)
    })
    expect((await call(rig)).body).toBe('ok')
    await wait(100)
    expect((await call(rig, 'POST')).body).toBe('ok')
    expect(connections()).toBe(2)
  })

  it('never reaches another, in whatever order it comes', async () => {
    const random = numbers(7)
    const { rig } = await app((socket, one) => void misbehave(socket, one, random))
    async function callInRow(): Promise<void> {
      for (let turn = 0; turn < 40; turn++) {
        const path = `/api/${Math.floor(random() * 1e9)}`
        const method = ['GET', 'HEAD', 'POST', 'DELETE'][Math.floor(random() * 4)] as string
        const { body } = await call(rig, method, path)
        if (method !== 'HEAD' && body !== '') expect(body).toBe(path)
      }
    }
    await Promise.all(Array.from({ length: 8 }, callInRow))
  })
})

/** Answers with the path of the request, rightly or not, and says it once more where there is no room for it. */
function misbehave(socket: Socket, { text }: Request, random: () => number): void {
  const [method = '', path = ''] = text.split(' ', 2)
  const whole = `HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`
  const pick = Math.floor(random() * 6)
  const late = (bytes: string): void => void setTimeout(() => socket.write(bytes), random() * 60)
  if (method === 'HEAD') {
    socket.write(whole.slice(0, -path.length))
    late(random() < 0.5 ? path : whole)
  } else if (pick < 2) {
    socket.write(`HTTP/1.1 ${pick === 0 ? 204 : 304} X\r\n\r\n`)
    late(whole)
  } else if (pick === 2) socket.write(whole + whole)
  else if (pick === 3) {
    socket.write('HTTP/1.1 103 X\r\n\r\n')
    setTimeout(() => socket.write(whole), random() * 10)
  } else socket.write(whole)
}

/** Numbers from 0 to 1 that are the same in each run. */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state / 2_147_483_648
  }
}

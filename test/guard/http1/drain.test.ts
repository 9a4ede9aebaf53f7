import { afterEach, expect, it } from 'vitest'
import { alice } from '../policy-rows.ts'
import { openRaw, type RawConnection } from '../raw-socket.ts'
import { type Rig, startApp, startGuard } from '../rig.ts'

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const bytes = `GET /api/x HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${alice.token()}\r\n\r\n`

it('F20 a guard that is stopped under load drops not one request', { timeout: 60_000 }, async () => {
  const app = await startApp()
  const guards: Rig[] = [await startGuard(app.port), await startGuard(app.port)]
  cleanups.push(app.close, ...guards.map(guard => guard.close))
  const total = 4_000
  let sent = 0
  let answered = 0
  let place = 0

  /** Like a balancer's client: goes elsewhere when it is told that the connection ends. */
  async function client(): Promise<void> {
    let connection: RawConnection | undefined
    while (sent < total) {
      sent++
      connection ??= await openRaw((guards[place] as Rig).port)
      connection.send(bytes)
      const answer = await connection.answer()
      expect(answer.status).toBe(200)
      answered++
      if (answer.headers.connection?.[0] === 'close') connection = undefined
    }
    connection?.socket.destroy()
  }

  const clients = Promise.all(Array.from({ length: 32 }, client))
  while (answered < total / 4) await new Promise(resolve => setTimeout(resolve, 1))
  place = 1
  const [stopped] = guards
  await stopped?.guard.drain(200, 10_000)
  const atStop = answered
  await clients
  expect(atStop).toBeLessThan(total)
  expect(answered).toBe(total)
  expect(app.seen).toHaveLength(total)
})

it('F20 what runs is finished, what is idle ends, and new connections are refused', async () => {
  let release: (() => void) | undefined
  const app = await startApp((request, response) => {
    if (request.url === '/api/x') release = () => response.end('late')
    else response.end('idle')
  })
  const rig = await startGuard(app.port)
  cleanups.push(app.close, rig.close)
  const [running, idle] = [await openRaw(rig.port), await openRaw(rig.port)]
  idle.send(bytes.replace('/api/x', '/api/idle'))
  await idle.answer()
  running.send(bytes)
  while (!release) await new Promise(resolve => setTimeout(resolve, 1))
  const drained = rig.guard.drain(0, 10_000)
  expect(await idle.closed()).toBe('')
  await expect(openRaw(rig.port)).rejects.toThrow('ECONNREFUSED')
  release()
  const answer = await running.answer()
  expect([answer.body, answer.headers.connection]).toEqual(['late', ['close']])
  await drained
})

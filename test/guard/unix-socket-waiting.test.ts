import { type ChildProcess, spawn } from 'node:child_process'
import { afterEach, describe, expect, it } from 'vitest'
import { createUpstreamPool } from '../../guard/upstream/pool.ts'
import type { Upstream, UpstreamHandler } from '../../guard/upstream/state.ts'
import { createQuietLog } from '../unit/platform/quiet-log.ts'
import { request, wait } from './http1/raw-app.ts'
import { openRaw, sendRaw } from './raw-socket.ts'
import { unixSocket } from './unix-socket-rig.ts'

const { path, guarding, said } = unixSocket()

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
    const child = spawn(process.execPath, ['-e', program, path()], { stdio: ['ignore', 'pipe', 'inherit'] })
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
      origin: `unix:${path()}`,
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

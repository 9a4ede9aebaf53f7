import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { sliceHash } from '../../core/rows/hash.ts'
import { configTable, ownSettings } from '../../guard/config.ts'
import type { RunningGuard } from '../../guard/guard.ts'
import { startSidecar } from '../../guard/sidecar.ts'
import { listenForStop } from '../../guard/stop-socket.ts'
import { type Clock, systemClock } from '../../platform/clock.ts'
import { readConfig } from '../../platform/config.ts'
import { guardContainer } from '../../webhook/injection/guard-container.ts'
import { sidecarSettings } from '../builders/sidecar-settings.ts'
import { createQuietLog } from '../unit/platform/quiet-log.ts'
import { settings } from '../unit/webhook/pods.ts'
import { type FrameServer, full, startFrameServer } from './frame-server.ts'
import { alice, bob, rowsOf, service } from './policy-rows.ts'
import { sendRaw } from './raw-socket.ts'
import { type App, startApp } from './rig.ts'
import { until } from './until.ts'

let server: FrameServer
let app: App
let folder: string
let guard: RunningGuard | undefined
beforeAll(async () => {
  server = await startFrameServer()
  app = await startApp()
})
afterAll(async () => {
  await server.close()
  await app.close()
})
beforeEach(async () => {
  server.streams.splice(0)
  folder = await mkdtemp(join(tmpdir(), 'sidecar-'))
  await writeFile(join(folder, 'tcp'), 'head\n')
})
afterEach(() => guard?.stop())

async function start(change: { clock?: Clock; openPorts?: string } = {}): Promise<RunningGuard> {
  const config = readConfig(
    configTable,
    ownSettings({
      ...sidecarSettings(folder, { service, appPort: app.port, issuer: server }),
      LATCHKEY_OPEN_PORTS: change.openPorts ?? '9090, 9091',
      LATCHKEY_ISSUER_SERVICE_HOST: '10.0.0.1',
      LATCHKEY_ISSUER_PORT_443_TCP_ADDR: '10.0.0.1',
    }),
  )
  guard = await startSidecar(config, {
    clock: change.clock ?? systemClock,
    log: createQuietLog().log,
    version: 'test',
    procNet: folder,
  })
  return guard
}
const status = async (): Promise<number> => {
  const head = `GET /api/x HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${alice.token()}\r\n\r\n`
  return (await sendRaw(guard?.port ?? 0, head)).status
}
const ready = async (): Promise<number> =>
  (await sendRaw(guard?.adminPort ?? 0, 'GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n')).status

it('F13 goes from nothing to the issuer’s policy, and after a restart without the issuer to what is on disk', async () => {
  const rows = rowsOf()
  server.serve(stream => stream.send(full(rows, { a: '5' })))
  await start()
  await until(async () => (await status()) === 200)
  expect(await ready()).toBe(200)
  await until(() => (server.streams[0]?.held.length ?? 0) > 0)
  expect(server.streams[0]?.held[0]).toMatchObject({ hash: sliceHash(rows), exposed: [], wouldDeny: 0 })
  await guard?.stop()

  server.refuse(503, 'unavailable')
  await start()
  expect(await status()).toBe(200)
  expect(await ready()).toBe(200)
  server.serve(() => {})
  await until(() => server.streams.length > 1)
  expect(server.streams.at(-1)?.hello).toMatchObject({ seen: { a: '5' }, hash: sliceHash(rows) })
})

it('tells what was used since it told of it last before it stops', async () => {
  server.serve(stream => stream.send(full(rowsOf(), { a: '5' })))
  const { stop } = await start()
  await until(() => (server.streams[0]?.held.length ?? 0) > 0)
  await until(async () => (await status()) === 200)
  expect(server.streams[0]?.hello).toMatchObject({ features: expect.arrayContaining(['usage-counts']) })
  await stop()
  const told = (): object[] => server.streams[0]?.held.flatMap(held => (held.used ? [held.used] : [])) ?? []
  await until(() => told().length > 0)
  expect(told()).toEqual([
    {
      keys: [[alice.key.kid, expect.any(Number), expect.any(Number)]],
      grants: [['alice-calls', expect.any(Number), expect.any(Number)]],
      rules: [['role/caller#0', expect.any(Number), expect.any(Number)]],
    },
  ])
})

it('says at its readiness how old its policy is, or why it has none, while the issuer is away or the policy too large', async () => {
  let later = 0
  const clock = { ...systemClock, now: () => systemClock.now() + later }
  const asked = () => sendRaw(guard?.adminPort ?? 0, 'GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n')
  server.serve(stream => stream.send({ tooLarge: { bytes: 17_000_000 } }))
  await start({ clock })
  const needs =
    'the policy is too large for the memory of this guard, which keeps what it has: give it 320Mi, or divide the service'
  await until(async () => (await asked()).body.includes(needs))
  expect(await asked()).toMatchObject({ status: 503, body: `policy_missing: ${needs}\n` })
  server.streams[0]?.send(full(rowsOf(), { a: '5' }))
  await until(async () => (await asked()).status === 200)
  expect((await asked()).body).toBe('ok\n')
  later = 3_600_000
  const old = /^ok, but nobody has confirmed the policy for 36\d\d s; after 86400 s every call is denied\n$/
  expect((await asked()).body).toMatch(old)
  later = 86_400_000 + 1_000
  expect(await asked()).toMatchObject({ status: 200, body: expect.stringContaining('ok, but policy_stale: nobody') })
  expect(await status()).toBe(503)
  server.streams[0]?.send({ tooLarge: { bytes: 17_000_000 } })
  await until(async () => (await asked()).body.includes(needs))
  const { body } = await sendRaw(guard?.adminPort ?? 0, 'GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n')
  expect(body).toContain('latchkey_guard_snapshot_too_large_bytes 17000000')
})

it('P33 tells the issuer and its readiness of an app that listens beyond loopback', async () => {
  await writeFile(
    join(folder, 'tcp'),
    'head\n 0: 00000000:1F90 00000000:0000 0A 0\n 1: 00000000:2382 00000000:0000 0A 0\n',
  )
  server.serve(stream => stream.send(full(rowsOf(), { a: '5' })))
  await start()
  await until(() => server.streams[0]?.held.some(held => held.exposed?.[0] === '0.0.0.0:8080') ?? false)
  expect(await ready()).toBe(503)
  expect(await status()).toBe(200)
})

it('P33 tells of the port it stands before, whatever the pod’s author wants open', async () => {
  const port = app.port.toString(16).toUpperCase().padStart(4, '0')
  await writeFile(join(folder, 'tcp'), `head\n 0: 00000000:${port} 00000000:0000 0A 0\n`)
  server.serve(stream => stream.send(full(rowsOf(), { a: '5' })))
  await start({ openPorts: `9090,${app.port}` })
  await until(() => server.streams[0]?.held.some(held => held.exposed?.[0] === `0.0.0.0:${app.port}`) ?? false)
  expect(await ready()).toBe(503)
})

it('tells the issuer and its metric of an app that does not listen where it is reached, and stays ready', async () => {
  let later = 0
  const clock = { ...systemClock, now: () => systemClock.now() + later }
  // The guard itself, which was told port 0, and an app elsewhere.
  await writeFile(
    join(folder, 'tcp'),
    'head\n 0: 0100007F:0000 00000000:0000 0A 0\n 1: 0100007F:270F 00000000:0000 0A 0\n',
  )
  server.serve(stream => stream.send(full(rowsOf(), { a: '5' })))
  await start({ clock })
  await until(async () => (await ready()) === 200)
  later = 60_000
  expect(await ready()).toBe(200)
  const where = `127.0.0.1:${app.port}`
  await until(() => server.streams.at(-1)?.held.some(held => held.notListening === where) ?? false)
  const { body } = await sendRaw(guard?.adminPort ?? 0, 'GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n')
  expect(body).toContain('latchkey_guard_upstream_not_listening 1')
})

it('keeps its count of calls that Enforce would deny over a restart', async () => {
  server.serve(stream => stream.send(full(rowsOf({ service: { mode: 'Audit' } }), { a: '5' })))
  await start()
  await until(async () => (await status()) === 200)
  const head = `GET /api/x HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${bob.token()}\r\n\r\n`
  for (let call = 0; call < 3; call++) await sendRaw(guard?.port ?? 0, head)
  await guard?.stop()

  server.streams.splice(0)
  await start()
  await until(() => server.streams[0]?.held.some(held => held.wouldDeny === 3) ?? false)
  await sendRaw(guard?.port ?? 0, head)
  const { body } = await sendRaw(guard?.adminPort ?? 0, 'GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n')
  expect(body).toContain('latchkey_guard_would_deny_total{route=""} 1')
})

/** Runs the injected preStop hook, with the guard's volume where this guard has it. */
async function runPreStop(): Promise<number | null> {
  const hook = guardContainer(settings, { service, upstream: 'http://127.0.0.1:1', probes: [] }).lifecycle?.preStop
    ?.exec
  const [program = '', ...args] = (hook as { command: string[] }).command
  expect(program).toBe('node')
  const child = spawn(
    process.execPath,
    args.map(arg => arg.replace('/var/lib/latchkey', folder)),
    { stdio: 'ignore' },
  )
  const [code] = (await once(child, 'exit')) as [number | null]
  return code
}

it('F20 the injected preStop hook tells the guard of the end by a socket in its volume, whatever processes the pod shares', async () => {
  server.serve(stream => stream.send(full(rowsOf(), { a: '5' })))
  const { port } = await start()
  await until(async () => (await ready()) === 200)
  expect(await runPreStop()).toBe(0)
  await until(async () => (await ready()) === 503)
  // It still serves, and sends kept connections elsewhere.
  const answer = await sendRaw(port, 'GET /open/x HTTP/1.1\r\nHost: a\r\n\r\n')
  expect([answer.status, answer.headers.connection]).toEqual([200, ['close']])
  await guard?.stop()
  guard = undefined
  // Nobody is there to be told: the hook says so, and the pod ends as it would without.
  expect(await runPreStop()).toBe(1)
})

it('a socket that a killed guard left behind does not stand in the way, nor a volume that cannot be written', async () => {
  await writeFile(join(folder, 'stop.sock'), '')
  await start()
  expect(await runPreStop()).toBe(0)
  await guard?.stop()
  const { log, lines } = createQuietLog()
  const missing = await listenForStop({ snapshotFile: join(folder, 'missing/snapshot.json'), log }, () => {})
  missing.close()
  expect(lines.map(line => line.msg)).toEqual(['the end of the pod will not be heard of early'])
})

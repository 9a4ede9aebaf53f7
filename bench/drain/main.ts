import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { accessYaml, manifestToken } from '../../test/guard/access-manifests.ts'
import { issuer, service } from '../../test/guard/policy-rows.ts'
import { openRaw, type RawConnection } from '../../test/guard/raw-socket.ts'

// Rolls two guards under load: each is stopped by SIGTERM while 100,000 requests run. Not one may be dropped. A client
// does what a balancer's does: it takes a new connection to a guard that is not stopping when it was told that its own
// one ends.

const total = Number(process.argv[2] ?? 100_000)
const clients = 64
const folder = await mkdtemp(join(tmpdir(), 'drain-'))
await writeFile(join(folder, 'access.yaml'), accessYaml())

let seen = 0
const app = createServer((_request, response) => {
  seen++
  response.end('ok')
})
await new Promise<void>(resolve => app.listen(0, '127.0.0.1', resolve))
const upstream = `http://127.0.0.1:${(app.address() as AddressInfo).port}`

interface RunningGuard {
  readonly child: ChildProcess
  readonly port: number
}

async function start(name: string): Promise<RunningGuard> {
  const options = { service, upstream, listen: '127.0.0.1:0', issuer, manifests: folder, audit: join(folder, name) }
  const args = Object.entries(options).flatMap(([key, value]) => [`--${key}`, value])
  const program = new URL('../../dist/latchkey.mjs', import.meta.url).pathname
  const child = spawn(process.execPath, [program, 'guard', ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  const port = await new Promise<number>((resolve, reject) => {
    let log = ''
    child.once('exit', () => reject(new Error(`the guard ended: ${log}`)))
    child.stderr?.on('data', piece => {
      log += piece
      const started = /"port":(\d+),"msg":"guarding"/.exec(log)
      if (started) resolve(Number(started[1]))
    })
  })
  return { child, port }
}

async function stop({ child }: RunningGuard): Promise<number | null> {
  const exited = new Promise<number | null>(resolve => child.once('exit', resolve))
  child.kill('SIGTERM')
  return await exited
}

let serving = await start('audit-0')
let sent = 0
let answered = 0
const dropped: string[] = []
const bytes = `GET /api/x HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${manifestToken()}\r\n\r\n`

async function client(): Promise<void> {
  let connection: RawConnection | undefined
  while (sent < total) {
    sent++
    try {
      connection ??= await openRaw(serving.port)
      connection.send(bytes)
      const answer = await connection.answer()
      if (answer.status === 200) answered++
      else dropped.push(`status ${answer.status}`)
      if (answer.headers.connection?.[0] === 'close') connection = undefined
    } catch (error) {
      dropped.push(String(error))
      connection = undefined
    }
  }
  connection?.socket.destroy()
}

const startedMs = performance.now()
const load = Promise.all(Array.from({ length: clients }, client))
const codes: (number | null)[] = []
const stops = 4
for (let turn = 1; turn <= stops; turn++) {
  while (answered + dropped.length < (total * turn) / (stops + 1)) await new Promise(resolve => setTimeout(resolve, 5))
  const stopping = serving
  serving = await start(`audit-${turn}`)
  codes.push(await stop(stopping))
}
await load
const seconds = (performance.now() - startedMs) / 1_000
codes.push(await stop(serving))
app.close()

const audits = await Promise.all(codes.map((_, turn) => readFile(join(folder, `audit-${turn}`), 'utf8')))
const lines = audits.reduce((sum, text) => sum + text.split('\n').length - 1, 0)
const row = {
  name: 'drain-dropped',
  unit: 'requests',
  value: dropped.length,
  n: total,
  rig: `${stops} stops, ${clients} clients`,
}
await mkdir(new URL('../results/', import.meta.url), { recursive: true })
await writeFile(new URL('../results/drain.json', import.meta.url), `${JSON.stringify([row], undefined, 2)}\n`)
await rm(folder, { recursive: true })
process.stdout.write(
  `${total} requests in ${seconds.toFixed(1)} s over ${stops} stops: ${answered} answered, ${dropped.length} dropped ${[...new Set(dropped)].slice(0, 5)}; ${seen} reached the app, ${lines} audit lines; exit codes ${codes}\n`,
)
if (dropped.length > 0 || seen !== total || lines !== total || codes.some(code => code !== 0)) process.exit(1)

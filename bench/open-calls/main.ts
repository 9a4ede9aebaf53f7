import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { sliceHash, startSum } from '../../core/rows/hash.ts'
import { type Row, type RuleRow, rowKey } from '../../core/rows/rows.ts'
import { runScript, say } from '../../test/cluster/progress.ts'
import { type Caller, createCaller, grant, reader, serviceRow } from '../../test/guard/policy-rows.ts'
import { type Rig, startGuard } from '../../test/guard/rig.ts'
import { quantile } from '../statistics.ts'
import type { Heard, Order } from './callers.ts'

// Calls that are open while the policy changes: from a change to the last byte of those that it closes, and what the guard's
// main thread does meanwhile. Guard, app and callers are a process each. `node bench/open-calls/main.ts [calls]`

const perClient = 10
const now = (): number => performance.timeOrigin + performance.now()

/** A guard whose rows are changed one by one, as the issuer would. */
function createPolicy(rig: Rig, rows: readonly Row[]) {
  const held = new Map(rows.map(row => [rowKey(row), row]))
  let version = 1
  rig.apply(rows)
  let hash = sliceHash(rows)
  return (row: Row): number => {
    const sum = startSum(hash)
    sum.remove(held.get(rowKey(row)) as Row)
    sum.add(row)
    held.set(rowKey(row), row)
    hash = sum.hash()
    const at = now()
    rig.slice.take({ delta: { upsert: [row], remove: [] }, seen: { apiclients: String(++version) }, hash })
    return at
  }
}

const child = (file: URL, ...args: string[]): ChildProcess =>
  fork(fileURLToPath(file), args, { serialization: 'advanced' })

async function ask(callers: ChildProcess): Promise<Heard> {
  callers.send({})
  return (await once(callers, 'message'))[0] as Heard
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await wait(250)
}

/** Processor time of each turn of the event loop: what else the machine does is not in it. */
function watchTurns(): () => number[] {
  const turns: number[] = []
  let before = process.threadCpuUsage()
  let isOver = false
  const turn = (): void => {
    const { user, system } = process.threadCpuUsage()
    turns.push((user + system - before.user - before.system) / 1_000)
    before = { user, system }
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  return () => {
    isOver = true
    return turns
  }
}

/** How late the main thread is and what it takes; `turns`: how long its turns are instead, for which it is kept awake. */
async function measured(what: string, by: 'load' | 'turns', during: () => Promise<void>): Promise<void> {
  if (by === 'turns') {
    const stop = watchTurns()
    await during()
    const turns = stop()
    const of = (q: number): string => quantile(turns, q).toFixed(1)
    return say(`${what}: processor time of a turn p99.9 ${of(0.999)}, longest ${of(1)} ms`)
  }
  const delay = monitorEventLoopDelay({ resolution: 1 })
  const before = process.cpuUsage()
  const began = now()
  delay.enable()
  await during()
  delay.disable()
  const { user, system } = process.cpuUsage(before)
  const busyMs = (user + system) / 1_000
  const [p99, max] = [delay.percentile(99), delay.max].map(nanoseconds => (nanoseconds / 1e6 - 1).toFixed(1))
  say(
    `${what}: late p99 ${p99}, max ${max} ms; ${busyMs.toFixed(0)} ms of processor time in ${(now() - began).toFixed(0)} ms`,
  )
}

function tell(what: string, times: readonly number[]): void {
  const of = (q: number): string => quantile(times, q).toFixed(1)
  say(`${what}: ${times.length} calls, p50 ${of(0.5)}, p90 ${of(0.9)}, p99 ${of(0.99)}, max ${of(1)} ms`)
}

const more = (at: number): RuleRow => ({ index: 1, methods: ['GET'], paths: [`/p-${at}`] })
const revoked = ({ row, key }: Caller): Row => ({ ...row, keys: [{ ...key, revoked: true }] })

async function run(): Promise<void> {
  const calls = Number(process.argv[2] ?? 1_000)
  // All at once, which is a long turn of its own: only where last bytes are to be seen.
  const app = child(new URL('./app.ts', import.meta.url), calls > 1_000 ? '0' : '200')
  const port = (await once(app, 'message'))[0] as number
  const people = Array.from({ length: calls / perClient }, (_, at) => createCaller(`client-${at}`))
  const rows: Row[] = [
    serviceRow(),
    reader,
    { ...grant, clients: people.map(({ clientId }) => clientId) },
    ...people.map(({ row }) => row),
  ]
  const many = { maxConnections: 20_000, maxConnectionsPerPeer: 20_000, maxUpstreamConnections: 20_000 }
  const rig = await startGuard(port, { rows: undefined, ...many, memoryLimitBytes: 8 * 2 ** 30 })
  const change = createPolicy(rig, rows)
  const callers = child(new URL('./callers.ts', import.meta.url))
  // Tokens of one client stand apart, so that it has calls of every kind.
  const tokens = Array.from({ length: calls }, (_, at) => (people[at % people.length] as Caller).token())
  callers.send({ port: rig.port, tokens } satisfies Order)
  await until(async () => (await ask(callers)).begun === calls)
  say(`${calls} calls of ${people.length} clients are open`)
  await measured('at rest', 'load', () => wait(3_000))
  await measured('at rest', 'turns', () => wait(3_000))
  const last = people.at(-1) as Caller
  const changes: readonly [string, (at: number) => Row][] = [
    ['one client changes', at => ({ ...last.row, organization: `o-${at}` })],
    ['the role of all changes', at => ({ ...reader, rules: [...reader.rules, more(at)] })],
    ['the service changes', at => serviceRow({ maxStalenessSeconds: 80_000 + at })],
  ]
  let times = 0
  for (const [what, make] of changes) {
    for (const by of ['load', 'turns'] as const) {
      await measured(`${what}, 10 times a second`, by, async () => {
        for (let until = times + 30; times < until; times++) {
          change(make(times))
          await wait(100)
        }
      })
    }
  }
  const half = people.slice(0, people.length / 2)
  const at = new Map<number, number>()
  await measured('clients are revoked one by one', 'load', async () => {
    for (const [which, one] of half.slice(0, 50).entries()) {
      at.set(which, change(revoked(one)))
      await wait(100)
    }
    await wait(500)
  })
  const first = await ask(callers)
  const since = (heard: readonly number[], from: (client: number) => number | undefined): number[] =>
    heard.flatMap((time, call) => {
      const began = from(call % people.length)
      return began === undefined ? [] : [Math.max(0, time - began)]
    })
  if (since(first.ended, one => at.get(one)).length !== [...at].length * perClient) throw new Error('calls are missing')
  tell(
    'from the change to the last byte',
    since(first.last, one => at.get(one)),
  )
  tell(
    'from the change to the end',
    since(first.ended, one => at.get(one)),
  )
  let all = 0
  await measured('the rest loses its role at once', 'load', async () => {
    all = change({ ...reader, rules: [{ index: 0, methods: ['GET'], paths: ['/elsewhere'] }] })
    await wait(2_000)
  })
  const rest = (one: number): number | undefined => (at.has(one) ? undefined : all)
  await until(async () => (await ask(callers)).ended.every(time => time > 0))
  const second = await ask(callers)
  tell('from the change to the last byte', since(second.last, rest))
  tell('from the change to the end', since(second.ended, rest))
  callers.kill()
  app.kill()
  await rig.close()
}

await runScript(run)
process.exit(0)

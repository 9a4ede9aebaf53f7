import type { Row } from '../../core/rows/rows.ts'
import { runScript, say, step } from '../../test/cluster/progress.ts'
import { startFigure } from '../guard/figures.ts'
import { measureStart } from '../guard/start.ts'
import { find, type Load, measureLoad, type Series } from '../load/measure.ts'
import { residentMemory } from '../machine/memory.ts'
import type { Contestant } from '../peers/contestant.ts'
import { startGuardFromSnapshot } from '../peers/latchkey.ts'
import { onStage } from '../peers/stage.ts'
import { prepareTools, versionsOf } from '../peers/tools.ts'
import { type BenchClient, nowSeconds } from '../policy/clients.ts'
import { clientsOf, rowsOf } from '../policy/size.ts'
import { type Call, workingSet } from '../policy/working-set.ts'
import { type Figure, writeFigures, writeResult } from '../results.ts'
import { describeRig, moveTo } from '../rig.ts'
import { readSettings, type Settings } from '../settings.ts'

const few = { clients: 10, rules: 10 }
const many = { clients: 100_000, rules: 10_000 }
const tokenCount = 1_000

await runScript(async () => {
  const settings = readSettings(process.env)
  const tools = await prepareTools()
  moveTo(settings.loadCore)
  const rig = describeRig(settings, await versionsOf(tools), new Date())
  await onStage(tools, settings, async ({ place, add }) => {
    const clients = await step('make 100,000 keys', async () => clientsOf(many))
    const largeRows = rowsOf(many, clients, nowSeconds())
    const smallRows = rowsOf(few, clients.slice(0, few.clients), nowSeconds())
    const start = await step('start', () => measureStart(process.execPath, place, largeRows, 3))
    const guard = (name: string, rows: readonly Row[]) =>
      add(startGuardFromSnapshot(process.execPath, place, { name, rows, lines: 'written' }))
    const pair: Pair = { small: await guard('few', smallRows), large: await guard('many', largeRows) }
    const calls = await step('sign tokens', async () => signAll(clients))
    const series = await step('requests through', () => measure(tools.wrk, place.directory, pair, calls, settings))
    writeResult('policy-series.json', { rig, series })
    const ready = startFigure('guard-ready-ms-100000-clients', start)
    const memory = { name: 'guard-rss-mb-100000-clients', unit: 'MB', value: residentMemory(pair.large.pid).mb, n: 1 }
    writeFigures('policy', 'policy', rig, [...figuresOf(series), memory, ready])
  })
})

interface Pair {
  readonly small: Contestant
  readonly large: Contestant
}

interface Calls {
  /** 1,000 tokens of the 10 clients that both policies know. */
  readonly same: readonly Call[]
  /** 1,000 tokens of as many clients. */
  readonly active: readonly Call[]
  /** A token of every client. */
  readonly all: readonly Call[]
}

function signAll(clients: readonly BenchClient[]): Calls {
  const now = nowSeconds()
  return {
    same: workingSet(tokenCount, few, clients.slice(0, few.clients), now),
    active: workingSet(tokenCount, many, clients, now),
    all: workingSet(many.clients, many, clients, now),
  }
}

async function measure(
  wrk: string,
  directory: string,
  { small, large }: Pair,
  calls: Calls,
  settings: Settings,
): Promise<Series[]> {
  const series: Series[] = []
  for (const [name, theirs] of Object.entries(calls) as [keyof Calls, readonly Call[]][]) {
    const lines = (some: readonly Call[]): string[] => some.map(({ path, token }) => `${path} ${token}`)
    const [same, these] = [lines(calls.same), lines(theirs)]
    const tokens = (contestant: string): string[] => (contestant === 'few' ? same : these)
    const load: Load = { name, path: '/', connections: 32, tokens }
    // Until every token was seen once, as far as the guard remembers so many.
    const secondsPerRun = Math.max(settings.secondsPerRun, Math.ceil(theirs.length / 5_000))
    say(`  ${name}: warm-up`)
    await measureLoad(wrk, directory, [large, small], load, { ...settings, rounds: 1, secondsPerRun })
    series.push(...(await measureLoad(wrk, directory, [small, large], load, settings)))
  }
  return series
}

/** What a request costs while the guard's core is busy all the time. */
function figuresOf(series: readonly Series[]): Figure[] {
  const figure = (name: string, load: keyof Calls): Figure => {
    const [small, large] = [find(series, load, 'few'), find(series, load, 'many')]
    return {
      name,
      unit: 'µs a request',
      value: 1e6 / large.rps,
      peer: { name: 'Latchkey, 10 clients, 10 rules', value: 1e6 / small.rps },
      n: large.rpsOfRuns.length,
    }
  }
  return [
    figure('request-100000-clients-vs-10', 'same'),
    figure('request-100000-clients-1000-active-vs-10', 'active'),
    figure('request-100000-clients-all-active-vs-10', 'all'),
  ]
}

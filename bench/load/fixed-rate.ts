import { say } from '../../test/cluster/progress.ts'
import type { Contestant } from '../peers/contestant.ts'
import { type BenchClient, clientToken, nowSeconds } from '../policy/clients.ts'
import { pathOf } from '../policy/size.ts'
import type { Settings } from '../settings.ts'
import { middle } from '../statistics.ts'
import { takeTurns } from '../turns.ts'
import { runOha } from './oha.ts'

/** Latency at a rate that all contestants reach; medians of the runs. */
export interface RateSeries {
  readonly contestant: string
  readonly rate: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly n: number
}

/** Longer than a run at full rate: few requests make a slow percentile. */
const longer = 2

/** @throws Error when a contestant does not keep up with the rate */
export async function measureFixedRate(
  oha: string,
  contestants: readonly Contestant[],
  { client, rate }: { client: BenchClient; rate: number },
  settings: Settings,
): Promise<RateSeries[]> {
  const runs = await takeTurns(contestants, settings.rounds, async contestant => {
    const token = clientToken(client, 'same', nowSeconds())
    const url = `${contestant.url}${pathOf(0)}`
    const seconds = settings.secondsPerRun * longer
    const run = await runOha(oha, { url, token, rate, connections: 32, seconds, core: settings.loadCore })
    contestant.afterRun()
    if (run.rps < rate * 0.9) throw new Error(`${contestant.name} got ${run.rps.toFixed()} of ${rate} requests/s`)
    say(`  ${`at ${rate}/s`.padEnd(26)} ${contestant.name.padEnd(30)} p99 ${run.p99Ms.toFixed(2)} ms`)
    return run
  })
  return [...runs].map(([contestant, results]) => ({
    contestant: contestant.name,
    rate,
    p50Ms: middle(results, run => run.p50Ms),
    p99Ms: middle(results, run => run.p99Ms),
    p999Ms: middle(results, run => run.p999Ms),
    n: results.length,
  }))
}

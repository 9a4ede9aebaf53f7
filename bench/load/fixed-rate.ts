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
const longer = 1.5
/** A latency counts only where so large a part of the rate was reached; who never gets there ends the bench. */
const keepsUp = 0.95
const maxTries = 3

/** @throws Error when a contestant does not keep up with the rate */
export async function measureFixedRate(
  oha: string,
  contestants: readonly Contestant[],
  { client, rate }: { client: BenchClient; rate: number },
  settings: Settings,
): Promise<RateSeries[]> {
  const seconds = Math.ceil(settings.secondsPerRun * longer)
  const runs = await takeTurns(contestants, settings.rounds, async contestant => {
    const url = `${contestant.url}${pathOf(0)}`
    for (let tries = 1; ; tries++) {
      const token = clientToken(client, 'same', nowSeconds())
      const run = await runOha(oha, { url, token, rate, connections: 32, seconds, core: settings.loadCore })
      contestant.afterRun()
      say(`  ${`at ${rate}/s`.padEnd(26)} ${contestant.name.padEnd(30)} p99 ${run.p99Ms.toFixed(2)} ms`)
      if (run.rps >= rate * keepsUp) return run
      if (tries === maxTries) throw new Error(`${contestant.name} got ${run.rps.toFixed()} of ${rate} requests/s`)
      say(`  ${contestant.name} got ${run.rps.toFixed()} of ${rate} requests/s: once more`)
    }
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

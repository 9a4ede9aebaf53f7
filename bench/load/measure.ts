import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { say } from '../../test/cluster/progress.ts'
import { type MemorySample, sampleMemory } from '../machine/memory.ts'
import { busyShare, readCoreTime } from '../machine/processor.ts'
import type { Contestant } from '../peers/contestant.ts'
import type { Settings } from '../settings.ts'
import { middle } from '../statistics.ts'
import { takeTurns } from '../turns.ts'
import { runWrk, type WrkResult } from './wrk.ts'

/** What one contestant gave under one load: medians of its runs. */
export interface Series {
  readonly load: string
  readonly contestant: string
  readonly rps: number
  readonly rpsOfRuns: readonly number[]
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  /** Resident memory while requests ran: median and highest of all samples. */
  readonly rssMb: number
  readonly rssPeakMb: number
  /** The part of rssMb that is its own. */
  readonly rssOwnMb: number
  /** Share of the time that the cores worked, 0 to 1. */
  readonly programBusy: number
  readonly loadBusy: number
}

export interface Load {
  readonly name: string
  /** Of the request; lines of the token file may bring their own. */
  readonly path: string
  readonly connections: number
  /** The tokens of one run, one or many, each perhaps with a path before it. Called before every run. */
  tokens(contestant: string): readonly string[]
  /** More headers for one contestant, as `name: value`. */
  headers?(contestant: string): readonly string[]
  /** Every token at most once in a run. */
  readonly once?: true
}

/** The core of the load generator was at its limit. */
export const busyLimit = 0.9

interface Run extends WrkResult {
  readonly memory: readonly MemorySample[]
  readonly programBusy: number
  readonly loadBusy: number
}

/** Runs a load against all contestants in turn. @throws Error when a request was refused or not answered */
export async function measureLoad(
  wrk: string,
  directory: string,
  contestants: readonly Contestant[],
  load: Load,
  settings: Settings,
): Promise<Series[]> {
  const turn = (contestant: Contestant): Promise<Run> => runOnce(wrk, directory, contestant, load, settings)
  const runs = await takeTurns(contestants, settings.rounds, turn)
  return [...runs].map(([contestant, results]) => seriesOf(load.name, contestant.name, results))
}

/** One run at the highest rate, with what the machine did meanwhile. */
export async function runOnce(
  wrk: string,
  directory: string,
  contestant: Contestant,
  load: Load,
  { secondsPerRun: seconds, programCore, loadCore }: Settings,
): Promise<Run> {
  const tokens = load.tokens(contestant.name)
  const tokenFile = join(directory, 'tokens')
  writeFileSync(tokenFile, `${tokens.join('\n')}\n`)
  const before = { program: readCoreTime(programCore), load: readCoreTime(loadCore) }
  const memory = sampleMemory(contestant.pid, 250)
  const url = `${contestant.url}${load.path}`
  let result: WrkResult
  let samples: MemorySample[] = []
  try {
    const headers = load.headers?.(contestant.name) ?? []
    result = await runWrk(wrk, { url, tokenFile, headers, connections: load.connections, seconds, core: loadCore })
  } catch (error) {
    throw new Error(`${contestant.name}, ${load.name}`, { cause: error })
  } finally {
    samples = memory.stop()
    contestant.afterRun()
  }
  if (load.once && result.requests > tokens.length) {
    throw new Error(`${contestant.name} took ${result.requests} requests, and there were ${tokens.length} tokens only`)
  }
  say(`  ${load.name.padEnd(26)} ${contestant.name.padEnd(30)} ${result.rps.toFixed(0).padStart(7)} requests/s`)
  return {
    ...result,
    memory: samples,
    programBusy: busyShare(before.program, readCoreTime(programCore)),
    loadBusy: busyShare(before.load, readCoreTime(loadCore)),
  }
}

function seriesOf(load: string, contestant: string, runs: readonly Run[]): Series {
  const memory = runs.flatMap(run => run.memory)
  return {
    load,
    contestant,
    rps: middle(runs, run => run.rps),
    rpsOfRuns: runs.map(run => Math.round(run.rps)),
    p50Ms: middle(runs, run => run.p50Ms),
    p99Ms: middle(runs, run => run.p99Ms),
    p999Ms: middle(runs, run => run.p999Ms),
    rssMb: middle(memory, ({ mb }) => mb),
    rssPeakMb: Math.max(...memory.map(({ mb }) => mb)),
    rssOwnMb: middle(memory, ({ ownMb }) => ownMb),
    programBusy: middle(runs, run => run.programBusy),
    loadBusy: middle(runs, run => run.loadBusy),
  }
}

/** @throws Error when that contestant was not measured under that load */
export function find(series: readonly Series[], load: string, contestant: string): Series {
  const found = series.find(one => one.load === load && one.contestant === contestant)
  if (!found) throw new Error(`${contestant} was not measured under ${load}`)
  return found
}

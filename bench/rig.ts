import { execFileSync } from 'node:child_process'
import { cpus, release, totalmem } from 'node:os'
import type { Settings } from './settings.ts'

/** Where and how a run was made: figures of two rigs are not compared. */
export interface Rig {
  /** Of the run's begin, RFC 3339. */
  readonly date: string
  readonly cpu: string
  readonly cores: number
  readonly memoryGb: number
  readonly kernel: string
  readonly programCore: number
  readonly loadCore: number
  readonly secondsPerRun: number
  readonly rounds: number
  readonly versions: Readonly<Record<string, string>>
}

export function describeRig(settings: Settings, versions: Readonly<Record<string, string>>, now: Date): Rig {
  const { programCore, loadCore, secondsPerRun, rounds } = settings
  return {
    date: now.toISOString(),
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 1e9),
    kernel: release(),
    programCore,
    loadCore,
    secondsPerRun,
    rounds,
    versions,
  }
}

/** Moves this process to one core. A bench that waits and signs stays off the core of the program under test. */
export function moveTo(core: number): void {
  execFileSync('taskset', ['-a', '-p', '-c', String(core), String(process.pid)], { stdio: 'ignore' })
}

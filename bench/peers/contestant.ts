import { truncateSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type PinnedProcess, type Program, startPinned, untilListening } from '../machine/process.ts'

/** A running program under test, and where it is called. */
export interface Contestant {
  readonly name: string
  readonly url: string
  readonly pid: number
  /** After a run: forgets the lines it wrote, which would fill the disk. @throws Error when it ended by itself */
  afterRun(): void
  stop(): Promise<void>
}

/** What every contestant needs to start. */
export interface Place {
  /** For its configuration and its log; made by whoever starts it. */
  readonly directory: string
  readonly core: number
  readonly originPort: number
}

/** Whether a line per request is written to a file. */
export type Lines = 'written' | 'off'

/**
 * Starts a program and waits until it takes connections.
 * @param lineFile is appended to, a line per request
 */
export async function startContestant(program: Program, port: number, lineFile?: string): Promise<Contestant> {
  const running: PinnedProcess = startPinned(program)
  try {
    await untilListening(program.name, running, port)
  } catch (error) {
    await running.stop()
    throw error
  }
  return {
    name: program.name,
    url: `http://127.0.0.1:${port}`,
    pid: running.pid,
    afterRun() {
      if (running.hasEnded()) throw new Error(`${program.name} ended:\n${running.said()}`)
      if (lineFile !== undefined) truncateSync(lineFile)
    },
    stop: running.stop,
  }
}

/** A rig's directory and all that runs in it; whatever happens, both are gone afterwards. */
export async function withContestants<T>(
  work: (directory: string, add: <C extends Contestant>(starting: Promise<C>) => Promise<C>) => Promise<T>,
): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'latchkey-bench-'))
  const started: Contestant[] = []
  try {
    return await work(directory, async starting => {
      const contestant = await starting
      started.push(contestant)
      return contestant
    })
  } finally {
    for (const contestant of started.reverse()) await contestant.stop()
    await rm(directory, { recursive: true, force: true })
  }
}

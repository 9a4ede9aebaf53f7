import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { limitMemory } from './memory-limit.ts'

/** A process as the chart runs it: with its limit of memory, beyond which the kernel ends it. */
export interface LimitedProcess {
  readonly pid: number
  /** What it has said so far, a line each; the last 10,000. */
  said(): readonly string[]
  /** How it ended, or undefined while it runs. `SIGKILL` that nobody sent is the limit. */
  ended(): string | undefined
  /** Most memory it has had, bytes. */
  peakBytes(): number
  /** Ends it at once. */
  stop(): Promise<void>
  /** Tells it to end, and waits until it has. */
  terminate(): Promise<void>
}

export interface LimitedStart {
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** The chart's `resources.limits.memory`, MiB. */
  readonly mebibytes: number
  /** Part of the line that says that it is up. */
  readonly upWith: string
}

/** Starts a process within a limit of memory and waits until it is up. @throws Error with what it said when it ends instead */
export async function startLimited({ command, args, env, mebibytes, upWith }: LimitedStart): Promise<LimitedProcess> {
  const limit = limitMemory(mebibytes)
  const child = spawn('/bin/sh', ['-c', `${limit.enter}exec "$0" "$@"`, command, ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  limit.watch(child.pid ?? 0, () => child.kill('SIGKILL'))
  const lines: string[] = []
  const ended = (): string | undefined =>
    child.signalCode ?? (child.exitCode === null ? undefined : `exit ${child.exitCode}`)
  const endBy = async (signal: NodeJS.Signals): Promise<void> => {
    await kill(child, signal)
    await limit.remove()
  }
  const stop = () => endBy('SIGKILL')
  const up = new Promise<void>((resolve, reject) => {
    for (const input of [child.stdout, child.stderr]) {
      createInterface({ input }).on('line', line => {
        if (lines.push(line) > 10_000) lines.shift()
        if (line.includes(upWith)) resolve()
      })
    }
    child.once('exit', () => reject(new Error(`${command} ended (${ended()}):\n${lines.slice(-30).join('\n')}`)))
  })
  try {
    await up
  } catch (error) {
    await stop()
    throw error
  }
  return {
    pid: child.pid ?? 0,
    said: () => lines,
    ended,
    peakBytes: limit.peakBytes,
    stop,
    terminate: () => endBy('SIGTERM'),
  }
}

async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
}

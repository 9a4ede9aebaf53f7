import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type AllReached, type Awaited, machineNow } from './awaiting.ts'
import type { GuardsOrder } from './guards.ts'
import type { WatchersOrder } from './watchers.ts'

/** Many that wait, in a process of their own. */
export interface Crowd {
  /** Writes, and waits until all hold what was written. */
  time(awaited: Awaited, write: () => Promise<unknown>): Promise<Waited>
  /** All hold it already, or will without a write of ours. */
  untilAll(awaited: Awaited, timeoutMs: number): Promise<void>
  stop(): void
}

/** Milliseconds from the acknowledgement to the last; 0 when all were earlier. */
export interface Waited {
  readonly ms: number
  /** With what they waited for each other in their one process. */
  readonly inProcessMs: number
}

const longestMs = 60_000
/** Young objects of a thousand that share a heap would else be old ones at once. */
const nodeOptions = ['--max-semi-space-size=64']

export function startGuards(order: GuardsOrder): Promise<Crowd> {
  return start('./guards.ts', order)
}

export function startWatchers(order: WatchersOrder): Promise<Crowd> {
  return start('./watchers.ts', order)
}

async function start(file: string, order: object): Promise<Crowd> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), { execArgv: nodeOptions })
  const crowd = crowdOf(child)
  await crowd.heard(message => message === 'ready', longestMs)
  child.send({ order })
  await crowd.heard(message => message === 'started', 3 * longestMs)
  return crowd
}

function crowdOf(child: ChildProcess) {
  /** @throws Error when it does not come in time, or the process ends */
  async function heard(fits: (message: unknown) => boolean, timeoutMs: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(timer)
        child.off('message', look).off('exit', fail)
      }
      const look = (message: unknown): void => {
        if (!fits(message)) return
        stop()
        resolve(message)
      }
      const fail = (): void => {
        stop()
        reject(new Error('the process of those that wait ended'))
      }
      const timer = setTimeout(() => {
        stop()
        reject(new Error(`not all hold it after ${timeoutMs} ms`))
      }, timeoutMs)
      child.on('message', look).on('exit', fail)
    })
  }

  async function arm(awaited: Awaited, timeoutMs: number): Promise<{ all: Promise<AllReached> }> {
    const all = heard(message => message !== 'armed', timeoutMs) as Promise<AllReached>
    // Until it is waited for.
    all.catch(() => {})
    const armed = heard(message => message === 'armed', timeoutMs)
    child.send({ awaited })
    await armed
    return { all }
  }

  return {
    heard,
    async time(awaited: Awaited, write: () => Promise<unknown>): Promise<Waited> {
      const { all } = await arm(awaited, longestMs)
      await write()
      const acknowledgedAt = machineNow()
      const { lastAt, lastInProcessAt } = await all
      return { ms: Math.max(0, lastAt - acknowledgedAt), inProcessMs: Math.max(0, lastInProcessAt - acknowledgedAt) }
    },
    async untilAll(awaited: Awaited, timeoutMs: number): Promise<void> {
      await (await arm(awaited, timeoutMs)).all
    },
    stop: (): void => {
      if (child.connected) child.disconnect()
    },
  }
}

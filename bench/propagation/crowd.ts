import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type AllReached, type Awaited, machineNow } from './awaiting.ts'
import type { GuardsOrder } from './guards.ts'
import type { WatchersOrder } from './watchers.ts'

/** Many that wait, in a process of their own. */
export interface Crowd {
  /**
   * Writes, and waits until all hold what was written.
   * @returns milliseconds from the acknowledgement to the last; 0 when all were earlier
   */
  time(awaited: Awaited, write: () => Promise<unknown>): Promise<number>
  /** All hold it already, or will without a write of ours. */
  untilAll(awaited: Awaited, timeoutMs: number): Promise<void>
  stop(): void
}

const longestMs = 60_000

export async function startGuards(order: GuardsOrder): Promise<Crowd> {
  return crowdOf(await start('./guards.ts', order))
}

export async function startWatchers(order: WatchersOrder): Promise<Crowd> {
  return crowdOf(await start('./watchers.ts', order))
}

async function start(file: string, order: object): Promise<ChildProcess> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)))
  await once(child, 'message')
  child.send({ order })
  return child
}

function crowdOf(child: ChildProcess): Crowd {
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
    async time(awaited, write) {
      const { all } = await arm(awaited, longestMs)
      await write()
      const acknowledgedAt = machineNow()
      return Math.max(0, (await all).lastAt - acknowledgedAt)
    },
    async untilAll(awaited, timeoutMs) {
      await (await arm(awaited, timeoutMs)).all
    },
    stop: () => {
      if (child.connected) child.disconnect()
    },
  }
}

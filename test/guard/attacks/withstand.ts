import { expect } from 'vitest'
import { type CrowdOptions, gather } from './crowd.ts'
import { call1, callMeanwhile } from './good-caller.ts'
import { startLimitedGuard } from './limited-guard.ts'

export interface Attempt extends Omit<CrowdOptions, 'port'> {
  /** How long they go on once all are there. */
  readonly seconds: number
  /** What is counted of them. */
  readonly limit?: string
  /** Of the guard's memory limit; default: the chart's. */
  readonly mebibytes?: number
  /** How the good caller speaks. */
  readonly call?: typeof call1
}

/** Within its chart's memory a guard is attacked: it lives, counts what it refuses, and a good caller gets every answer. */
export async function withstand(
  directory: string,
  { seconds, limit, mebibytes, call = call1, ...crowd }: Attempt,
): Promise<void> {
  const guard = await startLimitedGuard(directory, {}, mebibytes)
  try {
    const attack = async (): Promise<void> => {
      const strangers = await gather({ ...crowd, port: guard.port })
      await new Promise(resolve => setTimeout(resolve, seconds * 1_000))
      // On a slow machine it takes longer until there is as much as the limit.
      if (limit) await expect.poll(() => guard.limitsHit(limit)).toBeGreaterThan(0)
      await strangers.leave()
    }
    const { statuses } = await callMeanwhile(guard.port, attack(), call)
    expect([guard.process.ended(), Object.keys(statuses)]).toEqual([undefined, ['200']])
  } finally {
    await guard.stop()
  }
}

import { get } from 'node:http'
import type { Row } from '../../core/rows/rows.ts'
import { startPinned } from '../machine/process.ts'
import type { Place } from '../peers/contestant.ts'
import { injectedGuard } from '../peers/latchkey.ts'
import { takeTurns } from '../turns.ts'

/** Milliseconds from the start of the process, one per try. */
export interface StartTimes {
  /** Until /readyz of a guard says yes. */
  readonly guardMs: readonly number[]
  /** Until a Node that does nothing has ended. */
  readonly bareNodeMs: readonly number[]
}

/** A guard with these rows starts from its stored snapshot; the issuer is away. */
export async function measureStart(
  node: string,
  place: Place,
  rows: readonly Row[],
  tries: number,
): Promise<StartTimes> {
  const { program, adminPort } = await injectedGuard(node, place, { name: 'starting', rows, lines: 'written' })
  const runs = await takeTurns(['guard', 'bare'] as const, tries, async which => {
    const begun = performance.now()
    const bare = { ...program, name: 'node', args: ['-e', '0'] }
    const running = startPinned(which === 'guard' ? program : bare)
    try {
      const isDone = (): Promise<boolean> | boolean => (which === 'guard' ? isReady(adminPort) : running.hasEnded())
      while (!(await isDone())) {
        if (which === 'guard' && running.hasEnded()) throw new Error(`the guard ended:\n${running.said()}`)
        if (performance.now() - begun > 60_000) throw new Error(`not ready after 60 s:\n${running.said()}`)
        await new Promise(resolve => setTimeout(resolve, 2))
      }
      return performance.now() - begun
    } finally {
      await running.stop()
    }
  })
  return { guardMs: runs.get('guard') ?? [], bareNodeMs: runs.get('bare') ?? [] }
}

function isReady(adminPort: number): Promise<boolean> {
  return new Promise(resolve => {
    const asking = get({ host: '127.0.0.1', port: adminPort, path: '/readyz', agent: false }, answer => {
      answer.resume()
      resolve(answer.statusCode === 200)
    })
    asking.on('error', () => resolve(false))
  })
}

import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Row } from '../../core/rows/rows.ts'
import type { Place } from '../peers/contestant.ts'
import { startGuardFromSnapshot } from '../peers/latchkey.ts'

/** After this what belongs to the start is done. */
const settleMs = 10_000
const measuredMs = 60_000

/** How much of a core a guard takes that nobody calls, percent. The issuer is away: to look for it again counts too. */
export async function measureIdle(node: string, place: Place, rows: readonly Row[]): Promise<number> {
  const guard = await startGuardFromSnapshot(node, place, { name: 'idle', rows, lines: 'written' })
  try {
    await sleep(settleMs)
    const before = processorMs(guard.pid)
    await sleep(measuredMs)
    return ((processorMs(guard.pid) - before) / measuredMs) * 100
  } finally {
    await guard.stop()
  }
}

/** Processor time that a process has used, in steps of 10 ms: `man 5 proc`, utime and stime. */
function processorMs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

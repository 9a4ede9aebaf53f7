import { readFileSync } from 'node:fs'

/** Time a core spent since the machine started, in ticks. */
export interface CoreTime {
  readonly busy: number
  readonly idle: number
}

/** Reads one core's line of /proc/stat. @throws Error when there is no such core */
export function readCoreTime(core: number, stat: string = readFileSync('/proc/stat', 'utf8')): CoreTime {
  const line = new RegExp(`^cpu${core} (.*)$`, 'm').exec(stat)?.[1]
  if (line === undefined) throw new Error(`this machine has no core ${core}`)
  // user nice system idle iowait irq softirq steal; what follows is part of user.
  const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, softIrq = 0, steal = 0] = line
    .trim()
    .split(/\s+/)
    .map(Number)
  return { busy: user + nice + system + irq + softIrq + steal, idle: idle + wait }
}

/** Share of the time between the two that the core worked, 0 to 1. */
export function busyShare(before: CoreTime, after: CoreTime): number {
  const busy = after.busy - before.busy
  const all = busy + after.idle - before.idle
  return all === 0 ? 0 : busy / all
}

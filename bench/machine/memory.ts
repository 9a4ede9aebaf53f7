import { readdirSync, readFileSync } from 'node:fs'

/** Resident memory in a text of smaps_rollup or status, in MB of 1,000,000 bytes. @throws Error when it has none */
export function parseResidentMb(text: string): number {
  const kilobytes = /^(?:Rss|VmRSS):\s+(\d+) kB$/m.exec(text)?.[1]
  if (kilobytes === undefined) throw new Error('the process has no resident memory')
  return (Number(kilobytes) * 1024) / 1e6
}

/** Resident memory of a process and its children, in MB, counted page by page. */
export function residentMb(pid: number): number {
  return sumOf(pid, 'smaps_rollup')
}

/** The kernel's running count: as good to some 100 KB, and reading it holds up nobody. */
function quickResidentMb(pid: number): number {
  return sumOf(pid, 'status')
}

function sumOf(pid: number, file: 'smaps_rollup' | 'status'): number {
  const all = [pid, ...childrenOf(pid)]
  return all.reduce((sum, one) => sum + parseResidentMb(readFileSync(`/proc/${one}/${file}`, 'utf8')), 0)
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap(task => {
    const children = readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim()
    return children === '' ? [] : children.split(' ').map(Number)
  })
}

export interface MemorySample {
  /** Since sampling began. */
  readonly seconds: number
  readonly mb: number
}

/** Looks every `everyMs` until it is stopped. */
export function sampleResidentMb(pid: number, everyMs: number): { stop(): MemorySample[] } {
  const begun = performance.now()
  const samples: MemorySample[] = []
  const look = (): void => {
    try {
      samples.push({ seconds: (performance.now() - begun) / 1_000, mb: quickResidentMb(pid) })
    } catch {
      // It has ended; whoever started it says why.
    }
  }
  const timer = setInterval(look, everyMs)
  return {
    stop() {
      clearInterval(timer)
      look()
      return samples
    },
  }
}

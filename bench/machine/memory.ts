import { readdirSync, readFileSync } from 'node:fs'

/** Megabytes of 1,000,000 bytes. */
export interface Resident {
  /** All that is resident. */
  readonly mb: number
  /** The part that is the process's own: files, such as the program, are shared by all that run it. */
  readonly ownMb: number
}

/** Reads resident memory from a text of smaps_rollup or status. @throws Error when it has none */
export function parseResident(text: string): Resident {
  const megabytes = (pattern: RegExp): number => {
    const kilobytes = pattern.exec(text)?.[1]
    if (kilobytes === undefined) throw new Error('the process has no resident memory')
    return (Number(kilobytes) * 1024) / 1e6
  }
  return { mb: megabytes(/^(?:Rss|VmRSS):\s+(\d+) kB$/m), ownMb: megabytes(/^(?:Anonymous|RssAnon):\s+(\d+) kB$/m) }
}

/** Memory of a process and its children, counted page by page. */
export function residentMemory(pid: number): Resident {
  return sumOf(pid, 'smaps_rollup')
}

function sumOf(pid: number, file: 'smaps_rollup' | 'status'): Resident {
  const all = [pid, ...childrenOf(pid)].map(one => parseResident(readFileSync(`/proc/${one}/${file}`, 'utf8')))
  return { mb: sum(all.map(({ mb }) => mb)), ownMb: sum(all.map(({ ownMb }) => ownMb)) }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap(task => {
    const children = readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim()
    return children === '' ? [] : children.split(' ').map(Number)
  })
}

export interface MemorySample extends Resident {
  /** Since sampling began. */
  readonly seconds: number
}

/**
 * Looks every `everyMs` until it is stopped, at the kernel's running count: as good to some 100 KB, and reading it holds
 * up nobody.
 */
export function sampleMemory(pid: number, everyMs: number): { stop(): MemorySample[] } {
  const begun = performance.now()
  const samples: MemorySample[] = []
  const look = (): void => {
    try {
      samples.push({ seconds: (performance.now() - begun) / 1_000, ...sumOf(pid, 'status') })
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

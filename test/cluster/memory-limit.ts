import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const mountPoint = '/sys/fs/cgroup'

/** A bound on the memory of one process and its children: a cgroup of v1 or v2, or a watch over the high-water mark. */
export interface MemoryLimit {
  /** What a shell runs before it becomes the program, so that not one page is counted elsewhere. */
  readonly enter: string
  /** Begins to watch, where no cgroup does. @param kill ends the process, as the kernel would */
  watch(pid: number, kill: () => void): void
  /** Most it has had so far, bytes. */
  peakBytes(): number
  /** The process is gone. */
  remove(): Promise<void>
}

let counter = 0

/**
 * A limit in the kernel where this user may make cgroups, else by watching. Address space is not limited (V8 reserves
 * it), nor the heap alone (buffers lie outside of it).
 */
export function limitMemory(mebibytes: number): MemoryLimit {
  const bytes = mebibytes * 1024 * 1024
  const name = `latchkey-limit-${process.pid}-${counter++}`
  return (existsSync(join(mountPoint, 'cgroup.controllers')) ? inV2(name, bytes) : inV1(name, bytes)) ?? watched(bytes)
}

function inV1(name: string, bytes: number): MemoryLimit | undefined {
  const group = join(mountPoint, 'memory', name)
  const made = attempt(() => {
    mkdirSync(group)
    writeFileSync(join(group, 'memory.limit_in_bytes'), String(bytes))
  })
  return made ? ofGroup(group, 'memory.max_usage_in_bytes') : undefined
}

function inV2(name: string, bytes: number): MemoryLimit | undefined {
  const group = join(mountPoint, name)
  const made = attempt(() => {
    const children = join(mountPoint, 'cgroup.subtree_control')
    if (!readFileSync(children, 'utf8').split(/\s/).includes('memory')) writeFileSync(children, '+memory')
    mkdirSync(group)
    writeFileSync(join(group, 'memory.max'), String(bytes))
    // Else the kernel would swap instead of ending it.
    if (existsSync(join(group, 'memory.swap.max'))) writeFileSync(join(group, 'memory.swap.max'), '0')
  })
  return made ? ofGroup(group, 'memory.peak') : undefined
}

function attempt(make: () => void): boolean {
  try {
    make()
    return true
  } catch {
    return false
  }
}

function ofGroup(group: string, peakFile: string): MemoryLimit {
  return {
    enter: `echo $$ > '${join(group, 'cgroup.procs')}' && `,
    watch: () => {},
    peakBytes: () => Number(readFileSync(join(group, peakFile), 'utf8')),
    async remove() {
      // The kernel takes a moment to let go of a group whose last process has ended.
      for (let tries = 0; existsSync(group) && tries < 100; tries++) {
        if (attempt(() => rmdirSync(group))) return
        await sleep(20)
      }
    },
  }
}

/** Looks ten times a second: what grows and shrinks between two looks is in the high-water mark all the same. */
function watched(bytes: number): MemoryLimit {
  let timer: NodeJS.Timeout | undefined
  let peak = 0
  return {
    enter: '',
    watch(pid, kill) {
      timer = setInterval(() => {
        peak = Math.max(peak, highWaterMark(pid))
        if (peak > bytes) kill()
      }, 100)
      timer.unref()
    },
    peakBytes: () => peak,
    async remove() {
      clearInterval(timer)
    },
  }
}

/** `VmHWM`, bytes; 0 when the process is gone. */
function highWaterMark(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}

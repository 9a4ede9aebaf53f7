import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isAlive, startTimeOf } from './processes.ts'
import { say, until } from './progress.ts'

/**
 * Does the work while no other process of this machine holds the lock. The lock is a directory, which only one can
 * make; it names its holder, so that one left by a killed process is taken over.
 */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  let said = false
  await until(
    `lock ${path}; remove it if nobody holds it`,
    30 * 60_000,
    () => {
      if (take(path)) return true
      if (!said) say(`  waiting for another process (${path})`)
      said = true
      return false
    },
    250,
  )
  try {
    return await work()
  } finally {
    drop(path)
  }
}

function take(path: string): boolean {
  const mine = `${path}.${randomUUID()}`
  mkdirSync(mine, { recursive: true })
  writeFileSync(join(mine, 'holder'), JSON.stringify({ pid: process.pid, startTime: startTimeOf(process.pid) }))
  try {
    // Fails when the target is a directory with something in it: a lock that is held is never replaced.
    renameSync(mine, path)
    return true
  } catch {
    rmSync(mine, { recursive: true, force: true })
    if (holderGone(path)) drop(path)
    return false
  }
}

/** Renamed first: removing in place would leave an empty directory for a moment, which another could replace. */
function drop(path: string): void {
  const dropped = `${path}.${randomUUID()}`
  try {
    renameSync(path, dropped)
  } catch {
    return
  }
  rmSync(dropped, { recursive: true, force: true })
}

function holderGone(path: string): boolean {
  try {
    return !isAlive(JSON.parse(readFileSync(join(path, 'holder'), 'utf8')))
  } catch {
    // Released between the two reads, or just being released.
    return false
  }
}

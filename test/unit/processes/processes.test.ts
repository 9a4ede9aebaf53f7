import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { withLock } from '../../cluster/lock.ts'
import { isAlive, processesIn, startProcess, startTimeOf, stopProcess } from '../../cluster/processes.ts'

let directory = ''

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'processes-'))
})

afterAll(() => rmSync(directory, { recursive: true, force: true }))

describe('a process record', () => {
  it('is alive until the process is stopped', async () => {
    const log = join(directory, 'sleep.log')
    const record = startProcess(directory, 'sleep', { command: 'sleep', args: ['60'], log, detached: false })
    expect(processesIn(directory)).toEqual([record])
    expect(isAlive(record)).toBe(true)
    await stopProcess(record, 1_000)
    expect(isAlive(record)).toBe(false)
  })

  it('is not alive when another process has the pid now', () => {
    expect(isAlive({ pid: process.pid, startTime: startTimeOf(process.pid) ?? '' })).toBe(true)
    expect(isAlive({ pid: process.pid, startTime: '1' })).toBe(false)
  })
})

describe('withLock', () => {
  it('lets one in at a time', async () => {
    let inside = 0
    let most = 0
    const work = async () => {
      most = Math.max(most, ++inside)
      await new Promise(resolve => setTimeout(resolve, 5))
      inside--
    }
    const path = join(directory, 'lock')
    await Promise.all(Array.from({ length: 4 }, () => withLock(path, work)))
    expect(most).toBe(1)
  })

  it('takes over from a holder that was killed', async () => {
    const path = join(directory, 'left')
    mkdirSync(path)
    writeFileSync(join(path, 'holder'), JSON.stringify({ pid: process.pid, startTime: '1' }))
    expect(await withLock(path, async () => 'done')).toBe('done')
    expect(existsSync(path)).toBe(false)
  })
})

import { expect, test } from 'vitest'
import { parseResident, residentMemory } from '../../../bench/machine/memory.ts'
import { busyShare, readCoreTime } from '../../../bench/machine/processor.ts'

const stat = `cpu  400 0 200 1000 40 0 8 4 0 0
cpu0 300 5 100 600 20 1 6 3 7 0
cpu1 100 0 100 400 20 0 2 1 0 0
intr 1 2 3
`

test('reads the time of one core; what a guest used is counted once', () => {
  expect(readCoreTime(0, stat)).toEqual({ busy: 300 + 5 + 100 + 1 + 6 + 3, idle: 620 })
  expect(readCoreTime(1, stat)).toEqual({ busy: 203, idle: 420 })
  expect(() => readCoreTime(2, stat)).toThrow('no core 2')
})

test('the share is of the time between two looks', () => {
  expect(busyShare({ busy: 100, idle: 100 }, { busy: 190, idle: 110 })).toBe(0.9)
  expect(busyShare({ busy: 1, idle: 1 }, { busy: 1, idle: 1 })).toBe(0)
})

test('reads resident memory of smaps_rollup and of status', () => {
  const rollup = '55d0-7ffd ---p 00000000 00:00 0 [rollup]\nRss:   1000 kB\nPss: 900 kB\nAnonymous:   500 kB\n'
  expect(parseResident(rollup)).toEqual({ mb: 1.024, ownMb: 0.512 })
  const status = 'Name:\tnode\nVmHWM:\t  9000 kB\nVmRSS:\t    2000 kB\nRssAnon:\t    1000 kB\n'
  expect(parseResident(status)).toEqual({ mb: 2.048, ownMb: 1.024 })
  expect(() => parseResident('Name:\tkthreadd\n')).toThrow('no resident memory')
})

test('counts this process', () => {
  const { mb, ownMb } = residentMemory(process.pid)
  expect(mb).toBeGreaterThan(10)
  expect(ownMb).toBeLessThan(mb)
})

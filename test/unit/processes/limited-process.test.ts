import { expect, it } from 'vitest'
import { startLimited } from '../../cluster/limited-process.ts'

const program = (script: string) => ({
  command: process.execPath,
  args: ['--eval', `${script}; console.log('it is up'); setInterval(() => {}, 1_000)`],
  upWith: 'it is up',
})

it('ends a process that takes more memory than its limit, buffers outside of the heap included', async () => {
  const greedy = 'const held = []; setInterval(() => held.push(Buffer.alloc(8 << 20, 1)), 5)'
  const limited = await startLimited({ ...program(greedy), mebibytes: 128 })
  try {
    await expect.poll(limited.ended).toBe('SIGKILL')
    expect(limited.peakBytes()).toBeGreaterThan(100 << 20)
  } finally {
    await limited.stop()
  }
})

it('lets a process live that stays below its limit, and says how much it had', async () => {
  const limited = await startLimited({ ...program('const held = Buffer.alloc(32 << 20, 1)'), mebibytes: 192 })
  try {
    await expect.poll(limited.peakBytes).toBeGreaterThan(32 << 20)
    expect(limited.peakBytes()).toBeLessThan(192 << 20)
    expect(limited.ended()).toBeUndefined()
    expect(limited.said()).toEqual(['it is up'])
  } finally {
    await limited.stop()
  }
})

it('tells what a process said that ends at once', async () => {
  const broken = { command: process.execPath, args: ['--eval', 'console.log("no port"); process.exit(3)'] }
  await expect(startLimited({ ...broken, mebibytes: 128, upWith: 'up' })).rejects.toThrow(/exit 3\):\nno port/)
})

it('tells a process to end, and waits until it has done what it does then', async () => {
  const limited = await startLimited({
    ...program('process.on("SIGTERM", () => setTimeout(() => process.exit(7), 100))'),
    mebibytes: 128,
  })
  await limited.terminate()
  expect(limited.ended()).toBe('exit 7')
})

import { afterAll, beforeAll, expect, it } from 'vitest'
import { maxSliceBytes } from '../../core/rows/frames.ts'
import { bundleGuard } from '../guard/bundled-guard.ts'
import { rowsOfClients, rowsOfSize, sendSlices } from '../guard/large-slice.ts'

const mebibyte = 1_048_576

let bundles: Awaited<ReturnType<typeof bundleGuard>>
beforeAll(async () => {
  bundles = await bundleGuard()
})
afterAll(() => bundles?.remove())

it('S04 a guard of the chart’s memory takes the largest slice it may, and others in its place, and answers all the while', async () => {
  const slices = Array.from({ length: 5 }, () => rowsOfSize(7.5 * mebibyte))
  const guard = await sendSlices(bundles.directory, slices)
  await expect.poll(guard.taken, { timeout: 60_000 }).toBeGreaterThan(0)
  while (guard.taken() < slices.length) expect(await guard.call()).toBe(200)
  expect(guard.process.ended()).toBeUndefined()
  await guard.stop()
})

it('S04 a slice that is larger than its memory allows is not taken, and what it has stays', async () => {
  const guard = await sendSlices(bundles.directory, [rowsOfSize(mebibyte), rowsOfSize(40 * mebibyte)])
  await expect.poll(() => guard.process.said().join(''), { timeout: 60_000 }).toContain('too large for this guard')
  expect(guard.taken()).toBe(1)
  expect(await guard.call()).toBe(200)
  expect(guard.process.ended()).toBeUndefined()
  await guard.stop()
})

it('100,000 clients of one service fit into a guard of 768Mi, and others in their place; it answers all the while', async () => {
  const slices = Array.from({ length: 3 }, () => rowsOfClients(100_000))
  const guard = await sendSlices(bundles.directory, slices, 768)
  await expect.poll(guard.taken, { timeout: 240_000 }).toBeGreaterThan(0)
  while (guard.taken() < slices.length) expect(await guard.call()).toBe(200)
  expect(guard.process.ended()).toBeUndefined()
  await expect.poll(guard.stored, { timeout: 60_000 }).toBeGreaterThan(40 * mebibyte)
  // Of its volume, a half that is as large as any slice.
  expect(await guard.stored()).toBeLessThan(maxSliceBytes)
  console.log({
    peakMebibytes: guard.process.peakBytes() / mebibyte,
    storedMebibytes: (await guard.stored()) / mebibyte,
  })
  await guard.restartAlone()
  expect(await guard.call()).toBe(200)
  expect(guard.process.ended()).toBeUndefined()
  await guard.stop()
})

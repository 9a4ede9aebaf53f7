import { afterAll, beforeAll, expect, it } from 'vitest'
import { bundleGuard } from './bundled-guard.ts'
import { rowsOfSize, sendSlices } from './large-slice.ts'

let bundles: Awaited<ReturnType<typeof bundleGuard>>
beforeAll(async () => {
  bundles = await bundleGuard()
})
afterAll(() => bundles?.remove())

it('S04 a guard of the chart’s memory takes a large slice, and another in its place, answers all the while, and goes on from its disk alone', async () => {
  const size = 3 * 1_048_576
  const guard = await sendSlices(bundles.directory, [rowsOfSize(1_000), rowsOfSize(size), rowsOfSize(size)])
  await expect.poll(guard.taken).toBeGreaterThan(0)
  while (guard.taken() < 3) expect(await guard.call()).toBe(200)
  expect(guard.process.ended()).toBeUndefined()
  await expect.poll(guard.stored).toBeGreaterThan(size)
  await guard.restartAlone()
  expect(await guard.call()).toBe(200)
  await guard.stop()
})

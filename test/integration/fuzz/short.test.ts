import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runCampaign } from '../../fuzz/campaign.ts'
import { batch, knownInputs } from '../../fuzz/generate.ts'
import { guardAt } from '../../fuzz/guard-process.ts'
import type { Input } from '../../fuzz/input.ts'
import { type Origins, startOrigins } from '../../fuzz/origins/start-origins.ts'
import { readRegressions } from '../../fuzz/regressions.ts'

const startGuard = guardAt(join(import.meta.dirname, '../../../guard/main.ts'))
const seed = 20_261_125
let origins: Origins
// Installs nginx, haproxy and Envoy the first time.
beforeAll(async () => {
  origins = await startOrigins()
}, 600_000)
afterAll(() => origins.stop())

async function failuresOf(inputs: Input[]): Promise<readonly unknown[]> {
  const { counts, failures } = await runCampaign({ startGuard, origins: origins.all, inputs })
  expect(counts.inputs).toBe(inputs.length)
  // Enough must get through to where it could be read in two ways.
  expect(counts.shapes).toBeGreaterThan(20)
  expect(counts.replayed).toBeGreaterThanOrEqual(counts.shapes)
  return failures.map(({ kind, what, inputs: [first] }) => ({ kind, what, name: first?.name, text: first?.text }))
}

it('P11 P12 P13 P16 every known gadget is refused, or is one request to each of five servers', async () => {
  expect(await failuresOf([...readRegressions(), ...knownInputs()])).toEqual([])
}, 60_000)

it('P01 P11 P17 P26 2,500 generated connections are refused, or are what was decided to each of five servers', async () => {
  const inputs = Array.from({ length: 5 }, (_, number) => batch(seed, number, 500)).flat()
  expect(await failuresOf(inputs)).toEqual([])
}, 90_000)

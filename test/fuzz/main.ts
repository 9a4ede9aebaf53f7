import { join } from 'node:path'
import { type Campaign, type Counts, type Failure, runCampaign } from './campaign.ts'
import { batch, knownInputs } from './generate.ts'
import { guardAt } from './guard-process.ts'
import type { Input } from './input.ts'
import { startOrigins } from './origins/start-origins.ts'
import { readRegressions, writeRegression } from './regressions.ts'
import { reproduce } from './reproduce.ts'
import { disagreements } from './straight.ts'

/** `make fuzz`. SEED repeats a run, INPUTS says how many, GUARD_MAIN names another guard, FINDINGS another folder. */
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000_000)
const wanted = Number(process.env.INPUTS ?? 1_000_000)
const guardMain = process.env.GUARD_MAIN ?? join(import.meta.dirname, '../../guard/main.ts')
const findings = process.env.FINDINGS
if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(wanted)) throw new Error('SEED and INPUTS are whole numbers')

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

const batchSize = 500
let told = 0
const started = performance.now()
say(`seed ${seed}, ${wanted} inputs; again with: SEED=${seed} INPUTS=${wanted} make fuzz`)
const origins = await startOrigins()
const startGuard = guardAt(guardMain)
try {
  const campaign = await runCampaign({ startGuard, origins: origins.all, inputs: inputsOf(wanted), progress })
  const straight = inputsStraight()
  const disagreed = await disagreements(origins.all, straight)
  say(`${disagreed.length} of ${straight.length} inputs sent straight to the origins were read in more than one way`)
  await report(campaign)
  const isDone = campaign.failures.length === 0 && campaign.counts.inputs >= wanted && disagreed.length > 0
  process.exitCode = isDone ? 0 : 1
} finally {
  await origins.stop()
}

function* inputsOf(most: number): Generator<Input> {
  let left = most
  const known = [...readRegressions(), ...knownInputs()]
  for (const input of known) if (left-- > 0) yield input
  for (let number = 0; left > 0; number++) {
    for (const input of batch(seed, number, batchSize)) if (left-- > 0) yield input
  }
}

/** A small share goes to the origins with no guard between: were it all read alike, the run would prove nothing. */
function inputsStraight(): Input[] {
  return [...inputsOf(400)]
}

function progress(counts: Counts, failures: readonly Failure[]): void {
  for (const { kind, what, inputs } of failures.slice(told)) say(`FAIL ${kind}: ${what} (${inputs[0]?.name})`)
  told = failures.length
  const { inputs, allowed, denied, forwarded, shapes, replayed } = counts
  const seconds = (performance.now() - started) / 1_000
  const perSecond = Math.round(inputs / seconds)
  say(
    `${seconds.toFixed(0)} s: ${inputs} inputs (${perSecond}/s), ${allowed} allowed, ${denied} denied, ${forwarded} forwarded, ${shapes} shapes, ${replayed} replayed to each origin, ${failures.length} failures`,
  )
}

async function report({ failures }: Campaign): Promise<void> {
  for (const failure of failures) {
    say(`FAIL ${failure.kind}: ${failure.what}`)
    const small = await reproduce(failure, { startGuard, origins: origins.all })
    const [first] = failure.inputs
    if (!small) say(`     does not show by itself; came up with ${failure.inputs.map(({ name }) => name).join('; ')}`)
    const { input, found } = small ?? { input: first, found: failure }
    if (!input) continue
    const { kind, what } = found
    say(`     ${JSON.stringify(input.text)}\n     ${writeRegression({ ...input, found: { kind, what } }, findings)}`)
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

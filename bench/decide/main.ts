import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runScript, step } from '../../test/cluster/progress.ts'
import { prepareOpa, prepareTools, versionsOf } from '../peers/tools.ts'
import { type Call, workingSet } from '../policy/working-set.ts'
import { type Figure, writeFigures } from '../results.ts'
import { describeRig, moveTo } from '../rig.ts'
import { readSettings, type Settings } from '../settings.ts'
import { median } from '../statistics.ts'
import { takeTurns } from '../turns.ts'
import { decideBatch, denyBatch, firstTokenBatch, lookupBatch, verifyBatch } from './batches.ts'
import { type Opa, startOpa } from './opa.ts'
import { createWorld, prepareCalls, type World } from './world.ts'

const few = { clients: 10, rules: 10 }
const many = { clients: 100_000, rules: 10_000 }
const tokens = 1_000
const few10 = 'Latchkey, 10 clients, 10 rules'

await runScript(async () => {
  const settings = readSettings(process.env)
  const versions = await versionsOf(await prepareTools())
  const opa = await prepareOpa()
  moveTo(settings.programCore)
  const rig = describeRig(settings, versions, new Date())
  const directory = await mkdtemp(join(tmpdir(), 'latchkey-bench-'))
  const running: Opa[] = []
  try {
    const small = createWorld(few, tokens)
    const large = await step('100,000 clients', async () => createWorld(many, tokens))
    const worlds = await step('100,000 tokens', async () => ({
      small,
      same: withCalls(large, small.calls),
      large,
      all: withCalls(large, workingSet(many.clients, many, large.clients, large.now)),
    }))
    for (const world of [small, large]) {
      running.push(await startOpa(opa, world, { directory, core: settings.programCore }))
    }
    const figures = await step('decisions', () => measure(worlds, running, settings))
    writeFigures('decide', 'decide', rig, figures)
  } finally {
    for (const one of running) await one.stop()
    await rm(directory, { recursive: true, force: true })
  }
})

interface Worlds {
  /** 10 clients, 10 rules, 1,000 tokens. */
  readonly small: World
  /** 100,000 clients, 10,000 rules, the very same tokens. */
  readonly same: World
  /** The same policy, 1,000 tokens of as many clients. */
  readonly large: World
  /** The same policy, a token of every client. */
  readonly all: World
}

function withCalls(world: World, calls: readonly Call[]): World {
  return { ...world, calls: prepareCalls(calls, world.snapshot, world.now) }
}

/** What is timed, by name, and how many of it make a batch of some milliseconds. */
interface Timed {
  readonly name: string
  readonly count: number
  batch(count: number): number | Promise<number>
}

async function measure({ small, same, large, all }: Worlds, opas: readonly Opa[], settings: Settings) {
  const [opaSmall, opaLarge] = opas
  if (!opaSmall || !opaLarge) throw new Error('OPA does not run')
  // Long batches: what another one left in the processor's caches must not count.
  const decisions: Timed[] = [
    { name: 'few', count: 50_000, batch: decideBatch(small) },
    { name: 'same', count: 50_000, batch: decideBatch(same) },
    { name: 'many', count: 50_000, batch: decideBatch(large) },
    { name: 'all', count: many.clients, batch: decideBatch(all) },
    { name: 'deny', count: 50_000, batch: denyBatch(small) },
    { name: 'lookup', count: 50_000, batch: lookupBatch(small) },
    { name: 'opa-few', count: tokens, batch: opaSmall.decide },
    { name: 'opa-many', count: tokens, batch: opaLarge.decide },
  ]
  const proofs: Timed[] = [
    { name: 'first-token', count: 100, batch: firstTokenBatch(small) },
    { name: 'verify', count: 100, batch: verifyBatch(small) },
    { name: 'first-token-many', count: 100, batch: firstTokenBatch(large) },
    { name: 'verify-many', count: 100, batch: verifyBatch(large) },
  ]
  const { rounds } = settings
  const times = [...(await timesOf(decisions, rounds * 10)), ...(await timesOf(proofs, rounds * 50))]
  return figuresOf(new Map(times), rounds)
}

async function timesOf(timed: readonly Timed[], rounds: number): Promise<[string, number][]> {
  // Until the compiler has seen enough of all of them.
  for (let round = 0; round < 3; round++) for (const { batch, count } of timed) await batch(count)
  const runs = await takeTurns(timed, rounds, ({ batch, count }) => batch(count))
  return [...runs].map(([{ name }, samples]) => [name, median(samples)])
}

function figuresOf(times: ReadonlyMap<string, number>, rounds: number): Figure[] {
  const ns = (name: string): number => times.get(name) ?? Number.NaN
  const figure = (name: string, ours: string, peer: string, theirs: string): Figure => ({
    name,
    unit: 'ns',
    value: ns(ours),
    peer: { name: peer, value: ns(theirs) },
    n: rounds * 10,
  })
  return [
    figure('decide-cached-ns', 'few', 'OPA, the same policy', 'opa-few'),
    figure('decide-100000-clients-vs-10', 'same', few10, 'few'),
    figure('decide-100000-clients-1000-active-vs-10', 'many', few10, 'few'),
    figure('decide-100000-clients-all-active-vs-10', 'all', few10, 'few'),
    figure('decide-100000-clients-vs-opa', 'many', 'OPA, the same policy', 'opa-many'),
    figure('decide-denied-ns', 'deny', few10, 'few'),
    figure('lookup-and-decide-ns', 'lookup', few10, 'few'),
    { ...figure('first-token-vs-ed25519-verify', 'first-token', 'Ed25519 verification', 'verify'), n: rounds * 50 },
    {
      ...figure('first-token-100000-clients-vs-verify', 'first-token-many', 'Ed25519 verification', 'verify-many'),
      n: rounds * 50,
    },
  ]
}

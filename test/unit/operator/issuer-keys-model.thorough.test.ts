import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { IssuerAlgorithm } from '../../../core/keys/issuer-keys.ts'
import type { IssuerKeys } from '../../../operator/certificates/issuer-keys.ts'
import { createIssuerKeysWorld, publishAheadSeconds } from './issuer-keys-world.ts'

/** What may happen next. A leader takes one step of its requests at a time, so every interleaving is reached. */
type Step =
  | { do: 'step' | 'go-on' | 'crash'; leader: 0 | 1 }
  | { do: 'wait'; seconds: number }
  | { do: 'read' | 'sign'; replica: number }
  | { do: 'choose'; algorithms: readonly IssuerAlgorithm[] }
  | { do: 'replica' | 'all-read' | 'request' | 'delete' }

const leader = fc.constantFrom(0 as const, 1 as const)
const replica = fc.nat(2)
// RSA keys take long to make: nothing else about them is different here.
const choices = fc.constantFrom<readonly IssuerAlgorithm[]>(['Ed25519', 'ES256'], ['ES256'], ['ES256', 'Ed25519'])
const singles = (steps: { weight: number; arbitrary: fc.Arbitrary<Step> }[]) =>
  steps.map(({ weight, arbitrary }) => ({ weight, arbitrary: arbitrary.map(step => [step]) }))

/** A rotation up to where the old key has just signed its last: what comes then is left to chance. */
const rotation: Step[] = [
  { do: 'request' },
  { do: 'go-on', leader: 0 },
  { do: 'all-read' },
  { do: 'go-on', leader: 0 },
  { do: 'wait', seconds: publishAheadSeconds + 600 },
  { do: 'all-read' },
  { do: 'sign', replica: 0 },
  { do: 'go-on', leader: 0 },
]
const history = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: fc.constant(rotation) },
      ...singles([
        { weight: 40, arbitrary: fc.record({ do: fc.constant('step' as const), leader }) },
        { weight: 20, arbitrary: fc.record({ do: fc.constant('go-on' as const), leader }) },
        { weight: 4, arbitrary: fc.record({ do: fc.constant('crash' as const), leader }) },
        { weight: 12, arbitrary: fc.record({ do: fc.constantFrom('read' as const, 'sign' as const), replica }) },
        {
          weight: 8,
          arbitrary: fc.record({
            do: fc.constant('wait' as const),
            seconds: fc.constantFrom(30, 600, 1_200, 4_000, 2_600_000),
          }),
        },
        { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('replica' as const, 'request' as const) }) },
        { weight: 8, arbitrary: fc.record({ do: fc.constant('all-read' as const) }) },
        { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const) }) },
        { weight: 2, arbitrary: fc.record({ do: fc.constant('choose' as const), algorithms: choices }) },
      ]),
    ),
    { minLength: 40, maxLength: 150 },
  )
  .map(parts => parts.flat())

/** A leader that goes on by one half of a request when told, and may be gone between any two. */
function createActor(start: (turn: () => Promise<void>) => { reconcile(): Promise<unknown> }) {
  let waiting: (() => void) | undefined
  let generation = 0
  const begin = () => {
    const mine = ++generation
    const keys = start(
      () =>
        new Promise<void>(resolve => {
          if (mine === generation) waiting = resolve
        }),
    )
    const loop = async (): Promise<void> => {
      while (mine === generation) await keys.reconcile()
    }
    return loop()
  }
  let running = begin()
  return {
    async step(): Promise<void> {
      const go = waiting
      waiting = undefined
      go?.()
      const failed = await Promise.race([
        running.then(
          () => undefined,
          error => error,
        ),
        settled(() => waiting !== undefined),
      ])
      if (failed) throw failed
    },
    /** What it was about to do it never does. */
    crash(): void {
      waiting = undefined
      running = begin()
    },
    end(): void {
      generation++
    },
  }
}

/** Making a key takes another thread, however long. */
async function settled(isWaiting: () => boolean): Promise<undefined> {
  do await setImmediate()
  while (!isWaiting())
  return undefined
}

async function run(steps: Step[]): Promise<number> {
  const world = createIssuerKeysWorld()
  const leaders = [0, 1].map(at => createActor(turn => world.leader(at as 0 | 1, turn)))
  for (const step of steps) {
    if (step.do === 'step') await leaders[step.leader]?.step()
    else if (step.do === 'go-on') for (let half = 0; half < 16; half++) await leaders[step.leader]?.step()
    else if (step.do === 'crash') leaders[step.leader]?.crash()
    else if (step.do === 'wait') world.pass(step.seconds)
    else if (step.do === 'read') world.readSecret(step.replica)
    else if (step.do === 'all-read') for (const at of [0, 1, 2]) world.readSecret(at)
    else if (step.do === 'sign') world.sign(step.replica)
    else if (step.do === 'replica') world.startReplica()
    else if (step.do === 'choose') world.choose(step.algorithms)
    else if (step.do === 'request') world.request()
    else world.deleteSecret()
  }
  for (const one of leaders) one.end()
  const last = world.leader(0, async () => undefined)
  world.pass(0)
  await settleWith(last)
  world.startReplica()
  await world.rest(() => settleWith(last))
  // Every history ends in the same state: one key of each chosen algorithm signs, and nothing else has a private half.
  expect(
    world
      .keys()
      .map(({ algorithm, state }) => `${algorithm} ${state}`)
      .sort(),
  ).toEqual([...world.chosen()].sort().map(algorithm => `${algorithm} Signing`))
  expect(world.privateFiles()).toBe(world.chosen().length)
  return world.signed.size
}

async function settleWith(keys: IssuerKeys): Promise<void> {
  for (let pass = 0; pass < 20; pass++) if ((await keys.reconcile())?.requeueAfterMs !== 0) return
  throw new Error('does not settle')
}

test('no token of the issuer is signed by an unpublished key, whatever two leaders and their crashes do to a rotation (F07, F09)', async () => {
  await fc.assert(
    fc.asyncProperty(history, async steps => void (await run(steps))),
    { numRuns: 20 },
  )
}, 120_000)

test('the steps of a rotation, one after the other, bring keys that sign and go', async () => {
  const begin: Step[] = [
    { do: 'go-on', leader: 0 },
    { do: 'replica' },
    { do: 'go-on', leader: 0 },
    { do: 'sign', replica: 0 },
  ]
  expect(await run([...begin, ...rotation, ...rotation, ...rotation])).toBeGreaterThan(2)
})

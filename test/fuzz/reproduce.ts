import type { Failure } from './campaign.ts'
import type { StartGuard } from './guard-process.ts'
import type { Input } from './input.ts'
import type { Violation, ViolationKind } from './judge.ts'
import type { Origin } from './origins/seen.ts'
import { replay, shapeOf } from './replay.ts'
import { type Session, startSession } from './session.ts'
import { shrink } from './shrink.ts'

/** How long a single input may keep its connection open before that counts as a hang. */
const deadlineMs = 3_000

/** One input by itself on a guard of its own. @returns all that is wrong with it */
export async function violationsOf(
  input: Input,
  { startGuard, origins }: { startGuard: StartGuard; origins: readonly Origin[] },
): Promise<Violation[]> {
  const troubles: Violation[] = []
  const events = { verdict: () => {}, trouble: (violation: Violation) => void troubles.push(violation) }
  const session = await startSession({ startGuard, deadlineMs, doubtMs: 500, events })
  try {
    return [...(await violationsIn(session, input, origins)), ...troubles]
  } finally {
    await session.close()
  }
}

async function violationsIn(session: Session, input: Input, origins: readonly Origin[]): Promise<Violation[]> {
  const { violations, forwards } = await session.judged(input)
  const shapes = forwards.flatMap(forward => shapeOf(forward) ?? [])
  const differences = shapes.length > 0 ? await replay(origins, shapes) : []
  return [...violations, ...differences.map(({ what }) => ({ kind: 'origin', what }) as const)]
}

/** The smallest input found that shows the failure, or undefined where none of its inputs does by itself. */
export async function reproduce(
  failure: Failure,
  means: { startGuard: StartGuard; origins: readonly Origin[] },
): Promise<{ input: Input; found: Violation } | undefined> {
  for (const input of failure.inputs) {
    const found = ofKind(await violationsOf(input, means), failure.kind)
    if (!found) continue
    const smallest = await shrunk(input, failure.kind, means)
    const again = ofKind(await violationsOf(smallest, means), failure.kind)
    return { input: again ? smallest : input, found: again ?? found }
  }
  return undefined
}

async function shrunk(
  input: Input,
  kind: ViolationKind,
  means: { startGuard: StartGuard; origins: readonly Origin[] },
): Promise<Input> {
  // A guard that fell needs to be started anew for each try, and a hang is waited for: fewer tries.
  if (kind === 'crash' || kind === 'error') {
    return shrink(input, async tried => ofKind(await violationsOf(tried, means), kind) !== undefined, 15)
  }
  const session = await startSession({
    ...means,
    deadlineMs,
    doubtMs: 300,
    events: { verdict: () => {}, trouble: () => {} },
  })
  try {
    const fails = async (tried: Input): Promise<boolean> =>
      ofKind(await violationsIn(session, tried, means.origins), kind) !== undefined
    return await shrink(input, fails, kind === 'hang' ? 12 : 150)
  } finally {
    await session.close()
  }
}

function ofKind(violations: readonly Violation[], kind: ViolationKind): Violation | undefined {
  return violations.find(violation => violation.kind === kind)
}

import type { Failure } from './campaign.ts'
import type { Violation } from './evidence.ts'
import type { StartGuard } from './guard-process.ts'
import type { Input } from './input.ts'
import type { Origin } from './origins/seen.ts'
import { replay, shapeOf } from './replay.ts'
import { type Session, startSession } from './session.ts'
import { shrink } from './shrink.ts'

/** How long a single input may keep its connection open before that counts as a hang. */
const deadlineMs = 3_000

const silent = { verdict: () => {}, late: () => {} }

/** One input by itself on a guard of its own. @returns all that is wrong with it */
export async function violationsOf(
  input: Input,
  { startGuard, origins }: { startGuard: StartGuard; origins: readonly Origin[] },
): Promise<Violation[]> {
  const troubles: Violation[] = []
  const events = { ...silent, trouble: (violation: Violation) => void troubles.push(violation) }
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
    const found = sameAs(failure, await violationsOf(input, means))
    if (!found) continue
    const smallest = await shrunk(input, failure, means)
    const again = sameAs(failure, await violationsOf(smallest, means))
    return { input: again ? smallest : input, found: again ?? found }
  }
  return undefined
}

async function shrunk(
  input: Input,
  failure: Violation,
  means: { startGuard: StartGuard; origins: readonly Origin[] },
): Promise<Input> {
  // A guard that fell needs to be started anew for each try, and a hang is waited for: fewer tries.
  if (failure.kind === 'crash' || failure.kind === 'error') {
    return shrink(input, async tried => sameAs(failure, await violationsOf(tried, means)) !== undefined, 15)
  }
  const session = await startSession({
    ...means,
    deadlineMs,
    doubtMs: 300,
    events: { ...silent, trouble: () => {} },
  })
  try {
    const fails = async (tried: Input): Promise<boolean> =>
      sameAs(failure, await violationsIn(session, tried, means.origins)) !== undefined
    return await shrink(input, fails, failure.kind === 'hang' ? 12 : 150)
  } finally {
    await session.close()
  }
}

/** The one of these that is the failure looked for: of its kind, and of its server where a server differs. */
function sameAs(failure: Violation, violations: readonly Violation[]): Violation | undefined {
  const server = ({ kind, what }: Violation) => (kind === 'origin' ? what.split(':', 1)[0] : '')
  return violations.find(found => found.kind === failure.kind && server(found) === server(failure))
}

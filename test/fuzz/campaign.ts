import type { Violation } from './evidence.ts'
import type { StartGuard } from './guard-process.ts'
import type { Input } from './input.ts'
import type { Origin } from './origins/seen.ts'
import { createReplayQueue } from './replay-queue.ts'
import { type Played, type Session, startSession } from './session.ts'

/** Something that went wrong, and the inputs it may come from: one, but where the guard as a whole is concerned. */
export interface Failure extends Violation {
  readonly inputs: readonly Input[]
}

export interface Counts {
  inputs: number
  allowed: number
  denied: number
  forwarded: number
  shapes: number
  replayed: number
  waiting: number
}

export interface Campaign {
  readonly counts: Counts
  readonly failures: readonly Failure[]
}

export interface CampaignOptions {
  readonly startGuard: StartGuard
  readonly origins: readonly Origin[]
  readonly inputs: Iterable<Input>
  readonly atOnce?: number
  readonly deadlineMs?: number
  readonly doubtMs?: number
  /** Called every few seconds. */
  progress?(counts: Counts, failures: readonly Failure[]): void
}

const mostFailures = 40
/** Shapes that wait for the origins beyond which no new input is begun. */
const mostWaiting = 2_000

/** Plays all inputs against one guard and replays to the origins what it forwarded. */
export async function runCampaign(options: CampaignOptions): Promise<Campaign> {
  const counts: Counts = { inputs: 0, allowed: 0, denied: 0, forwarded: 0, shapes: 0, replayed: 0, waiting: 0 }
  const failures = new Map<string, Failure>()
  let isOver = false
  const fail = (violation: Violation, inputs: readonly Input[]): void => {
    const key = `${violation.kind} ${masked(violation.what)}`
    if (!failures.has(key)) failures.set(key, { ...violation, inputs })
    if (violation.kind === 'crash' || failures.size >= mostFailures) isOver = true
  }
  const queue = createReplayQueue(options.origins, ({ what }, input) => fail({ kind: 'origin', what }, [input]))
  const failAll = ({ violations, input }: Played): void => {
    for (const violation of violations) fail(violation, [input])
  }
  const session = await startSession({
    ...options,
    events: {
      trouble: fail,
      late: failAll,
      verdict(played) {
        count(counts, played)
        queue.add(played.forwards, played.input)
        failAll(played)
      },
    },
  })
  const report = (): void => {
    Object.assign(counts, queue.counts())
    options.progress?.(counts, [...failures.values()])
  }
  const timer = setInterval(report, 5_000)
  const isHeld = (): boolean => queue.counts().waiting > mostWaiting
  try {
    await playAll(session, options, { isOver: () => isOver, isHeld })
    await session.settle()
    await queue.drained()
  } finally {
    clearInterval(timer)
    await session.close()
  }
  report()
  return { counts, failures: [...failures.values()] }
}

async function playAll(
  session: Session,
  { inputs, atOnce = 96 }: CampaignOptions,
  { isOver, isHeld }: { isOver(): boolean; isHeld(): boolean },
): Promise<void> {
  const source = inputs[Symbol.iterator]()
  async function client(): Promise<void> {
    while (!isOver()) {
      if (isHeld()) {
        await new Promise(resolve => setTimeout(resolve, 20))
        continue
      }
      const next = source.next()
      if (next.done) return
      await session.play(next.value)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, client))
}

function count(counts: Counts, { decided, forwards }: Played): void {
  counts.inputs++
  counts.forwarded += forwards.length
  for (const { decision, event } of decided) {
    if (event !== undefined) continue
    if (decision === 'allow') counts.allowed++
    else counts.denied++
  }
}

/** Two failures are one when they differ in numbers and names only. */
function masked(what: string): string {
  return what
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '#')
    .replace(/\/[^ ]*/g, '/')
    .replace(/"(?:[^"\\]|\\.)*"/g, '""')
    .replace(/\b(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)\b/g, 'METHOD')
    .replace(/[0-9]+/g, '0')
}

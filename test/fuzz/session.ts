import { createAccess } from './access.ts'
import { type Case, eventsOf, evidenceOf, judgeCase, peerOf } from './case.ts'
import type { Evidence, Violation } from './evidence.ts'
import type { RunningGuard, StartGuard } from './guard-process.ts'
import { expanded, type Input } from './input.ts'
import { readRequests } from './read-requests.ts'
import { type Recorder, startRecorder } from './recorder.ts'
import { sendInput } from './send-input.ts'

/** One input, what came of it, and what is wrong with that. */
export interface Played extends Evidence {
  readonly input: Input
  readonly violations: readonly Violation[]
}

export interface Session {
  /** Resolves once the client's connection is over: the next input may take its place. */
  play(input: Input): Promise<void>
  /** The same, resolved with the verdict. */
  judged(input: Input): Promise<Played>
  /** Waits for the verdicts on all that was played. */
  settle(): Promise<void>
  close(): Promise<void>
}

export interface SessionEvents {
  verdict(played: Played): void
  /** Something came after the verdict that makes it worse. */
  late(played: Played): void
  /** Something happened to the guard as a whole. */
  trouble(violation: Violation, during: Input[]): void
}

export interface SessionOptions {
  readonly startGuard: StartGuard
  readonly events: SessionEvents
  readonly deadlineMs?: number
  /** A complaint is looked at again after this long, lest a late audit line be taken for a missing one. */
  readonly doubtMs?: number
}

/** What is under way outside the client's connection when that ends: audit lines in a pipe, bytes towards the app. */
const settleMs = 250
/** How long an input is remembered after its verdict: what still comes of it is judged as well. */
const rememberMs = 8_000

/** A guard before a recording app, and clients that play inputs against it. */
export async function startSession(options: SessionOptions): Promise<Session> {
  const { startGuard, events, deadlineMs = 30_000 } = options
  const access = createAccess()
  const cases = new Map<string, Case>()
  const open = new Set<Case>()
  const awaited = new Set<Promise<Played>>()
  const verdict = verdicts(cases, options)
  let count = 0
  let isClosing = false
  const during = (): Input[] => [...open].map(({ input }) => input)

  const strayed = (what: string): void => events.trouble({ kind: 'broken', what }, during())
  const recorder = await startRecorder(forward => {
    const played = cases.get(forward.peer ?? '')
    if (played) played.forwards.push(forward)
    else if (!isClosing)
      strayed(`the app got bytes that belong to no input: ${JSON.stringify(forward.raw.slice(0, 400))}`)
  })
  const guard = await startGuard(recorder.port, access, {
    decided: line => void cases.get(line.peer)?.decided.push(line),
    complained: line => events.trouble({ kind: 'error', what: line.slice(0, 1_000) }, during()),
  })
  void guard.ended.then(how => isClosing || events.trouble({ kind: 'crash', what: how }, during()))

  async function send(input: Input): Promise<Case> {
    const token = access.token()
    const { text, parts } = expanded(input, token)
    const reading = readRequests(text)
    const played: Case = { input, reading, token, peer: peerOf(count++), decided: [], forwards: [] }
    cases.set(played.peer, played)
    open.add(played)
    const to = { port: guard.port, peer: played.peer, deadlineMs }
    played.received = await sendInput({ parts, ending: input.ending, reading }, to)
    open.delete(played)
    return played
  }

  function begin(input: Input): { over: Promise<Case>; judged: Promise<Played> } {
    const over = send(input)
    const judged = over.then(verdict.of)
    awaited.add(judged)
    void judged.finally(() => awaited.delete(judged))
    return { over, judged }
  }

  return {
    async play(input) {
      await begin(input).over
    },
    judged: input => begin(input).judged,
    async settle() {
      while (awaited.size > 0) await Promise.all(awaited)
      await verdict.last()
    },
    async close() {
      isClosing = true
      await closeAll(guard, recorder)
    },
  }
}

/** Gives the verdict on inputs whose connection is over, once, and again where something comes late. */
function verdicts(cases: Map<string, Case>, { events, doubtMs = 3_000 }: SessionOptions) {
  /** What was known of each when its verdict was given. */
  const given = new Map<Case, { known: number; violations: number }>()

  function forget(played: Case): void {
    const then = given.get(played)
    if (!then) return
    given.delete(played)
    cases.delete(played.peer)
    if (eventsOf(played) === then.known) return
    const violations = judgeCase(played)
    if (violations.length > then.violations) events.late({ ...evidenceOf(played), input: played.input, violations })
  }
  return {
    async of(played: Case): Promise<Played> {
      await pause(settleMs)
      if (judgeCase(played).length > 0) await pause(doubtMs)
      const violations = judgeCase(played)
      given.set(played, { known: eventsOf(played), violations: violations.length })
      setTimeout(forget, rememberMs, played).unref()
      const verdict = { ...evidenceOf(played), input: played.input, violations }
      events.verdict(verdict)
      return verdict
    },
    async last(): Promise<void> {
      await pause(settleMs)
      for (const played of [...given.keys()]) forget(played)
    },
  }
}

async function closeAll(guard: RunningGuard, recorder: Recorder): Promise<void> {
  await guard.stop()
  await recorder.close()
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

import { createAccess } from './access.ts'
import type { Decided, RunningGuard, StartGuard } from './guard-process.ts'
import { expanded, type Input } from './input.ts'
import { type Evidence, judge, type Violation } from './judge.ts'
import { type Reading, readRequests } from './read-requests.ts'
import { type Forward, type Recorder, startRecorder } from './recorder.ts'
import { type Received, sendInput } from './send-input.ts'

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
  /** Inputs whose connection is open. */
  running(): Input[]
  close(): Promise<void>
}

export interface SessionEvents {
  verdict(played: Played): void
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

interface Case {
  readonly input: Input
  readonly reading: Reading
  readonly token: string
  readonly peer: string
  readonly decided: Decided[]
  readonly forwards: Forward[]
  received?: Received
}

/** What is under way outside the client's connection when that ends: audit lines in a pipe, bytes towards the app. */
const settleMs = 250
/** How long an input is remembered after its verdict: what still comes of it is judged as well. */
const rememberMs = 8_000

/** A guard before a recording app, and clients that play inputs against it. */
export async function startSession(options: SessionOptions): Promise<Session> {
  const { startGuard, events, deadlineMs = 30_000, doubtMs = 3_000 } = options
  const access = createAccess()
  const cases = new Map<string, Case>()
  const open = new Set<Case>()
  const verdicts = new Set<Promise<Played>>()
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

  async function verdictOn(played: Case): Promise<Played> {
    await pause(settleMs)
    if (judgeCase(played).length > 0) await pause(doubtMs)
    const violations = judgeCase(played)
    const known = eventsOf(played)
    const verdict = { ...evidenceOf(played), input: played.input, violations }
    setTimeout(forget, rememberMs, played, known, violations.length).unref()
    events.verdict(verdict)
    return verdict
  }

  function forget(played: Case, known: number, violations: number): void {
    cases.delete(played.peer)
    if (eventsOf(played) === known) return
    const late = judgeCase(played)
    if (late.length > violations) events.verdict({ ...evidenceOf(played), input: played.input, violations: late })
  }

  function begin(input: Input): { over: Promise<Case>; verdict: Promise<Played> } {
    const over = send(input)
    const verdict = over.then(verdictOn)
    verdicts.add(verdict)
    void verdict.finally(() => verdicts.delete(verdict))
    return { over, verdict }
  }

  return {
    running: during,
    async play(input) {
      await begin(input).over
    },
    judged: input => begin(input).verdict,
    async settle() {
      while (verdicts.size > 0) await Promise.all(verdicts)
    },
    async close() {
      isClosing = true
      await closeAll(guard, recorder)
    },
  }
}

function evidenceOf({ reading, token, peer, decided, forwards, received }: Case): Evidence {
  if (!received) throw new Error('an input is judged once its connection is over')
  return { reading, token, peer, decided, forwards, received }
}

function judgeCase(played: Case): Violation[] {
  return judge(evidenceOf(played))
}

function eventsOf({ decided, forwards }: Case): number {
  return decided.length + forwards.length
}

/** 127.1.0.1 and on: 16 million addresses. */
function peerOf(count: number): string {
  const host = count % 250
  const net = Math.floor(count / 250)
  return `127.${1 + (Math.floor(net / 250) % 250)}.${net % 250}.${1 + host}`
}

async function closeAll(guard: RunningGuard, recorder: Recorder): Promise<void> {
  await guard.stop()
  await recorder.close()
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

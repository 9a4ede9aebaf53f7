import type { Identity } from '../../core/base/identity.ts'
import type { Steps } from '../../core/base/steps.ts'
import type { AuthorizationRequest } from '../../core/credential/entry.ts'
import { type Grounds, groundsOf, stillHold } from '../../core/policy/grounds.ts'
import type { DecisionPoint, Verdict } from '../../enforce/authorize.ts'
import type { Policy } from '../../enforce/policy/policy.ts'
import type { Call } from '../../enforce/report/report.ts'
import type { Clock } from '../../platform/clock.ts'
import { driveSteps } from '../../platform/drive-steps.ts'
import type { Logger } from '../../platform/log.ts'

/** A call that was let in and is under way. */
export interface OpenCall {
  readonly call: Call
  readonly head: AuthorizationRequest
  /** Whether it was told of: nothing more is told of the policy it was let in by. */
  readonly reported: boolean
  /** Undefined until it was looked at once. */
  standing: Standing | undefined
}

/** What the last look at an open call found. */
export interface Standing {
  readonly proved: Identity | undefined
  readonly grounds: Grounds
  /** Whether the policy could be decided from. */
  readonly unfit: ReturnType<Policy['unfit']>
}

/** @param close ends it; called at once, or never */
export type Look = (open: OpenCall, close: (verdict: Verdict) => void) => void

/** Open calls of one protocol. */
export interface OpenCalls {
  /** Looks at each of them, in steps. What opens meanwhile was decided then. */
  walk(look: Look): Steps<void>
}

/** Decides again about every open call: at each change of policy, and once a second, because keys and grants also end. */
export interface Review {
  start(): void
  stop(): void
}

/**
 * A look at a call costs what it stands on: where none of that changed, a few comparisons. It is taken in turns, between
 * which calls go on; a change that comes meanwhile makes all of them be looked at once more.
 */
export function createReview(options: {
  policy: Policy
  decisions: Pick<DecisionPoint, 'reauthorize'>
  clock: Clock
  log: Logger
  open: readonly OpenCalls[]
}): Review {
  const { policy, decisions, clock, log, open } = options
  let state: 'still' | 'walking' | 'again' | 'stopped' = 'still'
  let timer: NodeJS.Timeout | undefined

  function* walkAll(): Steps<void> {
    const unfit = policy.unfit()
    const now = Math.floor(clock.wallMs() / 1_000)
    const look: Look = (one, close) => {
      try {
        const verdict = lookAt(one, unfit, now)
        if (verdict) close(verdict)
      } catch (error) {
        log.error({ err: error }, 'an open call could not be decided again, it is closed')
        close({ ...unreadable, snapshot: policy.snapshot() })
      }
    }
    for (const calls of open) yield* calls.walk(look)
  }

  /** @returns why it has to end, if it has to */
  function lookAt(one: OpenCall, unfit: Standing['unfit'], now: number): Verdict | undefined {
    const { call, head, reported, standing } = one
    const snapshot = policy.snapshot()
    if (reported) call.verdict.snapshot = undefined
    if (standing && snapshot && standing.unfit === unfit && stillHold(standing.grounds, snapshot, now)) return undefined
    const verdict = decisions.reauthorize(head, standing ? standing.proved : call.verdict.proved)
    if (!verdict.pass || !verdict.snapshot) return verdict
    one.standing = { proved: verdict.proved, grounds: groundsOf(verdict.decision, verdict.snapshot), unfit }
    return undefined
  }

  function walk(): void {
    if (state !== 'still') {
      if (state === 'walking') state = 'again'
      return
    }
    state = 'walking'
    driveSteps(walkAll(), outcome => {
      if ('error' in outcome) log.error({ err: outcome.error }, 'open calls could not be looked at')
      const isDue = state === 'again'
      if (state !== 'stopped') state = 'still'
      if (isDue) setImmediate(walk)
    })
  }

  /** Just after a second began: keys and grants end with one. */
  function wait(): void {
    timer = setTimeout(
      () => {
        walk()
        wait()
      },
      secondMs - (clock.wallMs() % secondMs) + 5,
    ).unref()
  }

  policy.onChange(() => setImmediate(walk))
  return {
    start: wait,
    stop() {
      state = 'stopped'
      clearTimeout(timer)
    },
  }
}

const secondMs = 1_000

/** A bug is no reason to let anybody go on. */
const unreadable = { pass: false, decision: { allow: false, reason: 'policy_unsupported' }, proved: undefined } as const

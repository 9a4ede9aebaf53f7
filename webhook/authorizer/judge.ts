import { randomUUID } from 'node:crypto'
import type { DenyReason } from '../../core/policy/decision.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Logger } from '../../platform/log.ts'
import type { Verdict } from '../guard/authorize.ts'
import type { Call, Reporter } from '../guard/report.ts'
import { type Answer, denial, malformed } from '../guard/respond.ts'
import type { AskedFault, AskedOfProxy } from './asked.ts'
import type { Peer } from './peers.ts'
import type { ServedService } from './served-service.ts'

/** One question of a proxy, read but not yet believed. */
export interface Question {
  readonly peer: Peer | undefined
  /** What the proxy's configuration names. */
  readonly service: string | undefined
  /** Read only for a peer that is known: what stands where depends on its kind. */
  readonly asked: (peer: Peer) => AskedOfProxy | AskedFault
  /** Of the caller where the proxy tells it, otherwise of the proxy. */
  readonly address: string
}

/** What is answered, in no protocol yet. */
export type Outcome =
  | {
      readonly pass: true
      readonly verdict: Verdict
      readonly asked: AskedOfProxy
      readonly requestId: string
    }
  | { readonly pass: false; readonly answer: Answer }

export interface Judge {
  /** Never throws; tells audit and metrics of what it found. */
  judge(question: Question): Outcome
}

export function createJudge(options: {
  services: ReadonlyMap<string, ServedService>
  /** Tells of questions that belong to no service. */
  stray: Reporter
  /** What `type` of a problem body begins with. */
  problemBase?: string | undefined
  clock: Clock
  log: Logger
}): Judge {
  const { services, stray, problemBase, clock, log } = options

  function refuse(question: Question, startedMs: number, verdict: Verdict, fault?: AskedFault): Outcome {
    const requestId = randomUUID()
    const answer = plain(
      fault ? malformed({ status: 400, ...fault }, requestId, problemBase) : denial(verdict, requestId, problemBase),
    )
    const served = question.peer && question.service !== undefined ? services.get(question.service) : undefined
    const call: Call = {
      verdict,
      method: undefined,
      target: undefined,
      requestId,
      peer: question.address,
      proxy: question.peer?.name,
      startedMs,
    }
    ;(served?.reporter ?? stray).report(call, answer.status)
    return { pass: false, answer }
  }

  function decided(served: ServedService, question: Question, asked: AskedOfProxy, startedMs: number): Outcome {
    const verdict = admit(served, asked, log)
    const requestId = asked.requestId ?? randomUUID()
    const { method, target } = asked
    const call = { verdict, method, target, requestId, peer: question.address, proxy: question.peer?.name, startedMs }
    if (verdict.pass) {
      served.reporter.report(call, 200)
      return { pass: true, verdict, asked, requestId }
    }
    const answer = denial(verdict, requestId, problemBase)
    served.reporter.report(call, answer.status)
    return { pass: false, answer }
  }

  return {
    judge(question) {
      const startedMs = clock.now()
      const { peer, service } = question
      if (!peer) return refuse(question, startedMs, denied('peer_unknown'))
      const served = service !== undefined && peer.services.includes(service) ? services.get(service) : undefined
      if (!served) return refuse(question, startedMs, denied('service_unknown'))
      const asked = question.asked(peer)
      if ('detail' in asked) return refuse(question, startedMs, denied('request_malformed', served), asked)
      return decided(served, question, asked, startedMs)
    },
  }
}

function denied(reason: DenyReason, served?: ServedService): Verdict {
  const decision = { allow: false, reason } as const
  return { pass: false, decision, proved: undefined, snapshot: served?.policy.snapshot() }
}

function admit(served: ServedService, asked: AskedOfProxy, log: Logger): Verdict {
  try {
    return served.authorizer.authorize(asked)
  } catch (error) {
    // The decision is total: an exception is a bug, and a bug is no reason to let anybody in.
    log.error({ err: error }, 'the decision threw, the call is denied')
    return denied('policy_unsupported', served)
  }
}

/** Without what belongs to a connection with the caller, or asks it for a credential that would not help. */
function plain(answer: Answer): Answer {
  const unfit = new Set(['Connection', 'WWW-Authenticate'])
  const headers = answer.headers.filter((_, at) => !unfit.has(answer.headers[at - (at % 2)] as string))
  return { ...answer, headers }
}

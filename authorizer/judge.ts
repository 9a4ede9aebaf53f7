import type { DenyReason } from '../core/base/reasons.ts'
import { readCredential } from '../core/credential/read.ts'
import { claimedOwner } from '../core/credential/verify.ts'
import { overloadedVerdict, type Verdict } from '../enforce/authorize.ts'
import { withoutQueryKey } from '../enforce/query-key.ts'
import type { Call, Reporter } from '../enforce/report/report.ts'
import { type Answer, denial, malformed } from '../enforce/respond.ts'
import type { Clock } from '../platform/clock.ts'
import { peerKey, plainAddress } from '../platform/http/peer.ts'
import type { Logger } from '../platform/log.ts'
import { newRequestId } from '../platform/wire/request-id.ts'
import type { AskedFault, AskedOfProxy } from './asked.ts'
import { withKeyHeld } from './key-places.ts'
import type { Peer } from './peers/peers.ts'
import type { ProofLine } from './peers/proof-line.ts'
import type { ServedService } from './served-service.ts'

/** One question of a proxy, read but not yet believed. */
export interface CheckRequest {
  readonly peer: Peer | undefined
  /** What the proxy's configuration names. */
  readonly service: string | undefined
  /** Read only for a peer that is known: what stands where depends on its kind. */
  readonly asked: (peer: Peer) => AskedOfProxy | AskedFault
  /** Whether the proxy forwards the target that it is told, instead of the one that came. */
  readonly forwardsTarget?: boolean
  /** Of the caller, where the proxy tells it. */
  readonly caller?: string | undefined
  /** Of the proxy. */
  readonly address: string | undefined
  /** Nobody waits for the answer any more. */
  readonly isGone: () => boolean
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
  /**
   * Tells audit and metrics of what it found. At once, but for a token that was not seen before: that waits for its turn to be
   * proved. Who is gone by then is not decided on, and there is no answer.
   */
  judge(question: CheckRequest): Outcome | Promise<Outcome | undefined>
}

export function createJudge(options: {
  services: ReadonlyMap<string, ServedService>
  /** Tells of questions that belong to no service. */
  stray: Reporter
  /** What `type` of a problem body begins with. */
  problemBase?: string | undefined
  proofs: ProofLine
  clock: Clock
  log: Logger
}): Judge {
  const { services, stray, problemBase, proofs, clock, log } = options

  function refuse(question: CheckRequest, startedMs: number, verdict: Verdict, fault?: AskedFault): Outcome {
    const requestId = newRequestId()
    const answer = plain(
      fault ? malformed({ status: 400, ...fault }, requestId, problemBase) : denial(verdict, requestId, problemBase),
    )
    const served = question.peer && question.service !== undefined ? services.get(question.service) : undefined
    const call: Call = {
      verdict,
      method: undefined,
      target: undefined,
      requestId,
      address: plainAddress(question.caller ?? question.address),
      proxy: question.peer?.name,
      startedMs,
    }
    ;(served?.reporter ?? stray).report(call, answer.status)
    return { pass: false, answer }
  }

  function decided(found: Verdict, { served, peer, question, asked, startedMs }: Case): Outcome {
    const verdict = withKeyHeld(found, asked, peer)
    const requestId = asked.requestId ?? newRequestId()
    const { method, target } = asked
    const address = plainAddress(question.caller ?? question.address)
    const call = { verdict, method, target, requestId, address, proxy: question.peer?.name, startedMs }
    if (verdict.pass) {
      served.reporter.report(call, 200)
      return { pass: true, verdict, asked, requestId }
    }
    const answer = denial(verdict, requestId, problemBase)
    served.reporter.report(call, answer.status)
    return { pass: false, answer }
  }

  /** @returns why nothing has to be decided, or what is to be */
  function open(question: CheckRequest): Outcome | Case {
    const startedMs = clock.now()
    const { peer, service } = question
    if (!peer) return refuse(question, startedMs, denied('peer_unknown'))
    const served = service !== undefined && peer.services.includes(service) ? services.get(service) : undefined
    if (!served) return refuse(question, startedMs, denied('service_unknown'))
    const asked = question.asked(peer)
    if ('detail' in asked) return refuse(question, startedMs, denied('request_malformed', served), asked)
    // Where the proxy would forward it with the target, the decision refuses it.
    const cut = question.forwardsTarget ? withoutQueryKey(asked, served.policy.snapshot()) : asked
    return { served, peer, question, asked: cut, startedMs }
  }

  /** Decides within the turn, so that what it costs is counted. */
  function prove(open: Case): Promise<Outcome | undefined> {
    const { served, peer, question, asked } = open
    return new Promise((resolve, reject) => {
      const end = (verdict: () => Verdict): void => {
        try {
          resolve(question.isGone() ? undefined : decided(verdict(), open))
        } catch (error) {
          reject(error as Error)
        }
      }
      proofs.take(peer.name, () => callerOf(open), {
        prove: () => end(() => admit(served, () => served.authorizer.authorize(asked), log)),
        refuse: () => end(() => overloadedVerdict(served.policy)),
      })
    })
  }

  return {
    judge(question) {
      const opened = open(question)
      if ('pass' in opened) return opened
      const { served, asked } = opened
      const known = admit(served, () => served.authorizer.authorizeKnown(asked), log)
      return known ? decided(known, opened) : prove(opened)
    },
  }
}

/** A question that has to be decided on. */
interface Case {
  readonly served: ServedService
  readonly peer: Peer
  readonly question: CheckRequest
  readonly asked: AskedOfProxy
  readonly startedMs: number
}

/**
 * For whom it waits, among those behind one proxy: an address, where the proxy tells it. Elsewhere headers would, which
 * callers can write: so it is whom the token names. Who forges the tokens of a client then delays that client's new ones.
 */
function callerOf({ question, asked, served }: Case): string {
  if (question.caller !== undefined) return peerKey(question.caller)
  const snapshot = served.policy.snapshot()
  const credential = readCredential(asked, snapshot?.service)
  if (!snapshot || typeof credential === 'string') return ''
  return claimedOwner(credential, snapshot) ?? ''
}

function denied(reason: DenyReason, served?: ServedService): Verdict {
  const decision = { allow: false, reason } as const
  return { pass: false, decision, proved: undefined, snapshot: served?.policy.snapshot() }
}

function admit<T>(served: ServedService, decide: () => T, log: Logger): T | Verdict {
  try {
    return decide()
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

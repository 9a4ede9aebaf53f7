import { create, toBinary } from '@bufbuild/protobuf'
import { identityLines } from '../../enforce/forward-head.ts'
import { decisionOf, identityOf, keepsCredential, removals } from '../identity-headers.ts'
import type { Outcome } from '../judge.ts'
import {
  HeaderValueOption_HeaderAppendAction as AppendAction,
  type HeaderValueOption,
  HeaderValueOptionSchema,
} from './generated/envoy/config/core/v3/base_pb.js'
import { type CheckResponse, CheckResponseSchema } from './generated/envoy/service/auth/v3/external_auth_pb.js'
import { frame } from './grpc-message.ts'

/** google.rpc.Code */
const codes = { ok: 0, permissionDenied: 7, resourceExhausted: 8, unavailable: 14, unauthenticated: 16 } as const

/** Headers of an answer that belong to its own connection. */
const ownConnection = new Set(['content-length', 'connection'])

/** The answer to a check over gRPC. Pure. */
export function grpcAnswer(outcome: Outcome): CheckResponse {
  if (!outcome.pass) {
    const { status, headers, body } = outcome.answer
    const code = codeOf(status)
    const value = { status: { code: status }, headers: options(headers), body }
    return create(CheckResponseSchema, { status: { code }, httpResponse: { case: 'deniedResponse', value } })
  }
  const said = identityOf(outcome.verdict)
  const { queryKey, target } = outcome.asked
  // Envoy forwards it as it is told: its own removal of parameters would sort and write anew what is left.
  const cut = queryKey === undefined ? [] : [':path', target]
  const value = {
    headers: options([...said, ...cut]),
    headersToRemove: removals(outcome, said),
    responseHeadersToAdd: options(['Latchkey-Decision', decisionOf(outcome)]),
  }
  return create(CheckResponseSchema, { status: { code: codes.ok }, httpResponse: { case: 'okResponse', value } })
}

/** What a pass was written from, and its bytes. */
interface Written {
  readonly identity: string
  readonly decision: string
  readonly removed: string
  readonly framed: Buffer
}

/** The last passes: who calls again in the same way is told of in the same bytes. By identity; `nobody` has none. */
const lastPasses = new WeakMap<object, Written>()
const nobody = {}
/** Longer lists are not kept: callers can invent names. */
const maxRemovedLength = 256

/** The same as bytes with their frame. */
export function framedAnswer(outcome: Outcome): Buffer {
  if (!outcome.pass) return framed(outcome)
  // With a target of its own no answer is like another.
  if (outcome.asked.queryKey !== undefined) return framed(outcome)
  const { decision } = outcome.verdict
  const key = decision.identity ?? nobody
  const last = lastPasses.get(key)
  const identity = identityLines(decision)
  const said = decisionOf(outcome)
  const removed = `${keepsCredential(outcome.verdict)} ${outcome.asked.reserved.join()}`
  if (last?.identity === identity && last.decision === said && last.removed === removed) return last.framed
  const made = framed(outcome)
  if (removed.length <= maxRemovedLength) lastPasses.set(key, { identity, decision: said, removed, framed: made })
  return made
}

function framed(outcome: Outcome): Buffer {
  return frame(toBinary(CheckResponseSchema, grpcAnswer(outcome)))
}

function codeOf(status: number): number {
  if (status === 503) return codes.unavailable
  if (status === 429) return codes.resourceExhausted
  return status === 401 ? codes.unauthenticated : codes.permissionDenied
}

function options(pairs: readonly string[]): HeaderValueOption[] {
  const made: HeaderValueOption[] = []
  for (let at = 0; at + 1 < pairs.length; at += 2) {
    const key = (pairs[at] as string).toLowerCase()
    if (ownConnection.has(key)) continue
    made.push(
      create(HeaderValueOptionSchema, {
        header: { key, value: pairs[at + 1] as string },
        appendAction: AppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
      }),
    )
  }
  return made
}

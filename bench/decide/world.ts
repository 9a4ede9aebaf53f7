import { createPublicKey, type KeyObject } from 'node:crypto'
import type { Identity } from '../../core/base/identity.ts'
import { verifyToken } from '../../core/credential/verify.ts'
import type { DecisionRequest } from '../../core/policy/decide.ts'
import { knownIdentity } from '../../core/policy/known-identity.ts'
import { sliceHash } from '../../core/rows/hash.ts'
import { createSnapshotBuilder, type Snapshot } from '../../core/snapshot/snapshot.ts'
import { type BenchClient, nowSeconds } from '../policy/clients.ts'
import { clientsOf, type PolicySize, rowsOf } from '../policy/size.ts'
import { type Call, workingSet } from '../policy/working-set.ts'

/** A policy as a guard holds it, and calls that it allows. */
export interface World {
  readonly size: PolicySize
  readonly snapshot: Snapshot
  readonly clients: readonly BenchClient[]
  readonly calls: readonly PreparedCall[]
  /** Seconds since epoch. */
  readonly now: number
}

export interface PreparedCall extends Call {
  readonly request: DecisionRequest
  readonly identity: Identity
  /** The parts of the token, for a bare signature check. */
  readonly signingInput: Buffer
  readonly signature: Buffer
  readonly key: KeyObject
}

/** @param count calls, each with a token of its own */
export function createWorld(size: PolicySize, count: number): World {
  const now = nowSeconds()
  const clients = clientsOf(size)
  const rows = rowsOf(size, clients, now)
  const builder = createSnapshotBuilder()
  builder.apply({ full: { rows }, seen: {}, hash: sliceHash(rows) })
  const snapshot = builder.snapshot()
  if (!snapshot) throw new Error('the rows make no snapshot')
  return { size, snapshot, clients, now, calls: prepareCalls(workingSet(count, size, clients, now), snapshot, now) }
}

/** @throws Error when the policy refuses a token */
export function prepareCalls(calls: readonly Call[], snapshot: Snapshot, now: number): PreparedCall[] {
  return calls.map(call => {
    const identity = verifyToken(call.token, snapshot, now)
    if (typeof identity === 'string') throw new Error(`a token is refused: ${identity}`)
    const end = call.token.lastIndexOf('.')
    return {
      ...call,
      // As the guard keeps it.
      identity: knownIdentity(identity),
      request: { method: 'GET', target: call.path },
      signingInput: Buffer.from(call.token.slice(0, end)),
      signature: Buffer.from(call.token.slice(end + 1), 'base64url'),
      key: createPublicKey(call.client.privateKey),
    }
  })
}

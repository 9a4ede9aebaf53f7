import type { Identity } from '../base/identity.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'
import { type CallerStanding, findCallerStanding } from './caller.ts'

/**
 * An identity that is kept and asked about again: it remembers what the last snapshot said of it. The place is private,
 * so that no copy with other fields takes it along.
 */
class KnownIdentity implements Identity {
  #caller: CallerStanding | undefined
  readonly clientId: string
  readonly client: string
  readonly key: string
  readonly credential: Identity['credential']
  readonly subject: string
  readonly scopes: readonly string[]
  readonly expiresAt: number
  readonly roles?: readonly string[]
  readonly proof: Identity['proof']

  constructor(identity: Identity) {
    this.clientId = identity.clientId
    this.client = identity.client
    this.key = identity.key
    this.credential = identity.credential
    this.subject = identity.subject
    this.scopes = identity.scopes
    this.expiresAt = identity.expiresAt
    if (identity.roles) this.roles = identity.roles
    this.proof = identity.proof
  }

  static is(identity: Identity): identity is KnownIdentity {
    return #caller in identity
  }

  callerIn(snapshot: Snapshot): CallerStanding | undefined {
    const caller = this.#caller
    if (caller?.mark === snapshot.mark) return caller
    // What is refused is not remembered: why is asked anew each time.
    this.#caller = findCallerStanding(this, snapshot)
    return this.#caller
  }
}

/** The same identity, in the form that repeated decisions are fast with. */
export function knownIdentity(identity: Identity): Identity {
  return KnownIdentity.is(identity) ? identity : new KnownIdentity(identity)
}

/**
 * What the snapshot says of an identity; looked up once for each snapshot where the identity is a known one.
 * @returns undefined when something is wrong with it, whatever the time is
 */
export function callerOf(identity: Identity, snapshot: Snapshot): CallerStanding | undefined {
  return KnownIdentity.is(identity) ? identity.callerIn(snapshot) : findCallerStanding(identity, snapshot)
}

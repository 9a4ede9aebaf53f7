import type { Revoked } from '../../core/registry/client-row.ts'
import type { AllRevoked, OneRevoked, Revocation } from './revocation-record.ts'

/** Tokens of one client that are known one by one. */
export const mostOfClient = 1_000
/** The same of all clients. */
const mostInAll = 100_000

/**
 * The tokens that were revoked and have not ended, by their client. Beyond the bounds a client's are no longer known one by one: then
 * all that it was given until the last of them count as revoked.
 */
export interface Revocations {
  take(revocation: Revocation): void
  /** Of a client at one service. */
  of(clientId: string, audience: string): Revoked
  /** Whether a client has as many as are known one by one, and up to when all of its tokens are revoked. */
  standing(clientId: string): { readonly isFull: boolean; readonly upTo: number | undefined }
  /** Lets go of those that have ended. @param now seconds since epoch */
  prune(now: number): void
  /** Told the id of each client of which something else is known. */
  onChange(handler: (clientId: string, what: 'more' | 'less') => void): void
}

interface OfClient {
  readonly live: Map<string, OneRevoked>
  all: AllRevoked | undefined
}

export function createRevocations(bounds = { client: mostOfClient, sum: mostInAll }): Revocations {
  const clients = new Map<string, OfClient>()
  const handlers: ((clientId: string, what: 'more' | 'less') => void)[] = []
  let sum = 0

  function tell(clientId: string, what: 'more' | 'less'): void {
    for (const handler of handlers) handler(clientId, what)
  }

  function takeOne(known: OfClient, one: OneRevoked): boolean {
    if (known.live.has(one.id) || isCovered(one, known.all)) return false
    known.live.set(one.id, one)
    sum++
    if (known.live.size > bounds.client || sum > bounds.sum) takeAll(known, wholeOf(one.clientId, known.live))
    return true
  }

  function takeAll(known: OfClient, { clientId, upTo, endsAt }: AllRevoked): boolean {
    const before = known.all
    if (before && before.upTo >= upTo && before.endsAt >= endsAt) return false
    known.all = {
      clientId,
      upTo: Math.max(upTo, before?.upTo ?? 0),
      endsAt: Math.max(endsAt, before?.endsAt ?? 0),
    }
    for (const one of known.live.values()) if (isCovered(one, known.all)) drop(known, one)
    return true
  }

  function drop({ live }: OfClient, { id }: OneRevoked): void {
    if (live.delete(id)) sum--
  }

  return {
    take(revocation) {
      const { clientId } = revocation
      const known = clients.get(clientId) ?? { live: new Map(), all: undefined }
      clients.set(clientId, known)
      const isNew = 'upTo' in revocation ? takeAll(known, revocation) : takeOne(known, revocation)
      if (isNew) tell(clientId, 'more')
    },
    of(clientId, audience) {
      const { live, all } = clients.get(clientId) ?? {}
      const revoked: string[] = []
      for (const one of live?.values() ?? []) if (one.audience === audience) revoked.push(one.id)
      return { ...(revoked.length > 0 && { revoked: revoked.sort() }), ...(all && { revokedUpTo: all.upTo }) }
    },
    standing(clientId) {
      const { live, all } = clients.get(clientId) ?? {}
      return { isFull: (live?.size ?? 0) >= bounds.client, upTo: all?.upTo }
    },
    prune(now) {
      for (const [clientId, known] of clients) {
        const ended = [...known.live.values()].filter(({ endsAt }) => now >= endsAt)
        for (const one of ended) drop(known, one)
        const isOver = known.all !== undefined && now >= known.all.endsAt
        if (isOver) known.all = undefined
        if (known.live.size === 0 && !known.all) clients.delete(clientId)
        if (ended.length > 0 || isOver) tell(clientId, 'less')
      }
    },
    onChange: handler => void handlers.push(handler),
  }
}

function isCovered({ issuedAt, endsAt }: OneRevoked, all: AllRevoked | undefined): boolean {
  return all !== undefined && issuedAt <= all.upTo && endsAt <= all.endsAt
}

function wholeOf(clientId: string, live: ReadonlyMap<string, OneRevoked>): AllRevoked {
  let [upTo, endsAt] = [0, 0]
  for (const one of live.values()) {
    upTo = Math.max(upTo, one.issuedAt)
    endsAt = Math.max(endsAt, one.endsAt)
  }
  return { clientId, upTo, endsAt }
}

import { verify } from 'node:crypto'
import { verifyToken } from '../../core/credential/verify.ts'
import { decide } from '../../core/policy/decide.ts'
import { boundsFor, createIdentityCache } from '../../enforce/identity-cache.ts'
import type { PreparedCall, World } from './world.ts'

/** Does so many of something. @returns nanoseconds for each @throws Error when an answer is not the expected one */
export type Batch = (count: number) => number

/** Times `one`, which tells whether it went as expected. */
function timed(one: (at: number) => boolean): Batch {
  let at = 0
  return count => {
    let expected = 0
    const begun = process.hrtime.bigint()
    for (const end = at + count; at < end; at++) if (one(at)) expected++
    const nanoseconds = Number(process.hrtime.bigint() - begun) / count
    if (expected !== count) throw new Error(`${count - expected} of ${count} answers are not the expected ones`)
    return nanoseconds
  }
}

function nth(calls: readonly PreparedCall[], at: number): PreparedCall {
  return calls[at % calls.length] as PreparedCall
}

/** The decision on a caller whose identity is known. */
export function decideBatch({ calls, snapshot, now }: World): Batch {
  return timed(at => {
    const { request, identity } = nth(calls, at)
    return decide(request, identity, snapshot, now).allow
  })
}

/** The same, for a path that the caller has no grant for. */
export function denyBatch({ calls, snapshot, now }: World): Batch {
  const request = { method: 'GET', target: '/admin/keys/1' }
  return timed(at => !decide(request, nth(calls, at).identity, snapshot, now).allow)
}

/** Finding the identity too, by a token that was just read from a connection. */
export function lookupBatch({ calls, snapshot, now }: World): Batch {
  const cache = newCache()
  const tokens = calls.map(({ token }) => Buffer.from(token))
  for (const { token, identity } of calls) cache.set(token, identity)
  return timed(at => {
    const token = (tokens[at % tokens.length] as Buffer).toString('latin1')
    const identity = cache.get(token)
    return identity !== undefined && decide(nth(calls, at).request, identity, snapshot, now).allow
  })
}

/** All that a token not seen before costs, from its bytes to the decision. */
export function firstTokenBatch({ calls, snapshot, now }: World): Batch {
  const tokens = calls.map(({ token }) => Buffer.from(token))
  let cache = newCache()
  return timed(at => {
    if (at % tokens.length === 0) cache = newCache()
    const token = (tokens[at % tokens.length] as Buffer).toString('latin1')
    if (cache.get(token)) return false
    const identity = verifyToken(token, snapshot, now)
    if (typeof identity === 'string') return false
    const known = cache.set(token, identity)
    return decide(nth(calls, at).request, known, snapshot, now).allow
  })
}

/** Nothing but the signature check of the same tokens. */
export function verifyBatch({ calls }: World): Batch {
  return timed(at => {
    const { signingInput, signature, key } = nth(calls, at)
    return verify(null, signingInput, key, signature)
  })
}

function newCache() {
  return createIdentityCache(() => boundsFor(0))
}

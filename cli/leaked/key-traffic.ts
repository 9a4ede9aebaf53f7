import type { AuditEntry } from '../../core/audit/audit-entry.ts'
import { readAuditLine } from '../../core/learn/seen-traffic.ts'

/** Calls alike of one key. */
export interface KeyCalls {
  readonly service: string
  readonly method: string
  /** The declared route; where there is none, the path. */
  readonly route: string
  readonly decision: 'allow' | 'deny'
  readonly reason: string
  readonly calls: number
  /** RFC 3339. */
  readonly firstSeen: string
  readonly lastSeen: string
  /** Addresses that it called from, a few of them. */
  readonly peers: readonly string[]
  /** How many more addresses there were, at least. */
  readonly morePeers: number
}

/** What audit lines tell of one key. */
export interface KeyTraffic {
  /** Takes one line of a log; undefined: one that was too long. */
  add(line: string | undefined): void
  /** In the order of their first call. */
  calls(): KeyCalls[]
  /** Calls that were not told apart, for there were too many kinds. */
  untold(): number
  /** Lines that are no audit line: other output, and what was cut short. */
  unreadable(): number
}

/** Kinds of calls that are told apart. A log can be longer than any memory. */
const mostKinds = 10_000
const mostPeers = 8

type Kept = { -readonly [Name in keyof KeyCalls]: KeyCalls[Name] } & { peers: string[] }

/** @param kid of the key; lines of other keys are passed over */
export function createKeyTraffic(kid: string): KeyTraffic {
  const kept = new Map<string, Kept>()
  let untold = 0
  let unreadable = 0

  function take(entry: AuditEntry): void {
    const { service, method = '-', route, path = '-', decision, reason, time } = entry
    const place = route ?? path
    const key = JSON.stringify([service, method, place, decision, reason])
    const known = kept.get(key)
    if (!known && kept.size >= mostKinds) {
      untold++
      return
    }
    const one = known ?? {
      ...{ service, method, route: place, decision, reason },
      ...{ calls: 0, firstSeen: time, lastSeen: time, peers: [], morePeers: 0 },
    }
    one.calls++
    // Times of audit lines are all UTC and of one form, so they compare as texts.
    if (time < one.firstSeen) one.firstSeen = time
    if (time > one.lastSeen) one.lastSeen = time
    addPeer(one, entry.peer)
    kept.set(key, one)
  }

  return {
    add(line) {
      const entry = line === undefined ? undefined : readAuditLine(line)
      if (!entry) unreadable += line === '' ? 0 : 1
      else if (entry.key === kid) take(entry)
    },
    calls: () => [...kept.values()].sort((a, b) => (a.firstSeen < b.firstSeen ? -1 : 1)),
    untold: () => untold,
    unreadable: () => unreadable,
  }
}

function addPeer(one: Kept, peer: unknown): void {
  if (typeof peer !== 'string' || one.peers.includes(peer)) return
  if (one.peers.length < mostPeers) one.peers.push(peer)
  else one.morePeers = 1
}

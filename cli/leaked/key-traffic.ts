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
  /**
   * Takes one line of a log; undefined: one that was too long.
   * @param service whose log it is, where only that one may be in it
   */
  add(line: string | undefined, service?: string): void
  /** In the order of their first call. */
  calls(): KeyCalls[]
  /** Calls that were not told apart, for there were too many kinds. */
  untold(): number
  /** Lines in the log of one service that speak of another. */
  foreign(): number
  /** Lines that are no audit line: other output, and what was cut short. */
  unreadable(): number
}

/** Kinds of calls that are told apart, of one service and in sum. A log can be longer than any memory. */
const mostKindsOfOne = 1_000
const mostKinds = 50_000
const mostPeers = 8

type Kept = { -readonly [Name in keyof KeyCalls]: KeyCalls[Name] } & { peers: string[] }

/** @param kid of the key; lines of other keys are passed over */
export function createKeyTraffic(kid: string): KeyTraffic {
  const kept = new Map<string, Kept>()
  const kinds = new Map<string, number>()
  let untold = 0
  let foreign = 0
  let unreadable = 0

  function take(entry: AuditEntry): void {
    const { service, method = '-', route, path = '-', decision, reason, time } = entry
    const place = route ?? path
    const key = JSON.stringify([service, method, place, decision, reason])
    const known = kept.get(key)
    if (!known) {
      const ofService = kinds.get(service) ?? 0
      if (ofService >= mostKindsOfOne || kept.size >= mostKinds) {
        untold++
        return
      }
      kinds.set(service, ofService + 1)
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
    add(line, service) {
      const entry = line === undefined ? undefined : readAuditLine(line)
      if (!entry) unreadable += line === undefined || isCut(line) ? 1 : 0
      else if (entry.key !== kid) return
      else if (service !== undefined && entry.service !== service) foreign++
      else take(entry)
    },
    calls: () => [...kept.values()].sort((a, b) => (a.firstSeen < b.firstSeen ? -1 : 1)),
    untold: () => untold,
    foreign: () => foreign,
    unreadable: () => unreadable,
  }
}

/** Whether it may have been an audit line: what else a process says is a log line of its own form. */
function isCut(line: string): boolean {
  return line !== '' && !/^\s*\{"level":"/.test(line)
}

function addPeer(one: Kept, peer: unknown): void {
  if (typeof peer !== 'string' || one.peers.includes(peer)) return
  if (one.peers.length < mostPeers) one.peers.push(peer)
  else one.morePeers = 1
}

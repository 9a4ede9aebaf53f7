import type { ServerHttp2Session } from 'node:http2'
import type { Clock } from '../../../platform/clock.ts'
import { wasEndedHere } from '../end-stream.ts'

const windowMs = 10_000

/** What costs us work and a peer nothing; of each so many in ten seconds, on one connection and of one peer. */
const allowed = {
  ping: { session: 60, peer: 1_200, sum: 12_000 },
  settings: { session: 20, peer: 400, sum: 4_000 },
  reset: { session: 512, peer: 1_024, sum: 8_192 },
  /** Connections that brought more bytes than their calls explain. */
  bytes: { session: 0, peer: 16, sum: 1_024 },
} as const
export type Nuisance = keyof typeof allowed

/** Fewer of a peer are never too many, however much the others do. */
const fewest = 64

type Counts = Record<Nuisance, number>
const none: Counts = { ping: 0, settings: 0, reset: 0, bytes: 0 }

/** Counts nuisances of all peers. What was counted is forgotten every ten seconds. */
export interface FloodMeter {
  /** @returns whether it was one too many: of the peer, or of all while the peer has more than its part */
  count(peer: string, nuisance: Nuisance): boolean
  /** Whether the peer is to begin nothing new until the ten seconds are over. */
  isFlooding(peer: string): boolean
}

export function createFloodMeter(clock: Clock): FloodMeter {
  let peers = new Map<string, Counts>()
  let sums = { ...none }
  let since = clock.now()

  function forget(): void {
    if (clock.now() - since <= windowMs) return
    since = clock.now()
    peers = new Map()
    sums = { ...none }
  }

  function isTooMuch(counts: Counts, nuisance: Nuisance): boolean {
    const { peer, sum } = allowed[nuisance]
    if (counts[nuisance] > peer) return true
    return sums[nuisance] > sum && counts[nuisance] > Math.max(fewest, sum / peers.size)
  }

  return {
    count(peer, nuisance) {
      forget()
      const counts = peers.get(peer) ?? { ...none }
      peers.set(peer, counts)
      counts[nuisance]++
      sums[nuisance]++
      return isTooMuch(counts, nuisance)
    },
    isFlooding(peer) {
      forget()
      const counts = peers.get(peer)
      return counts !== undefined && (Object.keys(allowed) as Nuisance[]).some(nuisance => isTooMuch(counts, nuisance))
    },
  }
}

/** Counts the nuisances of one connection. @returns a function that is true when there was too much of it */
export function createSessionMeter(clock: Clock): (nuisance: Nuisance) => boolean {
  let counts = { ...none }
  let since = clock.now()
  return nuisance => {
    if (clock.now() - since > windowMs) {
      since = clock.now()
      counts = { ...none }
    }
    return ++counts[nuisance] > allowed[nuisance].session
  }
}

/**
 * Watches one connection for floods.
 * @param end called when the peer floods the connection, or all its connections together
 * @returns counts what the session itself does not tell of
 */
export function watchForFloods(
  session: ServerHttp2Session,
  { peer, meter, clock }: { peer: string; meter: FloodMeter; clock: Clock },
  end: () => void,
): (nuisance: Nuisance) => void {
  const isTooMuch = createSessionMeter(clock)
  const note = (nuisance: Nuisance): void => {
    const ofPeer = meter.count(peer, nuisance)
    if (isTooMuch(nuisance) || ofPeer) end()
  }
  session.on('ping', () => note('ping'))
  // The first belong to the preface.
  session.once('remoteSettings', () => session.on('remoteSettings', () => note('settings')))
  session.on('stream', stream => {
    // Taken back in the same read: it has closed before anybody was told of it.
    if (stream.closed || stream.destroyed) note('reset')
    else stream.once('aborted', () => wasEndedHere(stream) || session.destroyed || note('reset'))
  })
  return note
}

import type { ServerHttp2Session } from 'node:http2'
import type { Limit } from '../../enforce/report/metrics.ts'
import type { Accepted } from '../../platform/wire/accepted.ts'
import { ticksOf } from '../../platform/wire/connection/ticks.ts'
import { NGHTTP2_ENHANCE_YOUR_CALM } from './codes.ts'
import { type ByteMeter, createByteMeter } from './watch/byte-meter.ts'

/** A connection, and what is looked at while it is open. Times in ticks of the sweep. */
export interface OpenSession {
  readonly session: ServerHttp2Session
  readonly accepted: Accepted
  readonly bytes: ByteMeter
  onTooMany(): void
  /** Calls that are open, and those that were refused. */
  calls: number
  refused: number
  /** Since when it has no call, or is to be closed. */
  since: number
  closingSince: number
  /** Whether the preface and the first settings have come. */
  greeted: boolean
  /** Whether there was a call. */
  served: boolean
  /** Frames that came and were told of; how many there were, and bytes read, at the last look. */
  told: number
  toldBefore: number
  readBefore: number
  /** When bytes came last, and since when such come of which nothing is told: the beginning of a head. */
  movedAt: number
  headSince: number
}

/** How long a connection that was told to end may take for it. */
const closingTicks = ticksOf(1_000)
/** Whoever goes on after so many refused calls does not listen. */
const mostRefused = 128

/** The connections themselves: how long one may be without a call, whatever it sends. */
export interface OpenSessions {
  /** @param onTooMany called when it brings more bytes than its calls explain */
  add(session: ServerHttp2Session, accepted: Accepted, onTooMany: () => void): OpenSession
  /** A call begins; `over` says that it has ended. */
  begin(one: OpenSession): void
  over(one: OpenSession): void
  /** A call was refused because of the memory it would take. */
  refuse(one: OpenSession): void
  all(): Iterable<OpenSession>
  size(): number
  sweep(tick: number): void
}

const flooded = new Error('the peer asks for too much')

export function createOpenSessions(options: {
  headTicks: number
  idleTicks: number
  limitHit(limit: Limit): void
}): OpenSessions {
  const { headTicks, idleTicks, limitHit } = options
  const all = new Set<OpenSession>()
  let now = 0

  function destroy({ session, accepted }: OpenSession): void {
    session.destroy()
    accepted.socket.destroy()
  }

  /**
   * Bytes of which nothing is told are a head that has not ended; none of them starts its time anew. After a first call
   * they can be windows that the peer opens late: then the time between calls is the limit.
   */
  function headIsLate(one: OpenSession): boolean {
    const { bytesRead } = one.accepted.socket
    const moved = bytesRead !== one.readBefore
    if (one.told !== one.toldBefore || now - one.movedAt > headTicks) one.headSince = -1
    if (moved && one.told === one.toldBefore && one.headSince < 0) one.headSince = now
    if (moved) one.movedAt = now
    one.readBefore = bytesRead
    one.toldBefore = one.told
    return one.headSince >= 0 && now - one.headSince > headTicks
  }

  function sweepOne(one: OpenSession): void {
    if (one.closingSince >= 0) {
      if (now - one.closingSince > closingTicks && one.calls === 0) destroy(one)
      return
    }
    if (!one.greeted) {
      if (now - one.since <= headTicks) return
      limitHit('head_timeout')
      return void destroy(one)
    }
    if (one.bytes.isTooMuch(now)) return void one.onTooMany()
    if (one.calls > 0) return
    if (!one.served && headIsLate(one)) {
      limitHit('head_timeout')
      return void destroy(one)
    }
    if (now - one.since <= idleTicks) return
    one.closingSince = now
    one.session.close()
  }

  return {
    all: () => all,
    size: () => all.size,
    add(session, accepted, onTooMany) {
      const one: OpenSession = {
        session,
        accepted,
        onTooMany,
        bytes: createByteMeter(accepted.socket),
        calls: 0,
        refused: 0,
        since: now,
        closingSince: -1,
        greeted: false,
        served: false,
        movedAt: now,
        told: 0,
        toldBefore: 0,
        readBefore: 0,
        headSince: -1,
      }
      all.add(one)
      session.once('close', () => all.delete(one))
      const tell = (): void => void one.told++
      session.on('ping', tell)
      session.on('remoteSettings', () => {
        one.greeted = true
        tell()
      })
      return one
    },
    begin(one) {
      one.calls++
      one.told++
      one.served = true
      one.bytes.call()
    },
    over(one) {
      one.calls--
      one.told++
      if (one.calls === 0) one.since = now
    },
    refuse(one) {
      limitHit('memory')
      if (++one.refused > mostRefused) one.session.destroy(flooded, NGHTTP2_ENHANCE_YOUR_CALM)
    },
    sweep(tick) {
      now = tick
      for (const one of all) sweepOne(one)
    },
  }
}

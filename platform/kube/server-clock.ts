import { type Clock, systemClock } from '../clock.ts'

/** One answer of the API server: when it was asked and answered by our clock, and what its `Date` says. */
export interface DatedAnswer {
  readonly date: string | undefined
  readonly sentMs: number
  readonly receivedMs: number
}

/** A clock whose time of day is the API server's. */
export interface ServerClock extends Clock {
  heard(answer: DatedAnswer): void
}

/**
 * The machine's clock, put right by what the API server last said. Whoever writes times that others go by needs it: they are
 * compared with those of creations and with each other's, and two nodes need not agree. Only what an answer proves is put
 * right: how long it was under way, and the part of a second that `Date` leaves out, are in our favour.
 */
export function createServerClock(own: Clock = systemClock): ServerClock {
  let aheadMs = 0
  return {
    ...own,
    wallMs: () => own.wallMs() - aheadMs,
    heard({ date, sentMs, receivedMs }) {
      const said = Date.parse(date ?? '')
      if (Number.isNaN(said)) return
      // It was written between the two, and in the second that begins there.
      const [least, most] = [sentMs - said - 1_000, receivedMs - said]
      aheadMs = least > 0 ? least : Math.min(most, 0)
    },
  }
}

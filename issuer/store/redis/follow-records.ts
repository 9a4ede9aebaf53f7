import { type Clock, sleep } from '../../../platform/clock.ts'
import type { Logger } from '../../../platform/log.ts'
import { createHandlers } from '../handlers.ts'
import type { Feed, Follower, StoredRecord } from '../store.ts'

/** What is asked of Redis. Each rejects when it is not known. */
export interface FollowedRecords {
  /** How many were put, counted since ever; undefined where none was. */
  count(): Promise<number | undefined>
  /** Those that were put after so many, in order; a page of them. */
  after(count: number): Promise<{ records: StoredRecord[]; count: number; isLast: boolean }>
}

const everyMs = 100
const retryMs = 200
/** The first connection takes its time, and tells itself of its faults. */
const failuresBeforeTold = 10
/** How long Redis may say nothing before what it does not say counts. */
const unknownAfterMs = 10_000

/**
 * Asks again and again how many were put, and reads those that are new. After whatever went wrong all are read again: it may be
 * another Redis, or one that forgot.
 */
export function followRecords(
  follower: Follower,
  parts: { records: FollowedRecords; clock: Clock; log: Logger },
): Feed {
  const { records, clock, log } = parts
  const stopping = new AbortController()
  const told = createHandlers<string>()
  const progressed = createHandlers<void>()
  const read = Promise.withResolvers<void>()
  let version: string | undefined
  let upTo = 0
  let askedAt: number | undefined
  let failures = 0

  async function look(): Promise<void> {
    // Before it is asked: what is put meanwhile is in the next look.
    const startedAt = clock.now()
    const count = await records.count()
    // It forgot: what it counts from now on is not what it counted.
    if ((count ?? 0) < upTo) upTo = 0
    while (upTo < (count ?? 0)) {
      const page = await records.after(upTo)
      for (const record of page.records) follower(record)
      upTo = page.isLast ? Math.max(page.count, count ?? 0) : page.count
    }
    const isFirst = askedAt === undefined
    askedAt = startedAt
    failures = 0
    const now = count === undefined ? undefined : String(upTo)
    if (now !== undefined && now !== version) told.call(now)
    version = now
    if (isFirst) read.resolve()
    progressed.call()
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await look()
      } catch (error) {
        upTo = 0
        if (failures++ === failuresBeforeTold)
          log.warn({ err: error }, 'the records of the token store cannot be followed, trying again')
      }
      await sleep(clock, failures > 0 ? retryMs : everyMs, stopping.signal)
    }
  }

  const running = run()
  return {
    name: 'redis/revocations',
    progress: () => version,
    async whenRead(signal) {
      const stopped = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      })
      await Promise.race([read.promise, stopped])
    },
    unknownSince() {
      if (askedAt === undefined) return 0
      const silentMs = clock.now() - askedAt
      return silentMs > unknownAfterMs ? Math.floor((clock.wallMs() - silentMs) / 1_000) : undefined
    },
    onTold: told.add,
    onProgress: progressed.add,
    // It is asked ten times a second.
    askProgress() {},
    async stop() {
      stopping.abort()
      await running
    },
  }
}

import { type FollowedType, followedTypes, type RecordType } from '../../../core/base/record-types.ts'
import type { Clock } from '../../../platform/clock.ts'
import type { Logger } from '../../../platform/log.ts'
import { createAttempts } from '../attempts.ts'
import { decodeRecord, type EncodedKey, encodeKey, encodeTenant, encodeValue } from '../encode-record.ts'
import {
  type Bounds,
  type Feed,
  graceSeconds,
  type NewRecord,
  type RecordKey,
  type StoredRecord,
  StoreError,
  type TokenStore,
} from '../store.ts'
import { openConnection, type RedisAddress, type RedisConnection } from './connection.ts'
import { type FollowedRecords, followRecords } from './follow-records.ts'
import { type Script, takeRecord, writeRecord } from './scripts.ts'
import { createStanding } from './standing.ts'

export interface RedisStoreParts {
  readonly address: RedisAddress
  /** Two installations at one Redis do not meet. */
  readonly installation: string
  readonly clock: Clock
  readonly log: Logger
  readonly bounds?: Bounds
  readonly deadlineMs?: number
  readonly pageSize?: number
}

/** A record costs 660 bytes with its places in two indexes, and its value. */
const defaultBounds: Bounds = { tenant: 200_000, sum: 1_000_000 }

/** The store as keys of one Redis, which runs each script whole: for any number of replicas it is decided there. */
export function createRedisStore(parts: RedisStoreParts): TokenStore {
  const { address, installation, clock, log, bounds = defaultBounds, deadlineMs = 2_000, pageSize = 500 } = parts
  const attempt = createAttempts({ clock, deadlineMs })
  let connection: RedisConnection | undefined
  const send = async (args: readonly string[]): Promise<unknown> => {
    if (!connection) throw new Error('the token store is not started')
    return connection.send(args)
  }
  const standing = createStanding({ send, clock, log })
  /** Each command by itself: between two of them there may be another connection, to another Redis. */
  const ask = async (args: readonly string[]): Promise<unknown> => {
    standing.check()
    return send(args)
  }

  const recordOf = ({ type, hash }: Pick<EncodedKey, 'type' | 'hash'>) => `latchkey:${installation}:${type}:${hash}`
  const indexOf = (type: RecordType, tenant: string) => `latchkey:${installation}:ends:${type}:${tenant}`
  const feedOf = (type: RecordType) => `latchkey:${installation}:feed:${type}`
  const countOf = (type: RecordType) => `latchkey:${installation}:count:${type}`
  const keysOf = (key: EncodedKey) => [
    recordOf(key),
    indexOf(key.type, key.tenant),
    `latchkey:${installation}:ends:${key.type}`,
    ...(isFollowed(key.type) ? [feedOf(key.type), countOf(key.type)] : []),
  ]
  const feeds: Feed[] = []

  function operate<T>(operation: () => Promise<T>): Promise<T> {
    return attempt(async () => {
      try {
        return await operation()
      } catch (error) {
        throw /^OOM /.test(messageOf(error)) ? new StoreError('store_full', error) : error
      }
    })
  }

  async function run({ sha1, text }: Script, key: EncodedKey, args: readonly string[]): Promise<unknown> {
    const keys = keysOf(key)
    const rest = [String(keys.length), ...keys, ...args]
    try {
      return await ask(['EVALSHA', sha1, ...rest])
    } catch (error) {
      if (!/^NOSCRIPT /.test(messageOf(error))) throw error
      return ask(['EVAL', text, ...rest])
    }
  }

  /** What comes on this connection from now on may be the answers of others: taken for one's own, one of them would be a yes. */
  function outOfStep(): Error {
    const told = 'Redis answered another question'
    connection?.renew(told)
    return new Error(told)
  }

  /** @throws Error when it is the answer to another question */
  function own(answer: unknown, { hash }: Pick<EncodedKey, 'hash'>): string {
    if (typeof answer === 'string' && answer.startsWith(`${hash} `)) return answer.slice(hash.length + 1)
    throw outOfStep()
  }

  let asked = 0
  /** Reads by a command whose answer does not say what it is of: the one after it has to be the right one. */
  async function read(args: readonly string[]): Promise<unknown> {
    const mark = `latchkey ${asked++}`
    const [answer, echo] = await Promise.all([ask(args), ask(['ECHO', mark])])
    if (echo !== mark) throw outOfStep()
    return answer
  }

  function recordIn(text: string): StoredRecord | undefined {
    if (text === 'none') return undefined
    const [, endsAt, , value] = /^(\d+)( (.*))?$/s.exec(text) ?? []
    return decodeRecord(Number(endsAt), value, clock.wallMs())
  }

  async function write(key: RecordKey, record: NewRecord, how: 'claim' | 'put'): Promise<string> {
    const encoded = encodeKey(key)
    const value = encodeValue(key, record)
    const text = [encoded.hash, record.endsAt, ...(value === undefined ? [] : [value])].join(' ')
    const lastsMs = Math.max(1, Math.ceil((record.endsAt + graceSeconds) * 1_000 - clock.wallMs()))
    const args = [text, encoded.hash, `${lastsMs}`, `${bounds.tenant}`, `${bounds.sum}`, how]
    const answer = await operate(async () => own(await run(writeRecord, encoded, args), encoded))
    if (answer === 'tenant_full' || answer === 'store_full') throw new StoreError(answer)
    return answer
  }

  return {
    async claim(key, record) {
      return (await write(key, record, 'claim')) === 'written' ? 'claimed' : 'held'
    },
    async put(key, record) {
      await write(key, record, 'put')
    },
    async get(key) {
      const encoded = encodeKey(key)
      return operate(async () => {
        const text = await read(['GET', recordOf(encoded)])
        return text === null ? undefined : recordIn(own(text, encoded))
      })
    },
    async take(key) {
      const encoded = encodeKey(key)
      const args = [encoded.hash, `${clock.wallMs()}`]
      return operate(async () => recordIn(own(await run(takeRecord, encoded, args), encoded)))
    },
    async *list(type, tenant) {
      const index = indexOf(type, encodeTenant(tenant))
      let cursor = '0'
      do {
        const page = await operate(() => readPage(index, type, cursor))
        yield* page.records
        cursor = page.cursor
      } while (cursor !== '0')
    },
    follow(type, follower) {
      const feed = followRecords(follower, { records: recordsIn(type), clock, log })
      feeds.push(feed)
      return feed
    },
    fault() {
      const [fault, away] = [standing.fault(), connection?.fault()]
      return fault !== undefined && away !== undefined ? `the token store cannot be reached: ${away}` : fault
    },
    start() {
      connection = openConnection(address, { clock, log, silenceMs: deadlineMs, onOpened: standing.look })
    },
    async stop() {
      const stopped = feeds.map(feed => feed.stop())
      standing.stop()
      connection?.stop()
      await Promise.all(stopped)
    },
  }

  function recordsIn(type: FollowedType): FollowedRecords {
    return {
      async count() {
        const text = await operate(() => read(['GET', countOf(type)]))
        return text === null ? undefined : Number(text)
      },
      async after(count) {
        const range = ['ZRANGEBYSCORE', feedOf(type), `(${count}`, '+inf', 'WITHSCORES', 'LIMIT', '0', `${pageSize}`]
        const answer = (await operate(() => read(range))) as string[]
        const hashes = answer.filter((_, at) => at % 2 === 0)
        const records = await operate(() => readRecords(type, hashes))
        return { records, count: Number(answer.at(-1) ?? count), isLast: hashes.length < pageSize }
      },
    }
  }

  async function readPage(index: string, type: RecordType, from: string) {
    const [cursor, members] = (await read(['ZSCAN', index, from, 'COUNT', `${pageSize}`])) as [string, string[]]
    const hashes = members.filter((_, at) => at % 2 === 0)
    return { cursor, records: await readRecords(type, hashes) }
  }

  async function readRecords(type: RecordType, hashes: readonly string[]): Promise<StoredRecord[]> {
    if (hashes.length === 0) return []
    const texts = (await read(['MGET', ...hashes.map(hash => recordOf({ type, hash }))])) as unknown[]
    return hashes.flatMap((hash, at) => {
      const text = texts[at] ?? null
      return text === null ? [] : (recordIn(own(text, { hash })) ?? [])
    })
  }
}

function isFollowed(type: RecordType): type is FollowedType {
  return (followedTypes as readonly RecordType[]).includes(type)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : ''
}

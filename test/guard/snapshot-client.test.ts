import { writeFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { featureNames } from '../../core/rows/features.ts'
import type { Used } from '../../core/rows/frames.ts'
import { maxSliceBytes } from '../../core/rows/frames.ts'
import { sliceHash } from '../../core/rows/hash.ts'
import { createPolicy, type Policy } from '../../enforce/policy/policy.ts'
import { createSlice } from '../../enforce/policy/slice.ts'
import {
  createSnapshotClient,
  type SnapshotClient,
  type SnapshotClientOptions,
} from '../../enforce/policy/snapshot-client.ts'
import type { KeptBack } from '../../enforce/policy/standing.ts'
import type { Logger } from '../../platform/log.ts'
import { createQuietLog } from '../unit/platform/quiet-log.ts'
import { delta, type FrameServer, full, heartbeat, type Stream, startFrameServer } from './frame-server.ts'
import { rowsOfSize } from './large-slice.ts'
import { alice, createCaller, rowsOf, service } from './policy-rows.ts'
import { createSteppedClock, type SteppedClock } from './rig.ts'
import { until } from './until.ts'

let server: FrameServer
let client: SnapshotClient
let policy: Policy
let clock: SteppedClock
let lines: Record<string, unknown>[]
let log: Logger
const connected: boolean[] = []
/** What was used and not told yet, and when it was asked for. */
const used: Used[] = []
const asked: string[] = []
const everything: Record<string, unknown>[][] = []

beforeAll(async () => {
  server = await startFrameServer()
})
afterAll(() => server.close())
beforeEach(() => {
  server.streams.splice(0)
  for (const list of [connected, used, asked]) list.splice(0)
  server.serve(() => {})
  clock = createSteppedClock()
  policy = createPolicy(clock)
  const quiet = createQuietLog()
  log = quiet.log
  lines = quiet.lines
  everything.push(lines)
  start(60_000)
})
afterEach(() => client.stop())

/** What a guard without a limit of memory says first, when it holds nothing. */
const greeting = { slice: service, version: 'test', features: featureNames, maxBytes: maxSliceBytes }

/** @param idleMs how long a stream may say nothing */
function start(idleMs: number, more: Partial<SnapshotClientOptions> = {}): void {
  client = createSnapshotClient({
    ...more,
    url: server.url,
    service,
    version: 'test',
    caFile: server.caFile,
    tokenFile: server.tokenFile,
    slice: createSlice(policy),
    findings: () => ({ exposed: ['0.0.0.0:80'], wouldDeny: 7 }),
    used(when) {
      asked.push(when)
      return used.splice(0)
    },
    onTaken: () => {},
    onConnected: is => void connected.push(is),
    clock,
    log,
    idleMs,
    backoff: more.backoff ?? { minMs: 10, maxMs: 50 },
  })
  client.start()
}

const rows = rowsOf()
const without = rows.filter(row => row.type !== 'grant')
const hash = sliceHash(rows)
/** The stream that was opened as the nth, counted from 0. */
const streamAt = async (at: number): Promise<Stream> => {
  await until(() => server.streams.length > at)
  return server.streams[at] as Stream
}
const held = (): string | undefined => policy.snapshot()?.hash
const said = (): string => lines.map(line => line.why).join('\n')

describe('a stream', () => {
  it('begins with a hello and brings the slice; the guard answers what it holds', async () => {
    const stream = await streamAt(0)
    expect(stream.authorization).toBe('Bearer first-token')
    expect(stream.hello).toEqual(greeting)
    stream.send(full(rows, { apiclients: '5' }))
    await until(() => stream.held.length === 1)
    expect(stream.held).toEqual([{ hash, exposed: ['0.0.0.0:80'], wouldDeny: 7 }])
    expect(held()).toBe(hash)
    expect(policy.unfit()).toBeUndefined()
    expect(connected).toEqual([true])
  })
  it('tells what was used, part by part, behind what is held, and once more when the guard stops', async () => {
    const stream = await streamAt(0)
    const parts: Used[] = [{ keys: [['kid', 3, 1]] }, { uncounted: 2 }]
    used.push(...parts)
    stream.send(full(rows, { apiclients: '5' }))
    await until(() => stream.held.length === 3)
    expect(stream.held.slice(1)).toEqual(parts.map(part => ({ hash, used: part })))
    stream.send(heartbeat(rows, { apiclients: '5' }))
    await until(() => stream.held.length === 4)
    used.push({ grants: [['give', 1, 0]] })
    await client.tellUsed()
    await until(() => stream.held.length === 6)
    expect(stream.held[5]).toEqual({ hash, used: { grants: [['give', 1, 0]] } })
    expect(asked).toEqual(['if due', 'if due', 'now'])
  })
  it('brings changes, several in one packet and one in several', async () => {
    const stream = await streamAt(0)
    const text = [
      full(rows, { a: '1' }),
      delta(rows, without, ['grant/alice-calls'], { a: '2' }),
      delta(without, rows, [], { a: '3' }),
    ]
      .map(frame => `${JSON.stringify(frame)}\n`)
      .join('')
    stream.raw(text.slice(0, text.length - 40))
    await until(() => held() === sliceHash(without))
    stream.raw(text.slice(text.length - 40))
    await until(() => held() === hash)
    // What came until it answered is one answer: of all three, when they came within a millisecond.
    await until(() => stream.held.at(-1)?.hash === hash)
    expect(stream.held.length).toBeLessThanOrEqual(3)
  })
  it('is resumed with what is held, and a new token is read for it', async () => {
    const stream = await streamAt(0)
    stream.send(full(rows, { a: '12' }))
    await until(() => stream.held.length === 1)
    await writeFile(server.tokenFile, 'second-token\n')
    stream.cut()
    const next = await streamAt(1)
    expect(next.hello).toEqual({ ...greeting, seen: { a: '12' }, hash })
    expect(next.authorization).toBe('Bearer second-token')
    await writeFile(server.tokenFile, 'first-token\n')
    next.send(heartbeat(rows, { a: '13' }))
    await until(() => next.held.length === 1)
  })
  it('keeps the policy fresh by heartbeats only while they come', async () => {
    const stream = await streamAt(0)
    stream.send(full(rows, { a: '1' }))
    await until(() => stream.held.length === 1)
    clock.step(86_400_000 + 1_000)
    expect(policy.unfit()).toBe('policy_stale')
    stream.send(heartbeat(rows, { a: '1' }))
    await until(() => policy.unfit() === undefined)
  })
  it('tells findings again when they change', async () => {
    const stream = await streamAt(0)
    client.tellHeld()
    await until(() => stream.held.length === 1)
    expect(stream.held[0]?.hash).toBe('0'.repeat(64))
  })
})

describe('never backwards', () => {
  const first = async (): Promise<Stream> => {
    const stream = await streamAt(0)
    stream.send(full(without, { a: '10', b: '5' }))
    await until(() => stream.held.length === 1)
    return stream
  }
  it.each([
    ['a full slice', full(rows, { a: '9', b: '6' })],
    ['a delta', delta(without, rows, [], { a: '9', b: '5' })],
    ['a heartbeat', heartbeat(without, { a: '9', b: '5' })],
  ])('takes no %s that has seen less', async (_what, frame) => {
    const stream = await first()
    stream.send(frame)
    await streamAt(1)
    expect(held()).toBe(sliceHash(without))
    expect(said()).toContain('older than what is held')
  })
  it('S10 keeps what it has when a frame is cut half way, however large, and takes the whole one afterwards', async () => {
    const stream = await first()
    const text = `${JSON.stringify(full(rowsOfSize(1_000_000), { a: '11', b: '5' }))}\n`
    stream.raw(text.slice(0, text.length - 10))
    stream.cut()
    const next = await streamAt(1)
    expect(held()).toBe(sliceHash(without))
    expect(next.hello).toMatchObject({ seen: { a: '10', b: '5' }, hash: sliceHash(without) })
    next.raw(text)
    await until(() => next.held.length === 1)
    expect(held()).toBe(next.held[0]?.hash)
  })
  it('S10 takes frames in their order, though the first one takes long', async () => {
    const stream = await first()
    const many = rowsOfSize(1_000_000)
    const more = [...many, createCaller('late').row]
    stream.raw(
      [
        full(many, { a: '11', b: '5' }),
        delta(many, more, [], { a: '12', b: '5' }),
        heartbeat(more, { a: '13', b: '5' }),
      ]
        .map(frame => `${JSON.stringify(frame)}\n`)
        .join(''),
    )
    await until(() => held() === sliceHash(more))
    await until(() => stream.held.at(-1)?.hash === sliceHash(more))
  })
  it('keeps what it has and tries again when the replica is behind', async () => {
    const stream = await first()
    clock.step(60_000)
    const age = policy.ageSeconds() as number
    stream.send({ behind: true })
    const next = await streamAt(1)
    expect(held()).toBe(sliceHash(without))
    expect(policy.ageSeconds()).toBeGreaterThanOrEqual(age)
    next.send(full(rows, { a: '11', b: '5' }))
    await until(() => held() === hash)
  })
  it('takes a frame that no longer names a resource', async () => {
    const stream = await first()
    stream.send(delta(without, rows, [], { a: '11' }))
    await until(() => held() === hash)
  })
})

describe('a policy that is larger than the memory of the guard allows', () => {
  const mebibyte = 1_048_576
  const told: (KeptBack | undefined)[] = []
  beforeEach(async () => {
    await streamAt(0)
    client.stop()
    told.splice(0)
    start(60_000, { memoryBytes: 136 * mebibyte, onTooLarge: slice => void told.push(slice) })
  })

  it('is said at first, with how many share the memory', async () => {
    expect((await streamAt(1)).hello).toEqual({ ...greeting, maxBytes: 2 * mebibyte })
    client.stop()
    start(60_000, { memoryBytes: 136 * mebibyte, sharedBy: 2 })
    expect((await streamAt(2)).hello).toEqual({ ...greeting, maxBytes: mebibyte, sharedBy: 2 })
  })
  it('leaves what is held in force, which ages; the log says once what memory is needed, and the stream goes on', async () => {
    const stream = await streamAt(1)
    stream.send(full(rows, { a: '1' }))
    await until(() => stream.held.length === 1)
    clock.step(3_600_000)
    for (const bytes of [9, 10, 100]) stream.send({ tooLarge: { bytes: bytes * mebibyte } })
    await until(() => told.length === 3)
    expect(told.map(slice => slice?.memory)).toEqual([256 * mebibyte, 256 * mebibyte, undefined])
    expect(lines.flatMap(({ msg }) => (String(msg).includes('too large') ? [msg] : []))).toEqual([
      'the policy is too large for the memory of this guard, which keeps what it has: give it 256Mi, or divide the service',
    ])
    expect(held()).toBe(hash)
    expect(policy.ageSeconds()).toBeGreaterThanOrEqual(3_600)
    stream.send(heartbeat(rows, { a: '2' }))
    await until(() => told.length === 4)
    expect([told[3], server.streams.length]).toEqual([undefined, 2])
    expect(policy.ageSeconds()).toBeLessThan(3_600)
  })
  it('is asked for as a whole when a change was longer than all that is there after it', async () => {
    const stream = await streamAt(1)
    stream.send(full(rows, { a: '1' }))
    await until(() => stream.held.length === 1)
    stream.raw(`${JSON.stringify(delta(rows, rowsOfSize(3.5 * mebibyte), [], { a: '2' }))}\n`)
    const next = await streamAt(2)
    expect(said()).toContain('too large')
    expect([next.hello.hash, held()]).toEqual([undefined, hash])
    next.send(full(without, { a: '2' }))
    await until(() => held() === sliceHash(without))
  })
})

describe('faults on the stream', () => {
  it('asks for everything when hashes differ, and decides from the last good one meanwhile', async () => {
    const stream = await streamAt(0)
    stream.send(full(rows, { a: '1' }))
    await until(() => stream.held.length === 1)
    stream.send({ ...delta(rows, without, ['grant/alice-calls'], { a: '2' }), hash: 'f'.repeat(64) } as never)
    const next = await streamAt(1)
    expect(next.hello).toEqual(greeting)
    expect(held()).toBe(hash)
    next.send(full(without, { a: '2' }))
    await until(() => held() === sliceHash(without))
    next.cut()
    expect((await streamAt(2)).hello.hash).toBe(sliceHash(without))
  })
  it('asks for everything when a heartbeat tells of another hash', async () => {
    const stream = await streamAt(0)
    stream.send(full(rows, { a: '1' }))
    await until(() => stream.held.length === 1)
    stream.send(heartbeat(without, { a: '2' }))
    expect((await streamAt(1)).hello.hash).toBeUndefined()
  })
  it.each([
    ['garbage', '\x00\xff garbage\n'],
    ['JSON that is no frame', '[1]\n{"nothing":1}\n'],
    ['a null', 'null\n'],
    ['a frame without rows', '{"full":{},"seen":{},"hash":"x"}\n'],
    ['a frame of no known kind', '{"later":{},"seen":{},"hash":"x"}\n'],
  ])('survives %s', async (_what, bytes) => {
    const stream = await streamAt(0)
    stream.send(full(rows, { a: '1' }))
    await until(() => stream.held.length === 1)
    stream.raw(bytes)
    const next = await streamAt(1)
    expect(held()).toBe(hash)
    next.send(full(without, { a: '2' }))
    await until(() => held() === sliceHash(without))
  })
  it('does not take half a line', async () => {
    const stream = await streamAt(0)
    const text = JSON.stringify(full(rows, { a: '1' }))
    stream.raw(text.slice(0, -1))
    stream.cut()
    await streamAt(1)
    expect(held()).toBeUndefined()
  })
  it('leaves a stream on which nothing comes', async () => {
    await streamAt(0)
    client.stop()
    start(300)
    await streamAt(1)
    await streamAt(2)
    expect(said()).toContain('nothing came in time')
  })
  it('tries again after a refusal, whose code is told and whose text is not', async () => {
    const stream = await streamAt(0)
    server.refuse(403, 'forbidden')
    stream.cut()
    await until(() => said().includes('the issuer answered 403 forbidden'))
    server.serve(next => next.send(full(rows, { a: '1' })))
    await until(() => held() === hash)
  })
  it('asks an issuer that says when to come back at that time, and does not wait as if there were none', async () => {
    client.stop()
    server.refuse(503, 'too_busy', { 'retry-after': '0' })
    start(60_000, { backoff: { minMs: 60_000, maxMs: 60_000 } })
    await until(() => said().includes('the issuer answered 503 too_busy'))
    server.serve(next => next.send(full(rows, { a: '1' })))
    await until(() => held() === hash)
  })
  it('tries again when the issuer ends the stream', async () => {
    const stream = await streamAt(0)
    stream.send({ end: { code: 'draining', message: 'x' } })
    await streamAt(1)
    expect(said()).toContain('draining')
  })
  it('does not talk to a server that the CA does not vouch for', async () => {
    const other = await startFrameServer()
    const stranger = createSnapshotClient({
      url: other.url,
      service,
      version: 'test',
      caFile: server.caFile,
      tokenFile: server.tokenFile,
      slice: createSlice(policy),
      findings: () => ({}),
      used: () => [],
      onTaken: () => {},
      onConnected: () => {},
      clock,
      log: createQuietLog().log,
      backoff: { minMs: 10, maxMs: 20 },
    })
    stranger.start()
    await new Promise(resolve => setTimeout(resolve, 100))
    expect(other.streams).toEqual([])
    stranger.stop()
    await other.close()
  })
  it('says nothing secret in its log', () => {
    expect(everything.flat().length).toBeGreaterThan(20)
    expect(JSON.stringify(everything)).not.toMatch(/first-token|second-token|Bearer/)
    expect(JSON.stringify(everything)).not.toContain(alice.key.publicKey.x)
  })
})

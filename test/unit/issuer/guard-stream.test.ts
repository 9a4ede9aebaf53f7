import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { expect, it } from 'vitest'
import { maxSliceBytes } from '../../../core/rows/frames.ts'
import type { RoleRow } from '../../../core/rows/rows.ts'
import type { Objects } from '../../../issuer/objects.ts'
import { createSlice } from '../../../issuer/slices/slice.ts'
import type { Slices } from '../../../issuer/slices/slices.ts'
import { createChunkCache } from '../../../issuer/snapshots/frame-text.ts'
import { createGuardStream } from '../../../issuer/snapshots/guard-stream.ts'
import { createFairQueue } from '../../../platform/fair/fair-queue.ts'
import { serviceRow } from '../core/fixture.ts'
import { createManualClock, settled } from '../platform/manual-clock.ts'

const role = (name: string, path = '/'): RoleRow => ({
  type: 'role',
  name,
  rules: [{ index: 0, methods: ['GET'], paths: [path] }],
})

/** A stream to a guard that reads whatever comes, or nothing until it is told to. */
function world({
  bytes,
  reads = 'all',
  whenCurrent = done => done(),
  features,
}: {
  bytes?: number
  reads?: 'all' | 'nothing'
  whenCurrent?: (done: () => void) => void
  features?: string[]
} = {}) {
  const clock = createManualClock()
  const slice = createSlice('shop/orders', () => ({ roles: '1' }), clock.now, createChunkCache(1_048_576))
  slice.replace([role('a')])
  const lines: string[] = []
  const waiting: (() => void)[] = []
  const guard = { reads: reads === 'all' }
  const response = Object.assign(new EventEmitter(), {
    destroyed: false,
    write(piece: Buffer | string, done: () => void) {
      lines.push(String(piece))
      waiting.push(done)
      if (guard.reads) for (const read of waiting.splice(0)) setImmediate(read)
    },
    end: (text: string) => void lines.push(text),
  }) as unknown as ServerResponse
  const stream = createGuardStream({
    slice: { ...slice, ...(bytes !== undefined && { bytes: () => bytes }) },
    slices: { whenCurrent: (_service, done) => whenCurrent(done) } as Slices,
    objects: { progress: () => ({ roles: '1' }), claim() {} } as unknown as Objects,
    holder: { user: { username: 'a' }, expiresAt: 0 },
    hello: { slice: 'shop/orders', version: 'test', ...(features && { features }) },
    response,
    pace: {
      turns: createFairQueue({ running: 1, waiting: 1, waitingPerPeer: 1 }),
      onStalled() {},
    },
    ownSeen: () => ({}),
    clock,
  })
  const read = async () => {
    for (const done of waiting.splice(0)) done()
    await settled()
  }
  const kinds = () => lines.map(text => Object.keys(JSON.parse(text) as object)[0])
  return { slice, stream, lines, guard, read, kinds }
}

it('a guard that reads nothing costs no more with every change, and gets all of them as one', async () => {
  const { slice, lines, read, kinds } = world({ reads: 'nothing' })
  for (let n = 0; n < 1_000; n++) slice.renew([role('a', `/${n}`)])
  await settled()
  expect(kinds()).toEqual(['full'])
  await read()
  expect(kinds()).toEqual(['full', 'delta'])
  expect(JSON.parse(lines[1] ?? '')).toMatchObject({ delta: { upsert: [role('a', '/999')] }, hash: slice.hash() })
})

it('a guard that comes while its slice is made gets nothing before it is', async () => {
  let made: (() => void) | undefined
  const { slice, stream, kinds } = world({ whenCurrent: done => (made = done) })
  slice.replace([role('a'), role('b')])
  stream.beat('{"heartbeat":true}')
  await settled()
  expect(kinds()).toEqual([])
  made?.()
  await settled()
  expect(kinds()).toEqual(['full'])
})

it('a guard that goes while its slice is made is sent nothing when it is', async () => {
  let made: (() => void) | undefined
  const { stream, kinds } = world({ whenCurrent: done => (made = done) })
  stream.end('closed', 'It went.')
  made?.()
  await settled()
  expect(kinds()).toEqual(['end'])
})

it('no heartbeat confirms what the guard was not sent yet', async () => {
  const { slice, stream, guard, read, kinds } = world()
  await settled()
  stream.beat(slice.heartbeat())
  await settled()
  guard.reads = false
  slice.replace([role('a'), role('b')])
  stream.beat(slice.heartbeat())
  await read()
  expect(kinds()).toEqual(['full', 'heartbeat', 'delta'])
})

it('a service that goes takes its rows along before the stream ends, also from a guard that is slow', async () => {
  const { slice, stream, lines, read, kinds } = world({ reads: 'nothing' })
  slice.replace([role('a'), role('b')])
  slice.replace([])
  stream.end('service_not_found', 'gone')
  expect(stream.ended.aborted).toBe(true)
  await read()
  await read()
  expect(kinds()).toEqual(['full', 'delta', 'end'])
  expect(JSON.parse(lines[1] ?? '')).toMatchObject({ delta: { upsert: [], remove: ['role/a', 'role/b'] } })
})

it('a guard whose right has ended gets no change any more', async () => {
  const { slice, stream, read, kinds } = world({ reads: 'nothing' })
  slice.replace([role('a'), role('b')])
  stream.end('forbidden', 'no')
  await read()
  expect(kinds()).toEqual(['full', 'end'])
})

it('a slice beyond the bound is not sent, and that is said', async () => {
  const { kinds, lines, stream } = world({ bytes: maxSliceBytes + 1 })
  await settled()
  expect(kinds()).toEqual(['end'])
  expect(lines[0]).toContain('slice_too_large')
  expect(stream.ended.aborted).toBe(true)
})

const route = { name: 'r', path: '/r', methods: ['GET'], variants: 'Refuse' } as const
const tagged = (value: string) => serviceRow({ routes: [{ ...route, tags: { kind: value } }] })

it('a guard that says no features gets rows as it understands them, and nothing when only the rest changes', async () => {
  const { slice, stream, lines, kinds } = world({ features: [] })
  await settled()
  slice.replace([role('a'), tagged('a')])
  await settled()
  slice.replace([role('a'), tagged('b')])
  await settled()
  expect(kinds()).toEqual(['full', 'delta'])
  const { hash } = stream.view.frameFor({})
  expect(JSON.parse(lines[1] ?? '')).toMatchObject({ delta: { upsert: [serviceRow({ routes: [route] })] }, hash })
  expect(hash).not.toBe(slice.hash())
  stream.beat(stream.view.heartbeat())
  await settled()
  expect(kinds()).toEqual(['full', 'delta', 'heartbeat'])
  expect(JSON.parse(lines[2] ?? '')).toMatchObject({ hash })
})

it('a guard that says the features of this release gets all there is', async () => {
  const { slice, lines } = world({ features: ['route-tags-map', 'sun-is-up'] })
  await settled()
  slice.replace([role('a'), tagged('a')])
  await settled()
  expect(JSON.parse(lines[1] ?? '')).toMatchObject({ delta: { upsert: [tagged('a')] }, hash: slice.hash() })
})

import { describe, expect, it } from 'vitest'
import { maxSliceBytes } from '../../../core/rows/frames.ts'
import { emptyHash } from '../../../core/rows/hash.ts'
import { serviceRow } from '../core/fixture.ts'
import { settled } from '../platform/manual-clock.ts'
import { createStreamWorld, role } from './guard-stream-world.ts'

it('a guard that reads nothing costs no more with every change, and gets all of them as one', async () => {
  const { slice, lines, read, kinds } = createStreamWorld({ reads: 'nothing' })
  for (let n = 0; n < 1_000; n++) slice.renew([role('a', `/${n}`)])
  await settled()
  expect(kinds()).toEqual(['full'])
  await read()
  expect(kinds()).toEqual(['full', 'delta'])
  expect(JSON.parse(lines[1] ?? '')).toMatchObject({ delta: { upsert: [role('a', '/999')] }, hash: slice.hash() })
})

it('a guard that comes while its slice is made gets nothing before it is', async () => {
  let made: (() => void) | undefined
  const { slice, stream, kinds } = createStreamWorld({ whenCurrent: done => (made = done) })
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
  const { stream, kinds } = createStreamWorld({ whenCurrent: done => (made = done) })
  stream.end('closed', 'It went.')
  made?.()
  await settled()
  expect(kinds()).toEqual(['end'])
})

it('no heartbeat confirms what the guard was not sent yet', async () => {
  const { slice, stream, guard, read, kinds } = createStreamWorld()
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
  const { slice, stream, lines, read, kinds } = createStreamWorld({ reads: 'nothing' })
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
  const { slice, stream, read, kinds } = createStreamWorld({ reads: 'nothing' })
  slice.replace([role('a'), role('b')])
  stream.end('forbidden', 'no')
  await read()
  expect(kinds()).toEqual(['full', 'end'])
})

it('a slice beyond the bound is not sent, and that is said', async () => {
  const { kinds, lines, stream, replica } = createStreamWorld({ bytes: maxSliceBytes + 1 })
  await settled()
  expect(kinds()).toEqual(['end'])
  expect(lines[0]).toContain('slice_too_large')
  expect(stream.ended.aborted).toBe(true)
  // Such a guard comes again and again.
  expect(replica.subscribed).toBe(0)
})

const mebibyte = 1_048_576
describe('a slice that is larger than its guard takes', () => {
  const hello = { maxBytes: 8 * mebibyte }

  it('is not sent, now or again: the guard is told once, then at each beat, and its stream goes on', async () => {
    const { kinds, lines, stream, slice } = createStreamWorld({ bytes: 8 * mebibyte + 1, hello })
    await settled()
    expect(lines.map(text => JSON.parse(text))).toEqual([{ tooLarge: { bytes: 8 * mebibyte + 1 } }])
    expect(stream.ended.aborted).toBe(false)
    slice.replace([role('a'), role('b')])
    await settled()
    expect(kinds()).toEqual(['tooLarge'])
    stream.beat(slice.heartbeat())
    await settled()
    expect(kinds()).toEqual(['tooLarge', 'tooLarge'])
    expect(stream.tooLarge()).toEqual({ memory: 256 * mebibyte })
  })

  it('is sent when it has become smaller, and the guard is told again when it grows by a mebibyte', async () => {
    let bytes = mebibyte
    const { kinds, lines, stream, slice } = createStreamWorld({ bytes: () => bytes, hello })
    await settled()
    for (const size of [9, 9.5, 9.9, 11]) {
      bytes = size * mebibyte
      slice.renew([role('a', `/${size}`)])
      await settled()
    }
    expect(kinds()).toEqual(['full', 'tooLarge', 'tooLarge', 'tooLarge'])
    expect(stream.tooLarge()).toEqual({ memory: 256 * mebibyte })
    bytes = mebibyte
    slice.renew([role('a', '/small')])
    await settled()
    expect(kinds().slice(4)).toEqual(['delta'])
    expect(JSON.parse(lines[4] ?? '')).toMatchObject({ delta: { upsert: [role('a', '/small')] }, hash: slice.hash() })
    expect(stream.tooLarge()).toBeUndefined()
    stream.beat(slice.heartbeat())
    await settled()
    expect(kinds().slice(5)).toEqual(['heartbeat'])
  })

  it('costs nothing more where the guard has it already', async () => {
    const start = createStreamWorld()
    const { kinds, stream } = createStreamWorld({ bytes: 9 * mebibyte, hello: { ...hello, hash: start.slice.hash() } })
    await settled()
    expect(kinds()).toEqual(['delta'])
    expect(stream.tooLarge()).toBeUndefined()
  })

  it('comes as far as it fits, and so does what is taken away; what it holds is what it is told, and that it is not all', async () => {
    const { kinds, lines, stream, slice, clock } = createStreamWorld({ hello: { maxBytes: 400 }, lesser: true })
    await settled()
    slice.replace([role('a'), role('b'), role('large', `/${'x'.repeat(500)}`)])
    await settled()
    expect(kinds()).toEqual(['full', 'full'])
    expect(JSON.parse(lines[1] ?? '')).toMatchObject({
      full: { rows: [role('a'), role('b')] },
      hash: stream.view.hash(),
    })
    expect([stream.isViewCurrent(), stream.tooLarge()]).toEqual([
      true,
      { memory: 128 * mebibyte, refused: { count: 0, clients: [] } },
    ])
    await clock.advance(500)
    slice.renew([role('a', '/less')])
    expect(stream.isViewCurrent()).toBe(false)
    await clock.advance(500)
    expect(kinds().slice(2)).toEqual(['delta'])
    expect(JSON.parse(lines[2] ?? '')).toMatchObject({ delta: { upsert: [role('a', '/less')], remove: [] } })
    expect(stream.isViewCurrent()).toBe(true)
    stream.beat(stream.view.heartbeat())
    await settled()
    expect(kinds().slice(3)).toEqual(['heartbeat'])
    expect(JSON.parse(lines[3] ?? '')).toMatchObject({ hash: stream.view.hash() })
    stream.end('draining', 'This replica stops.')
    await settled()
    expect(kinds().slice(4)).toEqual(['end'])
  })

  it('comes whole again when it fits', async () => {
    let bytes = 9 * mebibyte
    const { lines, stream, slice } = createStreamWorld({ bytes: () => bytes, hello, lesser: true })
    await settled()
    bytes = mebibyte
    slice.replace([role('a'), role('b')])
    await settled()
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ hash: slice.hash() })
    expect([stream.view.hash(), stream.isViewCurrent(), stream.tooLarge()]).toEqual([slice.hash(), true, undefined])
  })

  it('is sent to a guard that has seen more only when what fits includes that', async () => {
    const seen = { roles: '2' }
    const { kinds } = createStreamWorld({
      bytes: 9 * mebibyte,
      hello: { ...hello, seen },
      progress: seen,
      lesser: true,
    })
    await settled()
    expect(kinds()).toEqual([])
  })

  it('needs memory by how many share it, and none helps beyond what is sent at all', () => {
    const shared = createStreamWorld({ bytes: 9 * mebibyte, hello: { ...hello, sharedBy: 4 } }).stream
    expect(shared.tooLarge()).toEqual({ memory: 576 * mebibyte })
    const beyond = createStreamWorld({ bytes: maxSliceBytes + 1, hello: { maxBytes: maxSliceBytes * 2 } })
    expect(beyond.stream.tooLarge()).toEqual({})
    expect(beyond.stream.ended.aborted).toBe(false)
    // Of a guard of an earlier release nobody knows what it takes.
    expect(createStreamWorld({ bytes: 9 * mebibyte }).stream.tooLarge()).toBeUndefined()
  })
})

const route = { name: 'r', path: '/r', methods: ['GET'], variants: 'Refuse' } as const
const tagged = (value: string) => serviceRow({ routes: [{ ...route, tags: { kind: value } }] })

it('a guard that says no features gets rows as it understands them, and nothing when only the rest changes', async () => {
  const { slice, stream, lines, kinds } = createStreamWorld({ hello: { features: [] } })
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
  const { slice, lines } = createStreamWorld({ hello: { features: ['route-tags-map', 'sun-is-up'] } })
  await settled()
  slice.replace([role('a'), tagged('a')])
  await settled()
  expect(JSON.parse(lines[1] ?? '')).toMatchObject({ delta: { upsert: [tagged('a')] }, hash: slice.hash() })
})

it('a guard that holds what is here gets an empty change, one that held an earlier state the difference', async () => {
  const start = createStreamWorld()
  await settled()
  const { hash } = JSON.parse(start.lines[0] ?? '') as { hash: string }
  const same = createStreamWorld({ hello: { hash, seen: { roles: '1' } } })
  await settled()
  expect(JSON.parse(same.lines[0] ?? '')).toEqual({ delta: { upsert: [], remove: [] }, seen: { roles: '1' }, hash })
  let made: (() => void) | undefined
  const later = createStreamWorld({ hello: { hash, seen: { roles: '1' } }, whenCurrent: done => (made = done) })
  later.slice.replace([role('a'), role('b')])
  made?.()
  await settled()
  expect(JSON.parse(later.lines[0] ?? '')).toMatchObject({ delta: { upsert: [role('b')], remove: [] } })
})

it('a guard that goes leaves nothing behind, whatever was waited for', async () => {
  for (const hello of [{}, { seen: { roles: '2' } }]) {
    const { stream, slice, replica, hear, response, kinds } = createStreamWorld({ hello })
    await settled()
    const before = kinds()
    response.destroy()
    expect([stream.ended.aborted, replica.subscribed, replica.heard.size]).toEqual([true, 0, 0])
    await hear({ progress: { roles: '2' } })
    slice.replace([role('a'), role('b')])
    stream.beat(slice.heartbeat())
    stream.end('draining', 'too late')
    await settled()
    expect(kinds()).toEqual(before)
  }
})

it('what a guard says is what it came with, and then what it said last of each', () => {
  const { stream } = createStreamWorld({ hello: { hash: 'e'.repeat(64) } })
  expect(stream.held()).toEqual({ hash: 'e'.repeat(64) })
  stream.take({ hash: 'a'.repeat(64), wouldDeny: 3 })
  stream.take({ hash: 'b'.repeat(64) })
  expect(stream.held()).toEqual({ hash: 'b'.repeat(64), wouldDeny: 3 })
  expect(createStreamWorld().stream.held()).toEqual({ hash: emptyHash })
})

it('only the first end is told', async () => {
  const { stream, lines, kinds } = createStreamWorld()
  await settled()
  stream.end('replaced', 'first')
  stream.end('draining', 'second')
  expect(kinds()).toEqual(['full', 'end'])
  expect(lines[1]).toContain('replaced')
})

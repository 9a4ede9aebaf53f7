import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Frame } from '../../../core/rows/frames.ts'
import { emptyHash, sliceHash } from '../../../core/rows/hash.ts'
import { type RoleRow, rowKey, type SentRow } from '../../../core/rows/rows.ts'
import { createSlice } from '../../../issuer/slices/slice.ts'
import { historyMs } from '../../../issuer/slices/slice-view.ts'
import { createChunkCache } from '../../../issuer/snapshots/frame-text.ts'
import { textOf } from './text-of.ts'

const role = (name: string, path = '/'): RoleRow => ({
  type: 'role',
  name,
  rules: [{ index: 0, methods: ['GET'], paths: [path] }],
})

/** A guard that holds rows and applies frames, by the simplest means. */
function guard() {
  const held = new Map<string, SentRow>()
  return {
    hash: () => sliceHash(held.values()),
    apply(line: string): Frame {
      const frame = JSON.parse(line) as Frame
      if ('full' in frame) {
        held.clear()
        for (const row of frame.full.rows) held.set(rowKey(row), row)
      } else if ('delta' in frame) {
        for (const key of frame.delta.remove) held.delete(key)
        for (const row of frame.delta.upsert) held.set(rowKey(row), row)
      }
      return frame
    },
  }
}

function make() {
  let version = 0
  let time = 0
  const slice = createSlice(
    'shop/orders',
    () => ({ roles: String(version) }),
    () => time,
    createChunkCache(1_048_576),
  )
  const wait = (ms: number): void => {
    time += ms
  }
  return { slice, tick: () => void version++, wait }
}

describe('a slice', () => {
  it('begins empty and tells listeners what changed, not what did not', () => {
    const { slice, tick } = make()
    const lines: string[] = []
    let hash = slice.hash()
    const end = slice.subscribe(() => {
      lines.push(textOf(slice.frameFor({ hash })))
      hash = slice.hash()
    })
    expect(slice.hash()).toBe(emptyHash)
    slice.replace([role('a'), role('b')])
    tick()
    slice.replace([role('a'), role('b', '/new')])
    slice.replace([role('a'), role('b', '/new')])
    slice.replace([role('b', '/new')])
    end()
    slice.replace([role('c')])
    const frames = lines.map(line => JSON.parse(line) as Frame)
    expect(frames.map(frame => ('delta' in frame ? [frame.delta.upsert.map(rowKey), frame.delta.remove] : []))).toEqual(
      [
        [['role/a', 'role/b'], []],
        [['role/b'], []],
        [[], ['role/a']],
      ],
    )
    expect(frames.at(-1)).toMatchObject({ seen: { roles: '1' } })
  })

  it('brings a guard from any state it held to the present one, by what changed since', () => {
    const rows = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom('/1', '/2'))
    fc.assert(
      fc.property(fc.array(rows, { minLength: 1, maxLength: 12 }), fc.nat(), (states, at) => {
        const { slice, tick } = make()
        const one = guard()
        const stop = at % states.length
        states.forEach((state, index) => {
          tick()
          slice.replace(Object.entries(state).map(([name, path]) => role(name, path)))
          if (index === stop) one.apply(textOf(slice.frameFor({})))
        })
        const frame = one.apply(textOf(slice.frameFor({ hash: one.hash(), seen: {} })))
        expect(frame).toHaveProperty('delta')
        expect(one.hash()).toBe(slice.hash())
        expect('hash' in frame && frame.hash).toBe(slice.hash())
      }),
    )
  })

  it('is made in steps as at once, and what is renewed meanwhile stays, whenever it comes', () => {
    const rows = fc.dictionary(fc.constantFrom(...'abcdefgh'), fc.constantFrom('/1', '/2'))
    const rolesOf = (state: Record<string, string>) => Object.entries(state).map(([name, path]) => role(name, path))
    const many = Array.from({ length: 100 }, (_, at) => role(`many-${at}`))
    fc.assert(
      fc.property(rows, rows, fc.constantFrom(...'abcdefgh'), fc.nat({ max: 106 }), (before, after, name, at) => {
        const { slice } = make()
        const one = guard()
        slice.replace(rolesOf(before))
        one.apply(textOf(slice.frameFor({})))
        function* making() {
          for (let step = 0; step < 100; step++) yield
          return [...rolesOf(after), ...many]
        }
        const steps = slice.replacing(making())
        let replace: (() => void) | undefined
        for (let step = 0; !replace; step++) {
          const next = steps.next()
          if (next.done) replace = next.value
          if (step === at || (next.done && step < at)) slice.renew([role(name, '/renewed')])
        }
        one.apply(textOf(slice.frameFor({ hash: one.hash() })))
        replace()
        one.apply(textOf(slice.frameFor({ hash: one.hash() })))
        const isRenewed = Object.hasOwn(after, name)
        const expected = [...rolesOf(isRenewed ? { ...after, [name]: '/renewed' } : after), ...many]
        expect(slice.hash()).toBe(sliceHash(expected))
        expect(one.hash()).toBe(slice.hash())
        const another = guard()
        another.apply(textOf(slice.frameFor({})))
        expect(another.hash()).toBe(slice.hash())
      }),
    )
  })

  it('sends everything to a guard whose state it never had or has forgotten', () => {
    const { slice, tick, wait } = make()
    slice.replace([role('a')])
    const old = slice.hash()
    wait(historyMs)
    tick()
    slice.replace([role('b')])
    const opening = (hash: string) => JSON.parse(textOf(slice.frameFor({ hash, seen: {} }))) as Frame
    expect(opening('f'.repeat(64))).toHaveProperty('full')
    expect(opening(old)).toMatchObject({ delta: { remove: ['role/a'] } })
    slice.prune(historyMs * 2)
    expect(opening(old)).toHaveProperty('full')
    expect(opening(slice.hash())).toMatchObject({ delta: { upsert: [], remove: [] } })
  })

  it('sends guards that come together one text, and never an older one of a slice that is sent in no time', () => {
    const { slice } = make()
    slice.replace([role('a')])
    const first = slice.frameFor({})
    expect(slice.frameFor({ hash: 'f'.repeat(64) })).toBe(first)
    slice.replace([role('a'), role('b')])
    expect(slice.frameFor({}).hash).toBe(slice.hash())
  })

  it('sends guards that come together one text of a large slice, and each what changed meanwhile', () => {
    const { slice, tick, wait } = make()
    const large = role('a', 'x'.repeat(1_100_000))
    slice.replace([large])
    const first = slice.frameFor({})
    expect(slice.frameFor({ hash: 'f'.repeat(64) })).toBe(first)
    tick()
    slice.replace([large, role('b')])
    expect(slice.frameFor({})).toBe(first)
    const one = guard()
    one.apply(textOf(first))
    one.apply(textOf(slice.frameFor({ hash: first.hash })))
    expect(one.hash()).toBe(slice.hash())
    wait(10_000)
    expect(slice.frameFor({}).hash).toBe(slice.hash())
  })

  it('sends no text that is older than what the guard has seen', () => {
    const { slice, tick } = make()
    const large = role('a', 'x'.repeat(1_100_000))
    slice.replace([large])
    const first = slice.frameFor({})
    tick()
    slice.replace([large, role('b')])
    expect(slice.frameFor({ hash: 'f'.repeat(64), seen: { roles: '1' } })).not.toBe(first)
    expect(slice.frameFor({ hash: 'f'.repeat(64), seen: { elsewhere: '9' } }).hash).toBe(slice.hash())
  })

  it('knows how large it is', () => {
    const { slice } = make()
    slice.replace([role('a'), role('b')])
    const size = slice.bytes()
    expect(size).toBeGreaterThan(2 * JSON.stringify(role('a')).length - 1)
    slice.replace([role('b'), role('c')])
    expect(slice.bytes()).toBe(size)
    slice.replace([])
    expect(slice.bytes()).toBe(0)
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RoleRow } from '../../../core/rows/rows.ts'
import { chunkBytes, createChunkCache, createFrameText } from '../../../issuer/snapshots/frame-text.ts'
import { textOf } from './text-of.ts'

const role = (name: string, size = 10): RoleRow => ({
  type: 'role',
  name,
  rules: [{ index: 0, methods: ['GET'], paths: [`/${'é'.repeat(size)}`] }],
})
const hash = 'a'.repeat(64)
const seen = { roles: '7' }
const cache = () => createChunkCache(1_048_576)

describe('a frame in pieces', () => {
  it('is the line it would be as a whole', () => {
    const rows = fc.array(
      fc.string().map(name => role(name)),
      { maxLength: 20 },
    )
    fc.assert(
      fc.property(rows, fc.option(fc.array(fc.string(), { maxLength: 20 }), { nil: undefined }), (upsert, remove) => {
        const text = textOf(createFrameText({ hash, seen, rows: upsert, ...(remove && { remove }) }, cache()))
        const whole = remove ? { delta: { upsert, remove }, seen, hash } : { full: { rows: upsert }, seen, hash }
        expect(text).toBe(`${JSON.stringify(whole)}\n`)
      }),
    )
  })

  it('has pieces of bounded size, whatever the size of the whole', () => {
    const rows = Array.from({ length: 5_000 }, (_, n) => role(`role-${n}`, 100))
    const frame = createFrameText({ hash, seen, rows, remove: rows.map(({ name }) => name) }, cache())
    for (let index = 0; frame.chunk(index); index++) {
      expect(frame.chunk(index)?.length).toBeLessThan(2 * chunkBytes)
    }
    expect(JSON.parse(textOf(frame))).toEqual({
      delta: { upsert: rows, remove: rows.map(({ name }) => name) },
      seen,
      hash,
    })
  })

  it('is made anew where the pieces are no longer kept, and is the same', () => {
    const rows = Array.from({ length: 2_000 }, (_, n) => role(`role-${n}`, 100))
    const frame = createFrameText({ hash, seen, rows }, createChunkCache(chunkBytes))
    const text = textOf(frame)
    expect(textOf(frame)).toBe(text)
  })

  it('is made once for all guards that are near each other', () => {
    const frame = createFrameText({ hash, seen, rows: [role('a')] }, cache())
    expect(frame.chunk(0)).toBe(frame.chunk(0))
    expect(frame.chunk(1)).toBeUndefined()
    expect(frame.chunk(2)).toBeUndefined()
  })
})

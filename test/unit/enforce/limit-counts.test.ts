import { describe, expect, it } from 'vitest'
import { countsWithin, createLimitCounts, type LimitCounts } from '../../../enforce/limit-counts.ts'

const limit = { requests: 2, perSeconds: 60 }

function counted(most = 100) {
  let now = 5_000
  const counts = createLimitCounts(() => now, most)
  const stepping = (ms: number): void => {
    now += ms
  }
  return { counts, step: stepping }
}

const call = (counts: LimitCounts, grant = 'g', client = 'c', of = limit): boolean => {
  if (counts.waitMs(grant, of, client) > 0) return false
  counts.count(grant, of, client)
  return true
}

describe('the counts of limits', () => {
  it('are of a grant and a client: neither takes from another', () => {
    const { counts } = counted()
    expect([call(counts), call(counts), call(counts)]).toEqual([true, true, false])
    expect([call(counts, 'h'), call(counts, 'g', 'd')]).toEqual([true, true])
    expect(counts.size()).toBe(3)
  })

  it('hold on to what was counted when the number of calls changes', () => {
    const { counts } = counted()
    call(counts)
    call(counts)
    expect(call(counts, 'g', 'c', { requests: 3, perSeconds: 60 })).toBe(true)
    expect(counts.waitMs('g', { requests: 3, perSeconds: 60 }, 'c')).toBeGreaterThan(0)
    expect(counts.waitMs('g', { requests: 1, perSeconds: 60 }, 'c')).toBeGreaterThan(0)
  })

  it('hold on to it when the time changes: what was counted then counts as if it came now', () => {
    const { counts, step } = counted()
    call(counts)
    call(counts)
    step(50_000)
    expect(call(counts, 'g', 'c', { requests: 2, perSeconds: 1 })).toBe(false)
    step(1_050)
    expect(call(counts, 'g', 'c', { requests: 2, perSeconds: 1 })).toBe(true)
    expect(counts.size()).toBe(1)
  })

  it('are bounded: who has none yet waits while all are in use, and nobody is forgotten for it', () => {
    const { counts, step } = counted(2)
    for (const client of ['a', 'a', 'b']) expect(call(counts, 'g', client)).toBe(true)
    expect(counts.waitMs('g', limit, 'c')).toBe(1_000)
    expect([call(counts, 'g', 'a'), call(counts, 'g', 'b')]).toEqual([false, true])
    step(30_000)
    expect(call(counts, 'g', 'c')).toBe(false)
    expect(counts.size()).toBe(2)
  })

  it('are given on when nothing in them counts any more, also those of grants that went', () => {
    const { counts, step } = counted(2)
    call(counts, 'gone', 'a')
    call(counts, 'g', 'b')
    step(63_000)
    expect(call(counts, 'g', 'c')).toBe(true)
    expect(counts.size()).toBe(1)
  })

  it('are looked through for room part by part, ten times a second at most', () => {
    const { counts, step } = counted(5_000)
    const names = Array.from({ length: 5_000 }, (_, at) => `client-${at}`)
    for (const client of names) call(counts, 'g', client)
    step(30_000)
    for (const client of names.slice(0, 4_096)) call(counts, 'g', client)
    step(33_000)
    expect(call(counts, 'h', 'new')).toBe(false)
    step(99)
    expect(call(counts, 'h', 'new')).toBe(false)
    step(1)
    expect(call(counts, 'h', 'new')).toBe(true)
    expect(counts.size()).toBe(4_097)
  })

  it.each([
    [undefined, 32_768],
    [16 * 1024 * 1024, 1_365],
    [1, 1_024],
    [128 * 1024 * 1024, 10_922],
    [64 * 1024 ** 3, 32_768],
  ])('in %s bytes of memory are so many: %i', (memory, most) => {
    expect(countsWithin(memory)).toBe(most)
  })
})

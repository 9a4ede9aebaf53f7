import { expect, test } from 'vitest'
import { type Entry, entryOf, replaceEntries } from '../../../bench/results.ts'
import type { Rig } from '../../../bench/rig.ts'

const rig: Rig = {
  date: '2026-11-25T00:00:00.000Z',
  cpu: 'some',
  cores: 2,
  memoryGb: 8,
  kernel: '6.1',
  programCore: 0,
  loadCore: 1,
  secondsPerRun: 3,
  rounds: 3,
  versions: {},
}

test('an entry tells the ratio of ours to the peer’s', () => {
  const peer = { name: 'nginx', value: 30_400 }
  expect(entryOf({ name: 'rps', unit: 'requests/s', value: 37_900.123, peer, n: 3 }, 'guard', rig)).toEqual({
    name: 'rps',
    unit: 'requests/s',
    value: 37_900.1,
    peer: 'nginx',
    peerValue: 30_400,
    ratio: 1.24671,
    n: 3,
    rig,
    bench: 'guard',
  })
})

test('without a peer there is no ratio', () => {
  const entry = entryOf({ name: 'start', unit: 'ms', value: 200, n: 5 }, 'guard', rig)
  expect([entry.peer, entry.peerValue, entry.ratio]).toEqual([null, null, null])
})

test('a lower bound says so, and nothing else does', () => {
  const figure = { name: 'rps', unit: 'requests/s', value: 1, n: 1 }
  expect(entryOf({ ...figure, lowerBound: true }, 'guard', rig).lowerBound).toBe(true)
  expect(entryOf({ ...figure, lowerBound: false }, 'guard', rig)).not.toHaveProperty('lowerBound')
})

test.each([
  { value: Number.NaN },
  { value: 1, peer: { name: 'p', value: 0 } },
  { value: 1, peer: { name: 'p', value: Number.NaN } },
])('what was not measured is no entry: %o', change => {
  expect(() => entryOf({ name: 'rps', unit: '', n: 1, ...change }, 'guard', rig)).toThrow('rps is no number')
})

test('a bench replaces what it wrote before and leaves what others wrote into the same file', () => {
  const entry = (name: string, bench: string, value = 1): Entry => entryOf({ name, unit: 'x', value, n: 1 }, bench, rig)
  const held = [entry('a', 'guard'), entry('gone', 'guard'), entry('grpc', 'extauthz'), entry('moved', 'old')]
  const replaced = replaceEntries(held, 'guard', [entry('a', 'guard', 2), entry('moved', 'guard', 3)])
  expect(replaced.map(({ name, bench, value }) => [name, bench, value])).toEqual([
    ['grpc', 'extauthz', 1],
    ['a', 'guard', 2],
    ['moved', 'guard', 3],
  ])
})

import { expect, test } from 'vitest'
import { barChart } from '../../../bench/report/bars.ts'
import { lineChart, scaleOf } from '../../../bench/report/lines.ts'
import { fillMarker } from '../../../bench/report/markers.ts'
import { colors, drawing, readable, ticksTo } from '../../../bench/report/svg.ts'
import { entryTable } from '../../../bench/report/tables.ts'
import type { Entry } from '../../../bench/results.ts'

test('what stands between the markers is replaced, and nothing else', () => {
  const page = 'a\n<!-- bench:guard -->\nold\n<!-- /bench:guard -->\nb\n<!-- bench:decide --><!-- /bench:decide -->\n'
  const once = fillMarker(page, 'guard', '\nnew\n')
  expect(once).toBe(page.replace('old', 'new'))
  expect(fillMarker(once, 'guard', 'new')).toBe(once)
  expect(() => fillMarker(page, 'soak', 'x')).toThrow('<!-- bench:soak -->')
})

test('numbers are written with three digits', () => {
  expect([37_912.3, 1_234, 0.41678, 99.96, 0].map(readable)).toEqual(['37,900', '1,230', '0.417', '100', '0'])
})

test('ticks are round, begin at zero and reach beyond the highest value', () => {
  expect(ticksTo(37_900)).toEqual([0, 10_000, 20_000, 30_000, 40_000])
  expect(ticksTo(0.7)).toEqual([0, 0.2, 0.4, 0.6, 0.8])
  expect(ticksTo(0)).toEqual([0, 1])
})

test('a logarithmic scale has equal distances between powers of ten', () => {
  const { ticks, place } = scaleOf([199, 9_100], true)
  expect(ticks).toEqual([100, 1_000, 10_000])
  expect([100, 1_000, 10_000].map(place)).toEqual([0, 0.5, 1])
})

test('a bar is as long as its value, and ours stands out', () => {
  const bars = [
    { label: 'nginx', value: 100 },
    { label: 'latchkey', value: 50, ours: true },
  ]
  const svg = barChart('Rates', 'requests/s', [{ name: '', bars }])
  const rects = [...svg.matchAll(/<rect [^>]*width="([\d.]+)"[^>]*fill="([^"]+)"/g)]
  const [first = 0, second = 0] = rects.map(([, width]) => Number(width))
  expect(first).toBeCloseTo(2 * second, 0)
  expect(rects.map(([, , fill]) => fill)).toEqual([colors[2], colors[0]])
})

test('lines go through their points from left to right, each with its name', () => {
  const lines = [
    {
      label: 'ours',
      points: [
        { x: 0, y: 1 },
        { x: 10, y: 2 },
      ],
    },
    {
      label: 'theirs',
      points: [
        { x: 0, y: 2 },
        { x: 10, y: 2 },
      ],
    },
  ]
  const svg = lineChart('Memory', { x: 'minutes', y: 'MB' }, lines)
  const drawn = [...svg.matchAll(/<polyline points="([^"]+)"/g)].map(([, points = '']) =>
    points.split(' ').map(point => point.split(',').map(Number)),
  )
  const [ours = [], theirs = []] = drawn
  expect(ours[1]?.[0]).toBeGreaterThan(ours[0]?.[0] ?? 0)
  expect(ours[1]?.[1]).toBeLessThan(ours[0]?.[1] ?? 0)
  expect(theirs[1]).toEqual(ours[1])
  expect(svg).toContain('>theirs</text>')
})

test('a drawing follows the reader’s colors and keeps text as text', () => {
  const svg = drawing('p99 < 1 & "more"', 100, 50, [])
  expect(svg).toContain('<title>p99 &lt; 1 &amp; &quot;more&quot;</title>')
  expect(svg).toContain('prefers-color-scheme:dark')
})

test('a table says what is a lower bound and what has no peer', () => {
  const entry = { unit: 'requests/s', value: 37_900, n: 3 } as Entry
  const compared: Entry = { ...entry, name: 'a', peer: 'nginx', peerValue: 30_400, ratio: 1.2467, lowerBound: true }
  const alone: Entry = { ...entry, name: 'b', peer: null, peerValue: null, ratio: null }
  expect(entryTable([compared, alone]).split('\n').slice(2)).toEqual([
    '| `a` | 37,900 requests/s | nginx: 30,400 | ≥ 1.25 | 3 |',
    '| `b` | 37,900 requests/s |  |  | 3 |',
  ])
})

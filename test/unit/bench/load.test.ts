import { expect, test } from 'vitest'
import { parseOha } from '../../../bench/load/oha.ts'
import { parseWrk } from '../../../bench/load/wrk.ts'

const wrkLine = (change: object = {}): string => {
  const said = { requests: 6_589, microseconds: 1_077_586, notOk: 0, socketErrors: 0 }
  return `Running 1s test @ http://127.0.0.1:18999\nRequests/sec:   6114.59\n
bench ${JSON.stringify({ ...said, p50: 103, p99: 248_857, p999: 265_855, ...change })}\n`
}

test('reads what wrk said: rates by its own clock, latency in milliseconds', () => {
  const { rps, ...rest } = parseWrk(wrkLine())
  expect(rest).toEqual({ requests: 6_589, p50Ms: 0.103, p99Ms: 248.857, p999Ms: 265.855 })
  expect(rps).toBeCloseTo(6_114.59, 1)
})

test.each([{ notOk: 1 }, { socketErrors: 2 }, { requests: 0 }])('wrk: a run with %o is none', change => {
  expect(() => parseWrk(wrkLine(change))).toThrow(/refused/)
})

test('wrk: output without a result is an error that shows it', () => {
  expect(() => parseWrk('unable to connect to 127.0.0.1:1')).toThrow('unable to connect')
})

/** As oha 1.16.0 writes it, shortened. */
const ohaOutput = (change: object = {}): string =>
  JSON.stringify({
    summary: { successRate: 1.0, total: 1.0036, requestsPerSec: 99.63342005283407 },
    latencyPercentiles: { p10: 0.000297858, p50: 0.000476907, p99: 0.090202041, 'p99.9': 0.090202041 },
    statusCodeDistribution: { '200': 100 },
    errorDistribution: {},
    ...change,
  })

test('reads what oha said, in milliseconds', () => {
  const result = parseOha(ohaOutput())
  expect(result.rps).toBeCloseTo(99.63, 2)
  expect(result.p50Ms).toBeCloseTo(0.477, 3)
  expect([result.p99Ms, result.p999Ms]).toEqual([90.202041, 90.202041])
})

test.each([
  { statusCodeDistribution: { '200': 99, '401': 1 } },
  { errorDistribution: { 'connection closed before message completed': 3 } },
  { latencyPercentiles: { p50: null, p99: null, 'p99.9': null } },
])('oha: a run with %o is none', change => {
  expect(() => parseOha(ohaOutput(change))).toThrow()
})

import { expect, test } from 'vitest'
import { inFlight } from '../../../bench/control-plane/in-flight.ts'
import { answeredBetween, countAnswered, countSent } from '../../../bench/control-plane/requests.ts'
import { memorySection, propagationSection, reconcileSection } from '../../../bench/report/control-plane.ts'
import type { Rig } from '../../../bench/rig.ts'

const rig: Rig = {
  date: '2026-11-30T00:00:00.000Z',
  cpu: 'some',
  cores: 2,
  memoryGb: 24,
  kernel: '6',
  programCore: 0,
  loadCore: 1,
  secondsPerRun: 3,
  rounds: 1,
  versions: { node: 'v26' },
}
const picture = (name: string): string => `![](${name}.svg)`

test('what a process sent is counted by method, refused requests too', () => {
  const metrics = [
    '# TYPE rest_client_requests_total counter',
    'rest_client_requests_total{code="200",method="GET"} 7',
    'rest_client_requests_total{code="201",method="POST"} 3',
    'rest_client_requests_total{code="409",method="PATCH",process="operator"} 2',
    'other_requests_total{code="200",method="POST"} 9',
  ].join('\n')
  expect(countSent(metrics)).toEqual({ all: 12, writes: 5 })
})

test('what the API server answered is added up by verb and resource, without watches', () => {
  const line = (verb: string, resource: string, subresource: string, count: string): string =>
    `apiserver_request_total{code="200",resource="${resource}",subresource="${subresource}",verb="${verb}"} ${count}`
  const before = countAnswered(line('POST', 'secrets', '', '4'))
  const after = countAnswered(
    [
      line('POST', 'secrets', '', '5'),
      line('POST', 'secrets', '', '2'),
      line('WATCH', 'pods', '', '9'),
      line('APPLY', 'accesskeys', 'status', '1e+01'),
    ].join('\n'),
  )
  expect(answeredBetween(before, after)).toEqual([
    { what: 'APPLY accesskeys/status', count: 10 },
    { what: 'POST secrets', count: 3 },
  ])
  expect(answeredBetween(after, after)).toEqual([])
})

test('no more is in flight than was asked for, and everything is done once', async () => {
  const done: number[] = []
  let running = 0
  let most = 0
  const work = async (at: number): Promise<void> => {
    most = Math.max(most, ++running)
    await new Promise(resolve => setImmediate(resolve))
    running--
    done.push(at)
  }
  await inFlight(10, work, 3)
  expect(most).toBe(3)
  expect(done.sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
})

test('the page tells the requests of a key from those of all', () => {
  const ours = { writesPerSecond: 50, answered: [{ what: 'POST secrets', count: 200 }] }
  const { text, plots } = reconcileSection(
    { rig, counts: [{ keys: 100, rounds: [{ rawPerSecond: 100, ours }] }] },
    [],
    picture,
  )
  expect(text).toContain('| `POST secrets` | 2.00 |')
  expect(plots['reconcile-rates']).toContain('bare creates, round 1')
})

test('the page tells how long each kind of change takes, in peace and under the storm', () => {
  const { text, plots } = propagationSection(
    {
      rig,
      issuerCount: 1,
      stormPerSecond: 99.6,
      times: { change: [{ ms: 1 }, { ms: 2 }, { ms: 3 }], 'revocation-storm': [{ ms: 40 }], peer: [{ ms: 5 }] },
      openStreams: [7],
    },
    [],
    picture,
  )
  expect(text).toContain('| a changed role | 2 | 3 | 3 | 3 | 3 |')
  expect(text).toContain('| a revoked key, under the storm | 40 | 40 | 40 | 40 | 1 |')
  expect(text).toContain('100 changes a second')
  expect(Object.keys(plots)).toEqual(['propagation'])
})

test('the page tells memory as it grew and after a start', () => {
  const grown = { operator: 100, issuer: 90, guard: 60 }
  const started = { operator: 95, issuer: 85, guard: 59 }
  const { text } = memorySection({ rig, sizes: [{ keys: 10_000, grown, started }] }, [], picture)
  expect(text).toContain('| 10,000 | 100 | 95 | 90 | 85 | 60 | 59 |')
})

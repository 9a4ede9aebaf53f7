import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createLeaderElection, type LeaderElection } from '../../../../platform/kube/lease.ts'
import { createManualClock, type ManualClock } from '../manual-clock.ts'
import { createQuietLog } from '../quiet-log.ts'
import { createLeaseServer, type Faults, noFaults } from './lease-server.ts'

function setUp(clock = createManualClock()) {
  const server = createLeaseServer(clock)
  const working: string[] = []
  const candidate = (identity: string, work?: (signal: AbortSignal) => Promise<void> | void) => {
    let faults: Faults = noFaults
    const history: string[] = []
    const election = createLeaderElection({
      client: server.client(() => faults),
      namespace: 'latchkey',
      name: 'operator',
      identity,
      clock,
      log: createQuietLog().log,
      onStartedLeading(signal) {
        history.push('started')
        working.push(identity)
        signal.addEventListener('abort', () => working.splice(working.indexOf(identity), 1))
        return work?.(signal)
      },
      onStoppedLeading: () => void history.push('stopped'),
    })
    return {
      election,
      history,
      leads: () => working.includes(identity),
      suffer: (some: Partial<Faults>) => {
        faults = { ...noFaults, ...some }
      },
    }
  }
  return { clock, server, candidate, working }
}

async function stopAll(clock: ManualClock, elections: LeaderElection[]): Promise<void> {
  const stopping = Promise.all(elections.map(election => election.stop()))
  await clock.advance(60_000)
  await stopping
}

describe('leader election', () => {
  test('the first takes the lease, the second waits, and a release hands it over at the next try', async () => {
    const { clock, candidate, server } = setUp()
    const [a, b] = [candidate('a'), candidate('b')]
    a.election.start()
    await clock.advance(100)
    b.election.start()
    await clock.advance(60_000)
    expect([a.leads(), b.leads()]).toEqual([true, false])
    expect(server.lease()?.spec).toMatchObject({ holderIdentity: 'a', leaseTransitions: 0 })
    const stopping = a.election.stop()
    await clock.advance(2_500)
    await stopping
    expect([a.leads(), b.leads()]).toEqual([false, true])
    expect(server.lease()?.spec).toMatchObject({ holderIdentity: 'b' })
    expect(a.history).toEqual(['started', 'stopped'])
    await stopAll(clock, [b.election])
  })

  test('a leader that cannot renew stops after ten seconds and another starts after fifteen (F02)', async () => {
    const { clock, candidate } = setUp()
    const [a, b] = [candidate('a'), candidate('b')]
    a.election.start()
    await clock.advance(100)
    b.election.start()
    await clock.advance(10_000)
    a.suffer({ unreachable: true })
    await clock.advance(10_100)
    expect([a.leads(), b.leads()]).toEqual([false, false])
    await clock.advance(2_800)
    expect([a.leads(), b.leads()]).toEqual([false, false])
    await clock.advance(8_000)
    expect([a.leads(), b.leads()]).toEqual([false, true])
    expect(a.history).toEqual(['started', 'stopped'])
    await stopAll(clock, [a.election, b.election])
  })

  test('a lease that somebody annotates again and again is no lease that is renewed', async () => {
    const { clock, candidate, server } = setUp()
    const [a, b] = [candidate('a'), candidate('b')]
    a.election.start()
    await clock.advance(100)
    b.election.start()
    a.suffer({ unreachable: true })
    for (let at = 0; at < 10; at++) {
      await clock.advance(2_500)
      server.annotate(String(at))
    }
    expect([a.leads(), b.leads()]).toEqual([false, true])
    await stopAll(clock, [a.election, b.election])
  })

  test.each([
    ['stands still', () => Date.UTC(2026, 0, 1)],
    ['goes backwards', (ms: number) => Date.UTC(2026, 0, 1) - ms],
    ['reaches the end of a second', () => Date.UTC(2026, 0, 1, 0, 0, 0, 999)],
  ])('a leader whose wall clock %s renews all the same (F09)', async (_, wallMs) => {
    const clock = createManualClock()
    const { candidate, server } = setUp({ ...clock, wallMs: () => wallMs(clock.now()) })
    const [a, b] = [candidate('a'), candidate('b')]
    a.election.start()
    await clock.advance(100)
    b.election.start()
    const seen = new Set<unknown>()
    for (let at = 0; at < 60; at++) {
      await clock.advance(1_000)
      seen.add(server.lease()?.spec)
      expect([a.leads(), b.leads()]).toEqual([true, false])
    }
    expect(new Set([...seen].map(spec => (spec as { renewTime: string }).renewTime)).size).toBeGreaterThan(20)
    await stopAll(clock, [a.election, b.election])
  })

  test('a leader whose renewal hangs stops in time although no answer comes (F02)', async () => {
    const { clock, candidate } = setUp()
    const a = candidate('a')
    a.election.start()
    await clock.advance(5_000)
    a.suffer({ hang: true })
    await clock.advance(12_100)
    expect(a.leads()).toBe(false)
    expect(a.history).toEqual(['started', 'stopped'])
    a.suffer({})
    await clock.advance(10_000)
    expect(a.leads()).toBe(true)
    await stopAll(clock, [a.election])
  })

  test('a deleted lease ends the term, and the same candidate takes it again', async () => {
    const { clock, candidate, server } = setUp()
    const [a, b] = [candidate('a'), candidate('b')]
    a.election.start()
    await clock.advance(100)
    b.election.start()
    await clock.advance(5_000)
    server.delete()
    await clock.advance(6_000)
    expect(a.history).toEqual(['started', 'stopped', 'started'])
    expect([a.leads(), b.leads()]).toEqual([true, false])
    await stopAll(clock, [a.election, b.election])
  })

  test('rights taken away end the term within the deadline; given back, it leads again', async () => {
    const { clock, candidate } = setUp()
    const a = candidate('a')
    a.election.start()
    await clock.advance(5_000)
    a.suffer({ forbidden: true })
    await clock.advance(60_000)
    expect(a.history).toEqual(['started', 'stopped'])
    a.suffer({})
    await clock.advance(3_000)
    expect(a.leads()).toBe(true)
    await stopAll(clock, [a.election])
  })

  test('work that fails ends the term and is tried again', async () => {
    const { clock, candidate } = setUp()
    let tries = 0
    const a = candidate('a', async () => {
      if (tries++ === 0) throw new Error('a controller did not start')
    })
    a.election.start()
    await clock.advance(6_000)
    expect(a.history).toEqual(['started', 'stopped', 'started'])
    await stopAll(clock, [a.election])
  })

  test('a term waits until the work of the one before has ended', async () => {
    const { clock, candidate } = setUp()
    let working = 0
    let most = 0
    const a = candidate('a', async signal => {
      most = Math.max(most, ++working)
      await new Promise<void>(resolve => signal.addEventListener('abort', () => clock.after(20_000, resolve)))
      working--
    })
    a.election.start()
    await clock.advance(1_000)
    a.suffer({ forbidden: true })
    await clock.advance(12_000)
    a.suffer({})
    await clock.advance(30_000)
    expect(a.history).toEqual(['started', 'stopped', 'started'])
    expect(most).toBe(1)
    await stopAll(clock, [a.election])
  })

  test('the lease is released only after the work has ended', async () => {
    const { clock, candidate, server } = setUp()
    const a = candidate('a', async signal => {
      await new Promise<void>(resolve => signal.addEventListener('abort', () => clock.after(3_000, resolve)))
    })
    a.election.start()
    await clock.advance(1_000)
    const stopping = a.election.stop()
    await clock.advance(2_900)
    expect(server.lease()?.spec.holderIdentity).toBe('a')
    await clock.advance(200)
    await stopping
    expect(server.lease()?.spec.holderIdentity).toBe('')
  })

  test('work that does not end keeps the lease from being released, and stop from waiting for ever', async () => {
    const { clock, candidate, server } = setUp()
    const a = candidate('a', () => new Promise<void>(() => undefined))
    a.election.start()
    await clock.advance(1_000)
    const stopping = a.election.stop()
    await clock.advance(11_000)
    await stopping
    expect(server.lease()?.spec.holderIdentity).toBe('a')
  })

  test('whatever the network, the API server and the users do, two never lead at once', async () => {
    const who = fc.nat(1)
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ advance: fc.integer({ min: 100, max: 12_000 }) }) },
      {
        weight: 4,
        arbitrary: fc.record({
          who,
          suffer: fc.record(
            {
              latencyMs: fc.integer({ min: 0, max: 9_000 }),
              loseAnswer: fc.boolean(),
              unreachable: fc.boolean(),
              forbidden: fc.boolean(),
              hang: fc.boolean(),
            },
            { requiredKeys: [] },
          ),
        }),
      },
      { weight: 3, arbitrary: fc.record({ who, suffer: fc.constant({}) }) },
      { weight: 1, arbitrary: fc.record({ delete: fc.constant(true) }) },
      { weight: 1, arbitrary: fc.record({ who, stop: fc.constant(true) }) },
    )
    const property = fc.asyncProperty(fc.array(step, { maxLength: 40 }), async steps => {
      const { clock, candidate, server, working } = setUp()
      const candidates = [candidate('a'), candidate('b')] as const
      for (const one of candidates) {
        one.election.start()
        // Both have seen the lease before faults begin: a candidate that never saw it cannot know of a holder.
        await clock.advance(4_000)
      }
      const check = () => {
        expect(working.length).toBeLessThanOrEqual(1)
      }
      for (const one of steps) {
        if ('delete' in one) server.delete()
        else if ('stop' in one) void candidates[one.who as 0 | 1].election.stop()
        else if ('suffer' in one) candidates[one.who as 0 | 1].suffer(one.suffer)
        else {
          for (let left = one.advance; left > 0; left -= 500) {
            await clock.advance(Math.min(500, left))
            check()
          }
        }
        check()
      }
      for (const one of candidates) one.suffer({})
      await clock.advance(40_000)
      check()
      await stopAll(
        clock,
        candidates.map(one => one.election),
      )
      expect(working).toEqual([])
    })
    await fc.assert(property, { numRuns: 40 })
  })
})

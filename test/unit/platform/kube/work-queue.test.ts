import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { KubeError } from '../../../../platform/kube/client.ts'
import { createWorkQueue, type Requeue, type WorkQueueOptions } from '../../../../platform/kube/work-queue.ts'
import { createManualClock, settled } from '../manual-clock.ts'
import { createQuietLog } from '../quiet-log.ts'

function setUp(options: Partial<WorkQueueOptions> & Pick<WorkQueueOptions, 'reconcile'>) {
  const clock = createManualClock()
  const { log, lines } = createQuietLog()
  return { clock, lines, queue: createWorkQueue({ name: 'q', workers: 2, log, clock, random: () => 0, ...options }) }
}

/** A reconciler whose passes end when told to. */
function heldPasses() {
  const running: { key: string; end: (result?: Requeue) => void; fail: (error: Error) => void }[] = []
  const started: string[] = []
  const reconcile = (key: string) =>
    new Promise<Requeue>((resolve, reject) => {
      started.push(key)
      const remove = () => running.splice(running.indexOf(pass), 1)
      const pass = {
        key,
        end: (result?: Requeue) => {
          remove()
          resolve(result)
        },
        fail: (error: Error) => {
          remove()
          reject(error)
        },
      }
      running.push(pass)
    })
  return { reconcile, running, started }
}

describe('work queue', () => {
  test('makes one pass of many adds before the pass', async () => {
    const passes: string[] = []
    const { queue } = setUp({ reconcile: async key => void passes.push(key) })
    for (let i = 0; i < 5; i++) queue.add('a')
    expect(passes).toEqual([])
    await settled()
    expect(passes).toEqual(['a'])
  })

  test("S07 one namespace's 500 changed objects delay another's by one pass, and namespaces have their turns", async () => {
    const passes: string[] = []
    const { queue } = setUp({ workers: 1, reconcile: async key => void passes.push(key) })
    for (let i = 0; i < 500; i++) queue.add(`greedy/${i}`)
    for (const key of ['b/0', 'b/1', 'c/0', 'cluster']) queue.add(key)
    await settled()
    await settled()
    expect(passes.slice(0, 7)).toEqual(['greedy/0', 'b/0', 'c/0', 'cluster', 'greedy/1', 'b/1', 'greedy/2'])
    expect(passes).toHaveLength(504)
    expect(passes.filter(key => key.startsWith('greedy/'))).toEqual(
      Array.from({ length: 500 }, (_, i) => `greedy/${i}`),
    )
  })

  test('S07 a namespace whose passes take for ever leaves a worker to the others', async () => {
    const { reconcile, running, started } = heldPasses()
    const { queue } = setUp({ workers: 4, reconcile })
    for (let i = 0; i < 10; i++) queue.add(`slow/${i}`)
    await settled()
    expect(started).toEqual(['slow/0', 'slow/1', 'slow/2'])
    queue.add('other/0')
    queue.add('third/0')
    await settled()
    expect(started.slice(3)).toEqual(['other/0'])
    running.find(({ key }) => key === 'other/0')?.end()
    await settled()
    expect(started.slice(3)).toEqual(['other/0', 'third/0'])
    running.find(({ key }) => key === 'slow/0')?.end()
    await settled()
    expect(started.slice(5)).toEqual(['slow/3'])
  })

  test('makes one more pass of many adds during the pass', async () => {
    const { reconcile, running, started } = heldPasses()
    const { queue } = setUp({ reconcile })
    queue.add('a')
    await settled()
    queue.add('a')
    queue.add('a')
    await settled()
    expect(started).toEqual(['a'])
    running[0]?.end()
    await settled()
    expect(started).toEqual(['a', 'a'])
    running[0]?.end()
    await settled()
    expect(started).toHaveLength(2)
  })

  test('backs off per key from one second to a minute and delays no other key (F24)', async () => {
    const times: number[] = []
    let others = 0
    const { queue, clock } = setUp({
      reconcile: async key => {
        if (key === 'other') others++
        else {
          times.push(clock.now())
          throw new Error('poison')
        }
      },
    })
    queue.add('poison')
    for (let i = 0; i < 300; i++) {
      queue.add('other')
      await clock.advance(1_000)
    }
    const gaps = times.slice(1).map((time, at) => time - (times[at] as number))
    expect(gaps).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000])
    expect(others).toBe(300)
    await queue.stop()
  })

  test('forgets failures after a success', async () => {
    let passes = 0
    const fails = [true, true, true, false, true]
    const { queue, clock } = setUp({
      reconcile: async () => {
        if (fails[passes++]) throw new Error('no')
      },
    })
    queue.add('a')
    await clock.advance(7_000)
    expect(passes).toBe(4)
    queue.add('a')
    await settled()
    await clock.advance(1_000)
    expect(passes).toBe(6)
  })

  test('waits as long as the API server asks (F02)', async () => {
    let passes = 0
    const { queue, clock } = setUp({
      reconcile: async () => {
        if (passes++ === 0) throw new KubeError('secrets POST', 429, 'TooManyRequests', 20)
      },
    })
    queue.add('a')
    await clock.advance(19_999)
    expect(passes).toBe(1)
    await clock.advance(1)
    expect(passes).toBe(2)
  })

  test('a reconciler that throws before its first await is a failure like any other', async () => {
    const { queue, lines } = setUp({
      reconcile: () => {
        throw new Error('at once')
      },
    })
    queue.add('a')
    await settled()
    expect(lines).toMatchObject([{ level: 'warn', object: 'a', attempt: 1, err: { message: 'at once' } }])
    await queue.stop()
  })

  test('the last pass alone decides when to come back', async () => {
    const times: number[] = []
    const { queue, clock } = setUp({
      reconcile: async () => {
        times.push(clock.now() - 1_000)
        return times.length === 1 ? { requeueAfterMs: 10_000 } : times.length === 2 ? { requeueAfterMs: 50_000 } : {}
      },
    })
    queue.add('a')
    await clock.advance(5_000)
    queue.add('a')
    await clock.advance(100_000)
    expect(times).toEqual([0, 5_000, 55_000])
  })

  test('stop waits for running workers and starts no others', async () => {
    const { reconcile, running, started } = heldPasses()
    const { queue, clock } = setUp({ reconcile, workers: 1 })
    queue.add('c')
    await settled()
    running[0]?.end({ requeueAfterMs: 10 })
    queue.add('a')
    queue.add('b')
    await settled()
    let stopped = false
    const stopping = queue.stop().then(() => {
      stopped = true
    })
    await clock.advance(100)
    expect(stopped).toBe(false)
    running[0]?.end({ requeueAfterMs: 1 })
    await stopping
    await clock.advance(100)
    expect(started).toEqual(['c', 'a'])
    expect(clock.pending()).toBe(0)
  })

  test('a paused queue keeps its keys until it is started', async () => {
    const passes: string[] = []
    const { queue } = setUp({ reconcile: async key => void passes.push(key), paused: true })
    queue.add('a')
    await settled()
    expect(passes).toEqual([])
    queue.start()
    await settled()
    expect(passes).toEqual(['a'])
  })

  test('whatever happens, a key has one worker and no add is lost', async () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd')
    const step = fc.oneof(
      fc.record({ do: fc.constant('add' as const), key }),
      fc.record({
        do: fc.constant('end' as const),
        at: fc.nat(3),
        requeue: fc.option(fc.integer({ min: 0, max: 3_000 })),
      }),
      fc.record({ do: fc.constant('fail' as const), at: fc.nat(3) }),
      fc.record({ do: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 3_000 }) }),
      fc.record({ do: fc.constant('settle' as const) }),
    )
    const property = fc.asyncProperty(
      fc.array(step, { maxLength: 60 }),
      fc.integer({ min: 1, max: 3 }),
      async (steps, workers) => {
        const { reconcile, running, started } = heldPasses()
        const { queue, clock } = setUp({ reconcile, workers })
        // Per key: how many passes had begun when it was last added. More must follow.
        const owed = new Map<string, number>()
        const begun = (name: string) => started.filter(one => one === name).length
        const check = () => {
          const keys = running.map(pass => pass.key)
          expect(new Set(keys).size).toBe(keys.length)
          expect(keys.length).toBeLessThanOrEqual(workers)
        }
        for (const one of steps) {
          if (one.do === 'add') {
            owed.set(one.key, begun(one.key))
            queue.add(one.key)
          }
          if (one.do === 'end') running[one.at]?.end(one.requeue === null ? undefined : { requeueAfterMs: one.requeue })
          if (one.do === 'fail') running[one.at]?.fail(new Error('told to'))
          if (one.do === 'advance') await clock.advance(one.ms)
          if (one.do === 'settle') await settled()
          check()
        }
        // A pass that was told to end a moment ago has yet to say so to the queue.
        await settled()
        for (let round = 0; round < 200 && (running.length > 0 || clock.pending() > 0); round++) {
          for (const pass of [...running]) pass.end()
          await clock.advance(61_000)
          check()
        }
        for (const [name, before] of owed) expect(begun(name)).toBeGreaterThan(before)
      },
    )
    await fc.assert(property, { numRuns: 150 })
  })
})

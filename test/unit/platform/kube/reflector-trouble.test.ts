import { describe, expect, test } from 'vitest'
import { KubeError } from '../../../../platform/kube/client.ts'
import { settled } from '../manual-clock.ts'
import { gone, setUp } from './reflected-things.ts'
import { event, thing } from './scripted-source.ts'

describe('reflector', () => {
  test('a server that answers 410 every time is asked ever more rarely (F04, F06)', async () => {
    const { reflector, lists, watches, clock, asked } = setUp()
    lists.push({ items: [], resourceVersion: '10' })
    watches.push(...Array.from({ length: 1_000 }, () => [gone]))
    reflector.start()
    await clock.advance(600_000)
    expect(asked.list.length).toBeGreaterThan(15)
    expect(asked.list.length).toBeLessThan(50)
    await reflector.stop()
  })

  test('a server that ends every watch at once is asked ever more rarely (F06)', async () => {
    const { reflector, lists, watches, clock, asked } = setUp()
    lists.push({ items: [], resourceVersion: '10' })
    watches.push(...Array.from({ length: 1_000 }, () => ['end' as const]))
    reflector.start()
    await clock.advance(600_000)
    expect(asked.watch.length).toBeGreaterThan(15)
    expect(asked.watch.length).toBeLessThan(50)
    await reflector.stop()
  })

  test('one event and an end, again and again, stay below two watches a second (F06)', async () => {
    const { reflector, lists, watches, clock, asked } = setUp()
    lists.push({ items: [], resourceVersion: '10' })
    watches.push(
      ...Array.from({ length: 1_000 }, (_, at) => [event('ADDED', thing(`t${at}`, 11 + at)), 'end' as const]),
    )
    reflector.start()
    await clock.advance(60_000)
    expect(asked.watch.length).toBeLessThan(80)
    expect(reflector.store.size).toBe(asked.watch.length)
    await reflector.stop()
  })

  test('waits as long as a 429 asks (F02)', async () => {
    const { reflector, lists, watches, clock, asked } = setUp()
    lists.push({ items: [], resourceVersion: '10' })
    watches.push([new KubeError('things WATCH', 429, 'TooManyRequests', 45)])
    reflector.start()
    await clock.advance(44_999)
    expect(asked.watch).toHaveLength(1)
    await clock.advance(1)
    expect(asked.watch).toHaveLength(2)
    expect(asked.list).toHaveLength(1)
    await reflector.stop()
  })

  test('goes on for ever through any error, and the pause is short again after progress', async () => {
    const { reflector, lists, watches, clock, asked, send } = setUp()
    lists.push({ items: [], resourceVersion: '10' })
    watches.push(...Array.from({ length: 200 }, () => [new Error('connection reset')]))
    reflector.start()
    await clock.advance(3_600_000)
    const tries = asked.watch.length
    expect(tries).toBeGreaterThan(100)
    expect(tries).toBeLessThan(150)
    expect(asked.list).toHaveLength(1)
    watches.length = 0
    await clock.advance(40_000)
    send(event('ADDED', thing('a', 30)))
    await settled()
    send(new Error('connection reset'))
    await clock.advance(1_600)
    expect(asked.watch).toHaveLength(tries + 2)
    expect(asked.watch.at(-1)?.resourceVersion).toBe('30')
    await reflector.stop()
  })

  test('lists after three refusals in a row: the version asked from may be what is refused', async () => {
    const { reflector, lists, watches, clock, asked } = setUp()
    lists.push({ items: [], resourceVersion: '900' }, { items: [thing('a', 5)], resourceVersion: '7' })
    watches.push(...Array.from({ length: 3 }, () => [new KubeError('things WATCH', 504, 'Timeout')]))
    reflector.start()
    await clock.advance(20_000)
    expect(asked.watch.map(one => one.resourceVersion)).toEqual(['900', '900', '900', '7'])
    expect(reflector.store.size).toBe(1)
    await reflector.stop()
  })

  test('cuts a watch that outlives its time by half a minute', async () => {
    const { reflector, lists, clock, asked } = setUp()
    lists.push({ items: [], resourceVersion: '10' })
    reflector.start()
    await settled()
    const limit = (asked.watch[0]?.timeoutSeconds ?? 0) * 1_000 + 30_000
    await clock.advance(limit - 1)
    expect(asked.watch).toHaveLength(1)
    await clock.advance(1_700)
    expect(asked.watch).toHaveLength(2)
    await reflector.stop()
  })

  test('a list that fails in the middle is made anew; an expired continue token means one large list', async () => {
    const { reflector, lists, clock, asked } = setUp()
    const page = { items: [thing('a', 1)], resourceVersion: '10', continue: 'more' }
    lists.push(page, new Error('reset'), page, new KubeError('things GET', 410, 'Expired'), {
      items: [thing('b', 2)],
      resourceVersion: '12',
    })
    reflector.start()
    await clock.advance(10_000)
    expect(asked.list).toEqual([
      { limit: 500 },
      { limit: 500, continue: 'more' },
      { limit: 500 },
      { limit: 500, continue: 'more' },
      {},
    ])
    expect([...reflector.store.keys()]).toEqual(['ns/b'])
    await reflector.stop()
  })
})

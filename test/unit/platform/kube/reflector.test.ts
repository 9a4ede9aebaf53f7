import { describe, expect, test } from 'vitest'
import { KubeError } from '../../../../platform/kube/client.ts'
import { settled } from '../manual-clock.ts'
import { gone, setUp } from './reflected-things.ts'
import { event, type Thing, thing } from './scripted-source.ts'

describe('reflector', () => {
  test('lists in pages of 500 and watches from the version of the list (F22)', async () => {
    const { reflector, lists, asked, changes, seen } = setUp({ labelSelector: 'a=b' })
    lists.push(
      { items: [thing('a', 3, 'x')], resourceVersion: '10', continue: 'more' },
      { items: [thing('b', 4, 'y')], resourceVersion: '10' },
    )
    reflector.start()
    await reflector.whenSynced()
    await settled()
    expect(asked.list).toEqual([
      { labelSelector: 'a=b', limit: 500 },
      { labelSelector: 'a=b', limit: 500, continue: 'more' },
    ])
    expect(asked.watch).toMatchObject([{ resourceVersion: '10' }])
    expect(asked.watch[0]?.timeoutSeconds).toBeGreaterThanOrEqual(300)
    expect(asked.watch[0]?.timeoutSeconds).toBeLessThanOrEqual(600)
    expect(changes).toEqual(['added ns/a >x @3', 'added ns/b >y @4'])
    expect(seen).toEqual(['10'])
    await reflector.stop()
  })

  test('asks how far the server is by a list of one and a short watch, and then watches as ever', async () => {
    const { reflector, lists, asked, clock, send, seen } = setUp()
    lists.push({ items: [], resourceVersion: '10' })
    reflector.askProgress()
    reflector.start()
    await settled()
    expect(asked.list).toHaveLength(1)
    reflector.askProgress()
    reflector.askProgress()
    await settled()
    await clock.advance(100)
    expect(asked.list.slice(1)).toEqual([{ limit: 1 }])
    expect(asked.watch.map(one => one.resourceVersion)).toEqual(['10', '10'])
    expect(asked.watch[1]?.timeoutSeconds).toBe(3)
    send(event('BOOKMARK', thing('', 25)))
    await settled()
    expect(seen.at(-1)).toBe('25')
    await clock.advance(2_000)
    send('end')
    await clock.advance(100)
    expect(asked.watch[2]?.timeoutSeconds).toBeGreaterThanOrEqual(300)
    reflector.askProgress()
    await clock.advance(1_000)
    expect([asked.list.length, asked.watch.length]).toEqual([2, 3])
    await clock.advance(10_000)
    reflector.askProgress()
    await settled()
    await clock.advance(100)
    expect([asked.list.length, asked.watch.length]).toEqual([3, 4])
    await reflector.stop()
  })

  test('goes on watching while the server does not say how far it is, and asks by the short watch all the same', async () => {
    const { reflector, lists, asked, clock, changes, send, lines } = setUp()
    lists.push({ items: [], resourceVersion: '10' })
    reflector.start()
    await settled()
    lists[0] = new KubeError('things GET', 503)
    reflector.askProgress()
    send(event('ADDED', thing('a', 11)))
    await settled()
    await clock.advance(100)
    expect(changes).toEqual(['added ns/a > @11'])
    expect(asked.watch.map(one => one.resourceVersion)).toEqual(['10', '11'])
    expect(asked.watch[1]?.timeoutSeconds).toBe(3)
    expect(lines.map(line => [line.level, line.msg])).toEqual([['info', 'the server does not say how far it is']])
    await reflector.stop()
  })

  test('drops what it does not keep of a page before it asks for the next one (F22)', async () => {
    const asked: number[] = []
    const things = setUp({
      keep(object) {
        asked.push(things.asked.list.length)
        return { metadata: object.metadata }
      },
    })
    const { reflector, lists } = things
    lists.push(
      { items: [thing('a', 3, 'x'), thing('b', 4, 'x')], resourceVersion: '10', continue: 'more' },
      { items: [thing('c', 5, 'y')], resourceVersion: '10' },
    )
    reflector.start()
    await reflector.whenSynced()
    expect(asked).toEqual([1, 1, 2])
    expect([...reflector.store.values()].map(({ value }) => value)).toEqual([undefined, undefined, undefined])
    await reflector.stop()
  })

  test('follows events and bookmarks, and tells once of all that came together', async () => {
    const { reflector, lists, watches, changes, seen } = setUp()
    lists.push({ items: [thing('a', 3, 'x')], resourceVersion: '10' })
    watches.push([
      event('MODIFIED', thing('a', 11, 'y')),
      event('ADDED', thing('b', 12, 'z')),
      event('DELETED', thing('a', 13, 'y')),
      event('DELETED', thing('never-selected', 14)),
      event('BOOKMARK', thing('', 20)),
      'hang',
    ])
    reflector.start()
    await settled()
    expect(changes).toEqual(['added ns/a >x @3', 'updated ns/a x>y @11', 'added ns/b >z @12', 'deleted ns/a y>y @13'])
    expect([...reflector.store.keys()]).toEqual(['ns/b'])
    expect(reflector.seen()).toBe('20')
    expect(seen.at(-1)).toBe('20')
    expect(seen.length).toBeLessThanOrEqual(2)
    await reflector.stop()
  })

  test('watches again from the last bookmark when a watch ends in order, without a list', async () => {
    const { reflector, lists, asked, clock, send } = setUp()
    lists.push({ items: [], resourceVersion: '10' })
    reflector.start()
    await settled()
    send(event('BOOKMARK', thing('', 25)))
    await clock.advance(300_000)
    send('end')
    await clock.advance(99)
    expect(asked.watch).toHaveLength(1)
    await clock.advance(1)
    expect(asked.watch.map(one => one.resourceVersion)).toEqual(['10', '25'])
    expect(asked.list).toHaveLength(1)
    await reflector.stop()
  })

  for (const [form, step] of [
    ['as a status', new KubeError('things WATCH', 410, 'Expired')],
    ['in the stream', gone],
  ] as const) {
    test(`lists again on 410 ${form} and tells what was missed, deletions too (F04)`, async () => {
      const { reflector, lists, watches, clock, changes, asked, metrics } = setUp()
      const before = [thing('kept', 1), thing('changed', 2, 'x'), thing('lost', 3), thing('reborn', 4, 'old')]
      const after = [thing('kept', 1), thing('changed', 52, 'y'), thing('reborn', 53, 'new', 'uid-2'), thing('new', 54)]
      lists.push({ items: before, resourceVersion: '10' }, { items: after, resourceVersion: '60' })
      watches.push([step], ['hang'])
      reflector.start()
      await settled()
      changes.length = 0
      await clock.advance(200)
      expect(changes).toEqual([
        'deleted ns/lost > @60',
        'deleted ns/reborn old>old @60',
        'updated ns/changed x>y @52',
        'added ns/reborn >new @53',
        'added ns/new > @54',
      ])
      expect(asked.watch.map(one => one.resourceVersion)).toEqual(['10', '60'])
      expect((await metrics.exposition()).body).toContain('latchkey_relists_total{resource="things.example.com"} 1')
      await reflector.stop()
    })
  }

  test('handlers of a new list see the whole of it, never a mixture', async () => {
    const { reflector, lists, watches, clock } = setUp()
    lists.push(
      { items: [thing('a', 1)], resourceVersion: '10' },
      { items: [thing('b', 2), thing('c', 3)], resourceVersion: '20' },
    )
    watches.push([gone])
    const views: string[] = []
    reflector.onChange(() => views.push([...reflector.store.keys()].join()))
    reflector.start()
    await clock.advance(500)
    expect(views).toEqual(['ns/a', 'ns/b,ns/c', 'ns/b,ns/c', 'ns/b,ns/c'])
    await reflector.stop()
  })

  test('handlers that throw, or reject, stop neither the loop nor the other handlers (F33)', async () => {
    const { reflector, lists, send, lines, changes } = setUp()
    lists.push({ items: [], resourceVersion: '10' })
    reflector.onChange(() => {
      throw new Error('handler')
    })
    reflector.onChange((async () => {
      throw new Error('async handler')
    }) as () => void)
    reflector.onSeen(() => {
      throw new Error('seen handler')
    })
    const later: string[] = []
    reflector.onChange(change => later.push(change.key))
    reflector.start()
    await settled()
    send(event('ADDED', thing('a', 11)))
    await settled()
    send(event('ADDED', thing('b', 12)))
    await settled()
    expect(later).toEqual(['ns/a', 'ns/b'])
    expect(changes).toHaveLength(2)
    const messages = lines.filter(line => line.level === 'error').map(line => (line.err as { message: string }).message)
    expect(messages.filter(message => message === 'handler')).toHaveLength(2)
    expect(messages.filter(message => message === 'async handler')).toHaveLength(2)
    await reflector.stop()
  })

  test('tells a late handler what is in the store already, and nothing after it left', async () => {
    const { reflector, lists, send } = setUp()
    lists.push({ items: [thing('a', 1), thing('b', 2)], resourceVersion: '10' })
    reflector.start()
    await reflector.whenSynced()
    const told: string[] = []
    const leave = reflector.onChange(change => told.push(`${change.type} ${change.key}`))
    expect(told).toEqual(['added ns/a', 'added ns/b'])
    leave()
    send(event('ADDED', thing('c', 11)))
    await settled()
    expect(told).toHaveLength(2)
    await reflector.stop()
  })

  test('keeps neither managedFields nor the last-applied annotation, and of the rest what it is told to keep', async () => {
    const { reflector, lists } = setUp({
      keep: object => ({ metadata: object.metadata, value: `kept ${object.value}` }),
    })
    const full = thing('a', 1, 'x')
    full.metadata.managedFields = [{ manager: 'kubectl' }]
    full.metadata.annotations = { 'kubectl.kubernetes.io/last-applied-configuration': '{}', mine: 'yes' }
    lists.push({ items: [{ ...full, spec: 'large' } as Thing], resourceVersion: '10' })
    reflector.start()
    await reflector.whenSynced()
    expect(reflector.store.get('ns/a')).toEqual({
      metadata: { name: 'a', namespace: 'ns', uid: 'uid-a', resourceVersion: '1', annotations: { mine: 'yes' } },
      value: 'kept x',
    })
    await reflector.stop()
  })

  test('an object that cannot be read is told to the log and is not there, and costs no other (F24)', async () => {
    const { reflector, lists, send, changes, lines } = setUp({
      keep(object) {
        if (object.value === 'bad') throw new TypeError('it is no thing')
        return object
      },
    })
    lists.push({ items: [thing('a', 1, 'bad'), thing('b', 2, 'good')], resourceVersion: '10' })
    reflector.start()
    await settled()
    expect(changes).toEqual(['added ns/b >good @2'])
    for (const [name, version, value] of [
      ['a', 11, 'bad'],
      ['b', 12, 'bad'],
      ['c', 13, 'good'],
      ['a', 14, 'good'],
    ] as const) {
      send(event('MODIFIED', thing(name, version, value)))
      await settled()
    }
    send(event('DELETED', thing('never-read', 15, 'bad')))
    await settled()
    expect(changes.slice(1)).toEqual(['deleted ns/b good>good @12', 'added ns/c >good @13', 'added ns/a >good @14'])
    expect(reflector.seen()).toBe('15')
    expect(lines.filter(line => line.level === 'error').map(line => line.msg)).toEqual([
      ...['ns/a cannot be read', 'ns/a cannot be read', 'ns/b cannot be read', 'ns/never-read cannot be read'],
    ])
    await reflector.stop()
  })

  test('lists anew every ten hours and tells only what differs', async () => {
    const { reflector, lists, clock, asked, changes, send } = setUp()
    lists.push(
      { items: [thing('a', 1)], resourceVersion: '10' },
      { items: [thing('a', 1), thing('missed', 5)], resourceVersion: '99' },
    )
    reflector.start()
    for (let minutes = 0; minutes < 10 * 60; minutes += 5) {
      await clock.advance(300_000)
      send('end')
    }
    await clock.advance(400_000)
    expect(asked.list).toHaveLength(2)
    expect(changes).toEqual(['added ns/a > @1', 'added ns/missed > @5'])
    await reflector.stop()
  })

  test('progress is a list, an event, a bookmark or an orderly end, and no error', async () => {
    const { reflector, lists, clock, send } = setUp()
    lists.push({ items: [], resourceVersion: '10' })
    reflector.start()
    await settled()
    const listed = reflector.lastProgress()
    await clock.advance(60_000)
    send(event('BOOKMARK', thing('', 11)))
    await settled()
    expect(reflector.lastProgress() - listed).toBe(60_000)
    await clock.advance(60_000)
    send(new Error('reset'))
    await clock.advance(10_000)
    expect(reflector.lastProgress() - listed).toBe(60_000)
    send('end')
    await settled()
    expect(reflector.lastProgress() - listed).toBe(130_000)
    await reflector.stop()
  })

  test('who waits for the first list is told when it will never come', async () => {
    const { reflector, lists } = setUp()
    lists.push(new Error('refused'))
    const impatient = new AbortController()
    const waiting = reflector.whenSynced(impatient.signal)
    const patient = reflector.whenSynced()
    reflector.start()
    await settled()
    impatient.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    const told = expect(patient).rejects.toThrow('the reflector was stopped')
    await reflector.stop()
    await told
    expect(reflector.synced()).toBe(false)
  })

  test('nothing of it is left after stop', async () => {
    const { reflector, lists, clock } = setUp()
    lists.push({ items: [], resourceVersion: '10' })
    reflector.start()
    await reflector.whenSynced()
    await reflector.stop()
    expect(clock.pending()).toBe(0)
    reflector.start()
    await settled()
    expect(clock.pending()).toBe(0)
  })
})

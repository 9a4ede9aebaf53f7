import { describe, expect, test } from 'vitest'
import type { Resource } from '../../../../platform/kube/client.ts'
import { type ControllerSource, createController } from '../../../../platform/kube/controller.ts'
import { createReflector } from '../../../../platform/kube/reflector.ts'
import { createManualClock, settled } from '../manual-clock.ts'
import { createQuietLog } from '../quiet-log.ts'
import { createScriptedSource, event, type Thing, thing } from './scripted-source.ts'

const things: Resource = { group: 'example.com', version: 'v1', plural: 'things', kind: 'Thing', namespaced: true }
const { log } = createQuietLog()

function setUp(sources = 1, keys: ControllerSource['keys'] = change => [change.key]) {
  const clock = createManualClock()
  const scripts = Array.from({ length: sources }, createScriptedSource)
  const reflectors = scripts.map(({ client }) => createReflector<Thing>(client, things, { clock, log }))
  const passes: string[] = []
  const make = () =>
    createController({
      name: 'test',
      log,
      clock,
      sources: reflectors.map(reflector => ({ reflector, keys })),
      reconcile: async key => void passes.push(key),
    })
  return { clock, scripts, reflectors, passes, make }
}

describe('controller', () => {
  test('reconciles nothing before every source is synced, then all that is there', async () => {
    const { clock, scripts, passes, make } = setUp(2)
    scripts[0]?.lists.push({ items: [thing('a', 1), thing('b', 2)], resourceVersion: '10' })
    scripts[1]?.lists.push(new Error('not yet'), { items: [thing('c', 3)], resourceVersion: '10' })
    const controller = make()
    const started = controller.start()
    await settled()
    expect(passes).toEqual([])
    await clock.advance(2_000)
    await started
    await settled()
    expect(passes).toEqual(['ns/a', 'ns/b', 'ns/c'])
    await controller.stop()
  })

  test('maps a change to whatever keys it concerns', async () => {
    const { scripts, passes, make } = setUp(1, change => [`owner-of-${change.object.metadata.name}`, 'all'])
    scripts[0]?.lists.push({ items: [], resourceVersion: '10' })
    const controller = make()
    await controller.start()
    await settled()
    scripts[0]?.send(event('ADDED', thing('a', 11)))
    await settled()
    expect(passes).toEqual(['owner-of-a', 'all'])
    await controller.stop()
  })

  test('a mapping that throws costs that change and no other (F24)', async () => {
    const { scripts, passes, make } = setUp(1, change => {
      if (change.key === 'ns/bad') throw new Error('bad')
      return [change.key]
    })
    scripts[0]?.lists.push({ items: [thing('bad', 1), thing('good', 2)], resourceVersion: '10' })
    const controller = make()
    await controller.start()
    await settled()
    expect(passes).toEqual(['ns/good'])
    await controller.stop()
  })

  test('looks at everything again every ten hours', async () => {
    const { clock, scripts, passes, make } = setUp()
    scripts[0]?.lists.push({ items: [thing('a', 1)], resourceVersion: '10' })
    const controller = make()
    await controller.start()
    await clock.advance(36_000_000 * 2)
    expect(passes).toEqual(['ns/a', 'ns/a', 'ns/a'])
    await controller.stop()
  })

  test('stopped, it leaves its sources running and the next term begins with all that is there', async () => {
    const { scripts, reflectors, passes, make } = setUp()
    scripts[0]?.lists.push({ items: [thing('a', 1)], resourceVersion: '10' })
    const first = make()
    await first.start()
    await settled()
    await first.stop()
    scripts[0]?.send(event('ADDED', thing('b', 11)))
    await settled()
    expect(passes).toEqual(['ns/a'])
    expect(reflectors[0]?.store.size).toBe(2)
    const second = make()
    await second.start()
    await settled()
    expect(passes).toEqual(['ns/a', 'ns/a', 'ns/b'])
    await second.stop()
  })

  test('stopped before its sources are synced, it never starts, and that is no error', async () => {
    const { scripts, make, clock, passes } = setUp()
    scripts[0]?.lists.push(new Error('not yet'), { items: [thing('a', 1)], resourceVersion: '10' })
    const controller = make()
    const started = controller.start()
    await settled()
    await controller.stop()
    await started
    await clock.advance(10_000)
    expect(passes).toEqual([])
  })
})

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { roles } from '../../../platform/kube/resources.ts'
import { createGate } from '../cluster/fake-api.ts'
import { createEnforcementRig, type EnforcementRig, pod, reportOf, role } from './enforcement-rig.ts'

let rig: EnforcementRig
let clock: EnforcementRig['clock']
let enforcement: EnforcementRig['enforcement']
let services: EnforcementRig['services']
let pods: EnforcementRig['pods']
let replicas: EnforcementRig['replicas']
let answers: EnforcementRig['answers']
let asked: EnforcementRig['asked']
let enforced: EnforcementRig['enforced']
let says: EnforcementRig['says']
let fails: EnforcementRig['fails']
let view: EnforcementRig['view']
let news: EnforcementRig['news']
let start: EnforcementRig['start']

beforeEach(() => {
  rig = createEnforcementRig()
  ;({ clock, enforcement, services, pods, replicas, answers, asked, enforced, says, fails, view, news, start } = rig)
})
afterEach(() => rig.enforcement.stop())

const warnings = () => rig.lines.filter(({ level }) => level === 'warn' || level === 40).length

describe('a replica of the issuer', () => {
  it('that does not answer once or twice is no news; after three it is said, and when it is back', async () => {
    says('one', '10', { uid: 'a' })
    await start()
    news()
    fails('one')
    await clock.advance(10_000)
    expect([view(), news(), warnings()]).toEqual(['enforced', [], 0])
    await clock.advance(1_000)
    expect(warnings()).toBe(0)
    await clock.advance(10_000)
    expect([view(), news(), warnings()]).toEqual(['enforced', [], 1])
    says('one', '10', { uid: 'a' })
    await clock.advance(1_000)
    expect(rig.lines.at(-1)?.msg).toBe('the issuers answer again')
    fails('one')
    await clock.advance(11_000)
    expect(warnings()).toBe(1)
    await clock.advance(1_000)
    expect(warnings()).toBe(2)
  })

  it('that answers slowly is waited for, and asked nothing meanwhile', async () => {
    const { wait, open } = createGate()
    answers.set('one', async () => {
      await wait()
      return reportOf('10', { uid: 'a' })
    })
    await start()
    expect(view()).toBe('unknown')
    await clock.advance(60_000)
    expect(asked).toEqual(['one'])
    open()
    await clock.advance(0)
    expect([view(), enforced]).toEqual(['enforced', [['roles', 60]]])
  })

  it('that comes or goes counts with the next question: with none, nobody tells the guards', async () => {
    says('one', '10', { uid: 'a' })
    await start()
    replicas.length = 0
    await clock.advance(10_000)
    expect(enforcement.view(roles, role(), ['shop/orders'])).toEqual({
      state: 'waiting',
      message: 'No issuer is ready, so the guards cannot be told: shop/orders (0 of 1).',
    })
    replicas.push({ host: 'two', port: 1 }, { host: 'three', port: 1 })
    says('two', '10')
    says('three', '10', { uid: 'a' })
    await clock.advance(1_000)
    expect([view(), asked.slice(-2)]).toEqual(['enforced', ['two', 'three']])
  })
})

describe('the guards of a service', () => {
  it('are told when they are others than before, and only then', async () => {
    says('one', '10', { uid: 'a' })
    await start()
    expect(news()).toEqual(['guardedservices shop/orders'])
    await clock.advance(30_000)
    expect(news()).toEqual([])
    says('one', '10', { uid: 'a', current: false })
    await clock.advance(10_000)
    expect([news(), enforcement.service('shop/orders')]).toMatchObject([
      ['guardedservices shop/orders'],
      { current: 0, total: 1 },
    ])
  })

  it('that are behind are asked for each second, be they seen by a round or by who asks', async () => {
    says('one', '10', { uid: 'a' })
    await start()
    pods.push(pod('b'))
    asked.length = 0
    expect(enforcement.service('shop/orders')).toMatchObject({ current: 1, total: 2 })
    await clock.advance(3_000)
    expect(asked.length).toBe(3)
  })

  it('tell how many calls they would deny every half minute, though it moves with each', async () => {
    const count = () => enforcement.service('shop/orders')?.wouldDeny
    says('one', '10', { uid: 'a', wouldDeny: 1 })
    await start()
    news()
    says('one', '10', { uid: 'a', wouldDeny: 2 })
    await clock.advance(20_000)
    expect([count(), news()]).toEqual([1, []])
    await clock.advance(10_000)
    expect([count(), news()]).toEqual([2, ['guardedservices shop/orders']])
  })

  it('begin anew with a service that was made anew, and are told again though they are the same', async () => {
    says('one', '10', { uid: 'a', wouldDeny: 5 })
    await start()
    const [orders] = [...services.values()]
    for (const wouldDeny of [0, 0]) {
      services.clear()
      await clock.advance(10_000)
      says('one', '10', { uid: 'a', wouldDeny })
      if (orders) services.set('shop/orders', orders)
      news()
      await clock.advance(10_000)
      expect([enforcement.service('shop/orders')?.wouldDeny, news()]).toEqual([0, ['guardedservices shop/orders']])
    }
  })

  it('begin anew also when nobody was told of the one before', async () => {
    says('one', '10', { uid: 'a', wouldDeny: 5 })
    const [orders] = [...services.values()]
    services.clear()
    await start()
    if (orders) services.set('shop/orders', orders)
    expect(enforcement.service('shop/orders')?.wouldDeny).toBe(5)
    services.clear()
    says('one', '10', { uid: 'a', wouldDeny: 0 })
    await clock.advance(10_000)
    if (orders) services.set('shop/orders', orders)
    expect(enforcement.service('shop/orders')?.wouldDeny).toBe(0)
  })
})

describe('the rounds', () => {
  it('go on after a fault of who is told', async () => {
    enforcement.onChange(() => {
      throw new Error('of the handler')
    })
    says('one', '9', { uid: 'a' })
    await start()
    view()
    says('one', '10', { uid: 'a' })
    await clock.advance(30_000)
    expect(view()).toBe('enforced')
    expect(asked.length).toBeGreaterThan(2)
  })

  it('begin with the start, end with the stop, and begin again with another start', async () => {
    says('one', '10', { uid: 'a' })
    expect(view()).toBe('unknown')
    await clock.advance(60_000)
    expect(asked).toEqual([])
    await start()
    expect(asked.length).toBe(1)
    enforcement.stop()
    expect([rig.closed(), clock.pending()]).toEqual([1, 0])
    view(role('11'))
    await clock.advance(60_000)
    expect(asked.length).toBe(1)
    await start()
    expect(asked.length).toBe(2)
    await clock.advance(1_000)
    expect(asked.length).toBe(3)
  })

  it('that are under way at the stop tell nobody', async () => {
    const { wait, open } = createGate()
    answers.set('one', async () => {
      await wait()
      return reportOf('10', { uid: 'a' })
    })
    await start()
    view()
    enforcement.stop()
    open()
    await clock.advance(60_000)
    expect([news(), asked, clock.pending()]).toEqual([[], ['one'], 0])
  })
})

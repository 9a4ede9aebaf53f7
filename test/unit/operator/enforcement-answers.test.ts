import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { roles } from '../../../platform/kube/resources.ts'
import { createEnforcementRig, type EnforcementRig, pod, role } from './enforcement-rig.ts'

let rig: EnforcementRig
let clock: EnforcementRig['clock']
let enforcement: EnforcementRig['enforcement']
let services: EnforcementRig['services']
let pods: EnforcementRig['pods']
let replicas: EnforcementRig['replicas']
let asked: EnforcementRig['asked']
let enforced: EnforcementRig['enforced']
let says: EnforcementRig['says']
let view: EnforcementRig['view']
let news: EnforcementRig['news']
let start: EnforcementRig['start']

beforeEach(() => {
  rig = createEnforcementRig()
  ;({ clock, enforcement, services, pods, replicas, asked, enforced, says, view, news, start } = rig)
})
afterEach(() => rig.enforcement.stop())

describe('what the issuers’ replicas say of a change', () => {
  it('is unknown until all have answered once, however often the first question fails (S10)', async () => {
    replicas.push({ host: 'two', port: 1 })
    says('one', '10', { uid: 'a' })
    await start()
    expect([view(), enforcement.service('shop/orders'), enforcement.guards()]).toEqual([
      'unknown',
      undefined,
      { expected: 0, current: 0 },
    ])
    await clock.advance(5_000)
    expect([view(), news()]).toEqual(['unknown', []])
    says('two', '10')
    await clock.advance(1_000)
    expect([view(), news()]).toEqual(['enforced', ['roles shop/reader', 'guardedservices shop/orders']])
    expect(enforcement.guards()).toEqual({ expected: 1, current: 1 })
  })

  it('is asked for each second while something waits, and then each ten', async () => {
    says('one', '10', { uid: 'a', current: false })
    await start()
    expect(view()).toBe('waiting')
    asked.length = 0
    await clock.advance(10_000)
    expect(asked.length).toBe(10)
    says('one', '10', { uid: 'a' })
    await clock.advance(1_000)
    asked.length = 0
    await clock.advance(9_999)
    expect(asked.length).toBe(0)
    await clock.advance(20_001)
    expect(asked.length).toBe(3)
  })

  it('is asked for at once in a second when a new question comes while nothing waited', async () => {
    says('one', '10', { uid: 'a' })
    await start()
    expect(view()).toBe('enforced')
    expect(view(role('11'))).toBe('waiting')
    says('one', '11', { uid: 'a' })
    news()
    await clock.advance(999)
    expect(news()).toEqual([])
    await clock.advance(1)
    expect([news(), view(role('11'))]).toEqual([['roles shop/reader'], 'enforced'])
  })

  it('is told once, with the time since it was first asked for, at whatever version', async () => {
    says('one', '9', { uid: 'a' })
    await start()
    expect([view(role('10')), enforcement.waiting()]).toEqual(['waiting', { count: 1, oldestSeconds: 0 }])
    await clock.advance(3_000)
    expect(view(role('11'))).toBe('waiting')
    view(role('11', 'other'))
    expect(enforcement.waiting()).toEqual({ count: 2, oldestSeconds: 3 })
    says('one', '11', { uid: 'a' })
    news()
    await clock.advance(1_000)
    expect(news()).toEqual(['roles shop/reader', 'roles shop/other'])
    expect(enforced).toEqual([
      ['roles', 4],
      ['roles', 1],
    ])
    expect([view(role('11')), enforcement.waiting()]).toEqual(['enforced', { count: 0, oldestSeconds: 0 }])
    await clock.advance(60_000)
    expect([news(), enforced.length]).toEqual([[], 2])
  })

  it('is told again when it is another no than before', async () => {
    pods.push(pod('b'))
    says('one', '9')
    await start()
    view()
    news()
    says('one', '10', { uid: 'a' })
    await clock.advance(1_000)
    expect(news()).toContain('roles shop/reader')
    view()
    await clock.advance(5_000)
    expect(news()).toEqual([])
  })

  it('is asked of nobody any more when the object is gone', async () => {
    says('one', '9', { uid: 'a' })
    await start()
    view()
    enforcement.forget(roles, 'shop/reader')
    expect(enforcement.waiting().count).toBe(0)
    says('one', '10', { uid: 'a' })
    news()
    await clock.advance(20_000)
    expect([news(), enforced]).toEqual([[], []])
  })

  it('concerns no guard once the last pod is gone, and that is no time that it took', async () => {
    says('one', '9')
    await start()
    view()
    news()
    pods.length = 0
    await clock.advance(1_000)
    expect([news(), view(), enforced]).toEqual([['roles shop/reader', 'guardedservices shop/orders'], 'no-guards', []])
  })

  it.each([
    ['is not accepted', () => void services.set('shop/orders', { accepted: false })],
    ['is gone', () => void services.delete('shop/orders')],
  ])('concerns the guards that a service has when it %s: they go on with what they have', async (_, leave) => {
    says('one', '10')
    leave()
    await start()
    expect(rig.wholeView()).toEqual({
      state: 'waiting',
      reason: 'GuardsLeftBehind',
      message:
        'The GuardedService shop/orders is gone or not accepted, and its guards may go on with the policy that they have until its maxStaleness has passed (24h unless it said otherwise): a. Roll out these pods without the guard, or make the service right.',
    })
    expect([enforcement.service('shop/orders'), enforcement.service('shop/nothing')]).toEqual([undefined, undefined])
    expect(rig.wholeView(role('11'))).toMatchObject({ state: 'waiting' })
    says('one', '11', { uid: 'a' })
    await clock.advance(1_000)
    expect(view(role('11'))).toBe('enforced')
    pods.length = 0
    expect(view(role('11'))).toBe('no-guards')
  })
})

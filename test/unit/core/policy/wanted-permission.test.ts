import { describe, expect, it } from 'vitest'
import { decide } from '../../../../core/policy/decide.ts'
import { readWanted } from '../../../../core/policy/wanted-permission.ts'
import { mainIdentity, routeRow, sliceOf } from '../../../builders/policy.ts'
import { clientRow, grantRow, now, roleRow } from '../fixture.ts'

const rule = { permissions: [{ action: 'read', resources: ['orders/{id}', 'stock/**'] }] }
const permission = { action: 'read', resource: 'orders/{id}' }
const routes = [routeRow('one', '/orders/{id}', { permission })]
const sliced = (grant: object = {}, row: object = {}) =>
  sliceOf({ routes }, roleRow('reader', rule), grantRow('g', 'reader', grant), clientRow(row))

const unread = {
  ...sliceOf({ routes }, grantRow('g', 'reader'), clientRow()),
  unsupported: new Map([['role/reader', '9.0.0']]),
}

function ask(resource: string, snapshot = sliced(), identity: Parameters<typeof decide>[1] = mainIdentity) {
  const wanted = readWanted('read', resource)
  if (!wanted) throw new Error('no resource')
  return decide({ method: 'GET', target: '/', wanted }, identity, snapshot, now)
}

describe('a permission', () => {
  it('is given by the grant and the rule that open the route which needs it', () => {
    const ofRequest = decide({ method: 'GET', target: '/orders/7' }, mainIdentity, sliced(), now)
    expect(ofRequest).toEqual({ ...ask('orders/7'), route: 'one' })
    expect(ask('orders/7')).toMatchObject({ allow: true, reason: 'granted', grant: 'g' })
  })

  it.each(['orders', 'orders/7/lines', 'Orders/7', 'users/7'])('is not given for %s, which is told', resource => {
    expect(ask(resource)).toMatchObject({ allow: false, reason: 'not_granted', missing: `read ${resource}` })
  })

  it('of any depth is given by a rule for the rest', () => {
    expect(ask('stock/a/b/c')).toMatchObject({ allow: true })
  })

  it('of an action that nobody names is not given', () => {
    const wanted = readWanted('write', 'orders/7')
    const request = { method: 'GET', target: '/', wanted }
    expect(decide(request, mainIdentity, sliced(), now)).toMatchObject({
      reason: 'not_granted',
      missing: 'write orders/7',
    })
  })

  it.each([
    ['a grant that has ended', sliced({ expiresAt: now }), 'grant_expired'],
    ['a client that is suspended', sliced({}, { suspended: true }), 'client_suspended'],
    ['a role that this version does not understand', unread, 'policy_unsupported'],
  ])('is refused with the reason that a request gets: %s', (_, snapshot, reason) => {
    expect(decide({ method: 'GET', target: '/orders/7' }, mainIdentity, snapshot, now).reason).toBe(reason)
    expect(ask('orders/7', snapshot).reason).toBe(reason)
  })

  it('is refused to nobody in particular as a request is', () => {
    expect(ask('orders/7', sliced(), 'credential_missing')).toEqual({ allow: false, reason: 'credential_missing' })
  })

  it('is refused where the policy cannot be read', () => {
    const unread = { ...sliced(), policy: undefined, unsupported: new Map([['service', '9.0.0']]) }
    expect(ask('orders/7', unread)).toMatchObject({ allow: false, reason: 'policy_unsupported' })
  })

  it.each(['', '/orders', 'orders//7', 'orders/', 'a/../b', 'a/%2F', 'a/é', 'x'.repeat(513)])(
    'is for no resource that is written as %s',
    resource => expect(readWanted('read', resource)).toBeUndefined(),
  )

  it('is for the resource whatever of it is escaped', () => {
    expect(readWanted('read', 'orders/%C3%A9')?.permission?.parts).toEqual(['orders', 'é'])
  })
})

import { expect, it } from 'vitest'
import { rememberRights } from '../../../issuer/authenticate/remember-rights.ts'
import { accessGrants, accessKeys } from '../../../platform/kube/resources.ts'
import { createManualClock } from '../platform/manual-clock.ts'

const alice = { username: 'alice', groups: ['a', 'b'] }
const key = { resource: accessKeys, namespace: 'shop', name: 'web' }

function world(answer: () => Promise<boolean>) {
  const clock = createManualClock()
  let asked = 0
  const may = rememberRights(() => {
    asked++
    return answer()
  }, clock)
  return { clock, may, asked: () => asked }
}

it('a right is asked for once in ten seconds, yes and no alike, also by those who come at once', async () => {
  for (const allowed of [true, false]) {
    const { clock, may, asked } = world(async () => allowed)
    expect(await Promise.all([may(alice, key), may(alice, key)])).toEqual([allowed, allowed])
    await clock.advance(9_999)
    expect([await may({ ...alice }, { ...key }), asked()]).toEqual([allowed, 1])
    await clock.advance(1)
    expect([await may(alice, key), asked()]).toEqual([allowed, 2])
  }
})

it('a right is of one user, one object and one resource', async () => {
  const { may, asked } = world(async () => true)
  const others = [
    [{ ...alice, username: 'bob' }, key],
    [{ ...alice, groups: ['a'] }, key],
    [{ ...alice, uid: '1' }, key],
    [{ ...alice, extra: { scope: ['x'] } }, key],
    [alice, { ...key, name: '' }],
    [alice, { ...key, namespace: '' }],
    [alice, { ...key, resource: accessGrants }],
  ] as const
  await may(alice, key)
  for (const [user, object] of others) await may(user, object)
  expect(asked()).toBe(1 + others.length)
})

it('a fault is not remembered', async () => {
  let isAway = true
  const { may, asked } = world(async () => {
    if (isAway) throw new Error('away')
    return true
  })
  await expect(may(alice, key)).rejects.toThrow('away')
  isAway = false
  expect([await may(alice, key), asked()]).toEqual([true, 2])
})

it('no more than 1,024 answers are remembered, the oldest goes first', async () => {
  const { may, asked } = world(async () => true)
  for (let at = 0; at < 1_025; at++) await may(alice, { ...key, name: `k${at}` })
  await may(alice, { ...key, name: 'k1' })
  expect(asked()).toBe(1_025)
  await may(alice, { ...key, name: 'k0' })
  expect(asked()).toBe(1_026)
})

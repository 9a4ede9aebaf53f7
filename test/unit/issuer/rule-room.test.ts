import { expect, test } from 'vitest'
import type { Row } from '../../../core/rows/rows.ts'
import { createRuleRoom } from '../../../issuer/usage/rule-room.ts'
import { createUsage } from '../../../issuer/usage/usage.ts'
import { serviceRow } from '../../guard/policy-rows.ts'
import { createManualClock } from '../platform/manual-clock.ts'
import { fakeReflector } from './used-objects.ts'

const permissions = Array.from({ length: 200 }, (_, at) => ({ action: 'read', resource: `r${at}` }))
const service = serviceRow({
  routes: permissions.map((permission, at) => ({
    name: `n${at}`,
    path: `/${at}`,
    methods: ['GET'],
    variants: 'Refuse' as const,
    permission,
  })),
})

/** Room for some 70 permissions in all, and for half of them in one namespace. */
function start() {
  const room = createRuleRoom({ sum: 10_000, perPeer: 5_000 })
  const roles = fakeReflector()
  const others = { keys: fakeReflector(), grants: fakeReflector() }
  const objects = { ...others, roles, by: { keysOfKid: { get: () => [] } } }
  const usage = createUsage({ objects: objects as never, clock: createManualClock(), room })
  const put = (namespace: string, name: string, generation = 1) =>
    roles.put({ metadata: { namespace, name, uid: `${namespace}-${name}`, generation } })
  return {
    ...{ room, roles, usage, put },
    /** A role's rule is used by so many permissions. */
    use(namespace: string, name: string, count: number): void {
      put(namespace, name)
      const row = (key: string): Row | undefined =>
        key === 'service' ? service : { type: 'role', name, rules: [{ index: 0 }] }
      const rules = permissions
        .slice(0, count)
        .map(({ resource }) => [`role/${name}#0 read ${resource}`, 1, 0] as const)
      usage.take({ key: `${namespace}/api`, row }, { rules })
    },
    parts: (role: string) => [...(usage.of('roles', role)?.parts ?? [])],
  }
}

test('a namespace has so much room for rules by permission, and what is beyond is known of the rule alone', () => {
  const { use, parts, usage, room } = start()
  for (let at = 0; at < 10; at++) use('evil', `r${at}`, 100)
  expect(room.held()).toBeLessThanOrEqual(5_000)
  expect(parts('evil/r0').length).toBeGreaterThan(20)
  expect(parts('evil/r0').length).toBeLessThan(40)
  expect(parts('evil/r0').at(-1)?.[0]).toBe('0')
  expect(parts('evil/r9')).toEqual([['0', expect.objectContaining({ calls: 100 })]])
  const told = Array.from({ length: 10 }, (_, at) => usage.of('roles', `evil/r${at}`)?.calls)
  expect(told).toEqual(Array(10).fill(100))
  expect(usage.merged()).toBeGreaterThan(900)
  // One that is known stays so.
  use('evil', 'r0', 1)
  expect(parts('evil/r0')[0]).toEqual(['0 read r0', expect.objectContaining({ calls: 2 })])
})

test('where all have too much, the namespace that has most makes room, and no use is lost', () => {
  const { use, parts, usage, room } = start()
  for (let at = 0; at < 5; at++) {
    use('evil', `r${at}`, 10)
    use('worse', `r${at}`, 10)
  }
  use('good', 'reader', 20)
  expect(parts('good/reader')).toHaveLength(20)
  expect(room.held()).toBeLessThanOrEqual(10_000)
  const all = ['evil', 'worse'].flatMap(namespace => Array.from({ length: 5 }, (_, at) => `${namespace}/r${at}`))
  expect(all.some(role => parts(role).length === 1 && parts(role)[0]?.[0] === '0')).toBe(true)
  for (const role of all) {
    expect(usage.of('roles', role)?.calls).toBe(10)
    expect(parts(role).reduce((sum, [, { calls }]) => sum + calls, 0)).toBe(10)
  }
  // The namespace that has least keeps what it has.
  use('evil', 'more', 100)
  expect(parts('good/reader')).toHaveLength(20)
})

test('what a role had is given back when it goes, or is written anew', () => {
  const { use, put, room, roles, parts } = start()
  use('evil', 'r', 20)
  put('evil', 'r', 2)
  expect([room.held(), parts('evil/r')]).toEqual([0, []])
  put('evil', 'r', 1)
  use('evil', 'r', 20)
  expect(room.held()).toBeGreaterThan(0)
  roles.delete('evil/r')
  expect(room.held()).toBe(0)
  use('evil', 'r', 20)
  expect(parts('evil/r')).toHaveLength(20)
})

import { expect, test } from 'vitest'
import { opaData } from '../../../bench/decide/opa.ts'
import { createWorld } from '../../../bench/decide/world.ts'
import { benchClient, issuer, service } from '../../../bench/policy/clients.ts'
import { manifestsOf } from '../../../bench/policy/manifests.ts'
import { clientsOf, holdersOf, rowsOf } from '../../../bench/policy/size.ts'
import { workingSet } from '../../../bench/policy/working-set.ts'
import { kinds } from '../../../core/api/kinds.ts'
import { decide } from '../../../core/policy/decide.ts'
import { manifestSlice } from '../../../core/registry/manifests.ts'

const now = 1_800_000_000
const size = { clients: 7, rules: 3 }

test('every client holds one rule, and no rule names a client that is not', () => {
  expect([0, 1, 2].map(rule => holdersOf(rule, size))).toEqual([
    [0, 3, 6],
    [1, 4],
    [2, 5],
  ])
  expect(holdersOf(2, { clients: 2, rules: 5 })).toEqual([])
})

test('a client is made from its number alone, with a key of its own', () => {
  expect(benchClient(1).kid).toBe(benchClient(1).kid)
  expect(benchClient(1).kid).not.toBe(benchClient(2).kid)
})

test('the calls of a working set are allowed, each by the caller’s own rule and by no other', () => {
  const { calls, snapshot, now } = createWorld(size, 20)
  expect(new Set(calls.map(({ client }) => client.clientId)).size).toBe(size.clients)
  expect(new Set(calls.map(({ token }) => token)).size).toBe(20)
  for (const { request, identity } of calls) {
    expect(decide(request, identity, snapshot, now)).toMatchObject({ allow: true, reason: 'granted' })
    const other = calls.find(call => call.path !== request.target)
    expect(decide({ ...request, target: other?.path ?? '' }, identity, snapshot, now).allow).toBe(false)
  }
})

test('few callers of many are spread over all', () => {
  const clients = clientsOf({ clients: 50, rules: 50 })
  const set = workingSet(5, { clients: 50, rules: 50 }, clients, now)
  expect(new Set(set.map(({ client }) => client.clientId)).size).toBe(5)
})

test('the manifests pass their schemas and mean what the rows say', () => {
  const clients = clientsOf(size)
  const objects = manifestsOf(size, clients).map(object => {
    const { kind, spec, ...rest } = object as { kind: string; spec: unknown }
    return { kind, ...rest, spec: kinds.find(one => one.kind === kind)?.spec.parse(spec) }
  })
  const { rows, problems } = manifestSlice(objects as never, { service, issuer, installation: 'default', now })
  expect(problems).toEqual([])
  const named = (some: readonly object[]) => some.filter(row => /role|grant/.test((row as { type: string }).type))
  expect(named(rows)).toEqual(named(rowsOf(size, clients, now)))
})

test('OPA is told the same: who has which role, and what a role allows', () => {
  expect(opaData({ clients: 2, rules: 1 }, ['a', 'b'])).toEqual({
    grants: { a: ['role-000000'], b: ['role-000000'] },
    roles: { 'role-000000': [{ methods: ['GET'], path: '/api/resource-000000/*' }] },
  })
})

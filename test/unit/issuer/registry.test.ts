import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ApiClient } from '../../../core/api/api-client.ts'
import { resolveClients } from '../../../core/registry/resolve-clients.ts'
import { createRegistry } from '../../../issuer/registry.ts'
import { namespace } from '../core/registry/objects.ts'

const rules = { installation: 'default', issuerUrl: 'https://i.test', clientIds: new Map(), reservedAudiences: [] }
const accounts = ['x', 'y', 'z']

const client = (name: string, at: number, clientId: string | undefined, wanted: readonly string[]): ApiClient => ({
  metadata: { namespace: 'shop', name, uid: `uid-${name}`, creationTimestamp: `2026-11-22T10:00:0${at}Z` },
  spec: {
    ...(clientId !== undefined && { clientId: `shop.${clientId}` }),
    serviceAccounts: wanted.map(account => ({ name: account })),
  },
})

const anyChange = fc.record({
  name: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
  what: fc.option(
    fc.record({
      at: fc.nat({ max: 5 }),
      clientId: fc.option(fc.constantFrom('p', 'q'), { nil: undefined }),
      wanted: fc.uniqueArray(fc.constantFrom(...accounts), { maxLength: 2 }),
    }),
    { nil: undefined },
  ),
})

test('a client that changed is resolved with those it concerns alone, and all come out as if all were resolved', () => {
  fc.assert(
    fc.property(fc.array(fc.array(anyChange, { minLength: 1, maxLength: 3 }), { maxLength: 8 }), rounds => {
      const clients = new Map<string, ApiClient>()
      const namespaces = new Map([['shop', namespace('shop')]])
      const objects = { apiclients: { store: clients }, namespaces: { store: namespaces } }
      const registry = createRegistry(objects as never, rules, () => undefined)
      for (const changes of rounds) {
        for (const { name, what } of changes) {
          if (what) clients.set(`shop/${name}`, client(name, what.at, what.clientId, what.wanted))
          else clients.delete(`shop/${name}`)
        }
        for (const { name } of changes) {
          registry.resolveClient(`shop/${name}`)
          const holders = [...registry.clients.values()].flatMap(one => one.serviceAccounts)
          expect(new Set(holders).size).toBe(holders.length)
        }
        const whole = resolveClients({ ...rules, clients: clients.values(), namespaces })
        expect(new Map(registry.clients)).toEqual(whole)
        for (const one of whole.values()) {
          const holder = [...whole.values()].find(other => other.accepted && other.clientId === one.clientId)
          expect(registry.clientById(one.clientId)).toEqual(holder)
        }
      }
    }),
  )
})

test('a client that changed concerns no other of its namespace that wants nothing of it', () => {
  const clients = new Map(
    Array.from({ length: 1_000 }, (_, at) => [`shop/c${at}`, client(`c${at}`, 0, `c${at}`, [`s${at}`])]),
  )
  const namespaces = new Map([['shop', namespace('shop')]])
  const registry = createRegistry(
    { apiclients: { store: clients }, namespaces: { store: namespaces } } as never,
    rules,
    () => undefined,
  )
  for (const key of clients.keys()) registry.resolveClient(key)
  clients.set('shop/c7', client('c7', 1, 'c7', ['s8']))
  const { resolved, changed, moved } = registry.resolveClient('shop/c7')
  expect([...resolved].sort()).toEqual(['shop/c7', 'shop/c8'])
  expect([...changed]).toEqual(['shop/c7'])
  expect([...moved]).toEqual(['shop/c7'])
})

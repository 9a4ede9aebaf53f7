import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createResolved } from '../../../cluster/resolved.ts'
import { createRivals } from '../../../cluster/rivals.ts'
import type { ApiClient } from '../../../core/api/api-client.ts'
import { resolveClients, unopposedClient } from '../../../core/registry/resolve-clients.ts'
import { namespace } from '../core/registry/objects.ts'
import { rules } from './fake-api.ts'

const accounts = ['x', 'y', 'z']

const client = (name: string, at: number, clientId: string | undefined, wanted: readonly string[]): ApiClient => ({
  metadata: { namespace: 'shop', name, uid: `uid-${name}`, creationTimestamp: `2026-11-22T10:00:0${at}Z` },
  spec: {
    ...(clientId !== undefined && { clientId: `shop.${clientId}` }),
    serviceAccounts: wanted.map(account => ({ name: account })),
  },
})

/** Clients of one namespace, and what is decided about them. */
function start() {
  const store = new Map<string, ApiClient>()
  const namespaces = new Map([['shop', namespace('shop')]])
  let looks = 0
  const counted = {
    get(key: string) {
      looks++
      return store.get(key)
    },
  }
  const handlers: ((change: object) => void)[] = []
  const nothing = { store: new Map(), onChange() {} }
  const view = {
    clients: { store: counted, onChange: (handler: (change: object) => void) => void handlers.push(handler) },
    namespaces: { store: namespaces, onChange() {} },
    ...{ services: nothing, targets: nothing, by: {} },
  }
  const documents = { get: () => undefined, onChange: () => () => {} }
  const resolved = createResolved(view as never, rules, documents, 'decides')
  return {
    ...{ store, namespaces, resolved },
    looks: () => looks,
    put(name: string, object: ApiClient | undefined): void {
      const key = `shop/${name}`
      if (object) store.set(key, object)
      else store.delete(key)
      for (const handler of handlers) handler({ key })
    },
  }
}

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
      const { store, namespaces, resolved, put } = start()
      for (const changes of rounds) {
        for (const { name, what } of changes) put(name, what && client(name, what.at, what.clientId, what.wanted))
        for (const _ of resolved.settling()) {
          const holders = [...resolved.known.clients.values()].flatMap(one => one.serviceAccounts)
          expect(new Set(holders).size).toBe(holders.length)
        }
        const whole = resolveClients({ ...rules, clients: store.values(), namespaces })
        expect(new Map(resolved.known.clients)).toEqual(whole)
      }
    }),
  )
})

test('what a client asked for in passing, before anybody looked at it, makes nobody its rival', () => {
  const rivals = createRivals()
  const asking = (name: string, account: string) => {
    const spec = client(name, 0, name, [account])
    return unopposedClient(spec, namespace('shop'), rules)
  }
  rivals.announce('shop/a', asking('a', 'x'))
  rivals.announce('shop/a', asking('a', 'y'))
  expect(rivals.around('shop/a', () => ({ before: undefined, now: asking('a', 'z') }))).toEqual(['shop/a'])
  for (const account of ['x', 'y']) {
    expect(rivals.around('shop/b', () => ({ before: undefined, now: asking('b', account) }))).toEqual(['shop/b'])
  }
})

test('S06 as many clients as want one service account cost no more than their number', () => {
  const { resolved, put, looks } = start()
  const count = 500
  for (let at = 0; at < count; at++) put(`c${at}`, client(`c${at}`, 0, `c${at}`, ['one']))
  resolved.settle()
  expect(looks()).toBeLessThan(10 * count)
  const before = looks()
  put('c7', client('c7', 1, 'c7', ['one']))
  resolved.settle()
  expect(looks() - before).toBeLessThan(10 * count)
})

test('a client that changed concerns no other of its namespace that wants nothing of it', () => {
  const { resolved, put, looks } = start()
  for (let at = 0; at < 1_000; at++) put(`c${at}`, client(`c${at}`, 0, `c${at}`, [`s${at}`]))
  resolved.settle()
  const told: string[] = []
  resolved.onClient(key => void told.push(key))
  const before = looks()
  put('c7', client('c7', 1, 'c7', ['s8']))
  resolved.settle()
  expect(told).toEqual(['shop/c7'])
  // It, and the one whose service account it wants, looked at and then resolved.
  expect(looks() - before).toBe(5)
})

import { expect, it } from 'vitest'
import { createAssertionPlaces } from '../../../../issuer/tokens/assertion-places.ts'

const checkout = { tenant: { uid: 'u' }, clientId: 'checkout' }

it('gives a client as many places as it may have, and each again once its record is gone', () => {
  const places = createAssertionPlaces(2)
  expect([1, 2, 3].map(() => places.take(checkout, 1_000, 940) !== undefined)).toEqual([true, true, false])
  // A minute after its end the record is gone.
  expect(places.take(checkout, 1_090, 1_059)).toBeUndefined()
  expect(places.take(checkout, 1_090, 1_060)).toBeDefined()
})

it('counts each client of each server by itself', () => {
  const places = createAssertionPlaces(1)
  expect(places.take(checkout, 1_000, 940)).toBeDefined()
  expect(places.take({ ...checkout, clientId: 'other' }, 1_000, 940)).toBeDefined()
  expect(places.take({ ...checkout, tenant: 'installation' }, 1_000, 940)).toBeDefined()
  expect(places.take(checkout, 1_000, 940)).toBeUndefined()
})

it('takes back a place in which nothing was kept', () => {
  const places = createAssertionPlaces(1)
  places.take(checkout, 1_000, 940)?.free()
  expect(places.take(checkout, 1_000, 940)).toBeDefined()
})

it('forgets clients of which nothing is held', () => {
  const places = createAssertionPlaces(1)
  for (let index = 0; index < 100; index++) places.take({ tenant: 'installation', clientId: `${index}` }, 1_000, 940)
  expect(places.size()).toBe(100)
  places.take(checkout, 1_200, 1_100)
  expect(places.size()).toBe(1)
})

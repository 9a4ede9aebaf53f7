import { expect, test } from 'vitest'
import { createTally } from '../../../../issuer/store/kubernetes/tally.ts'

const of = (tenant: string, type: 'Assertion' | 'Code' = 'Assertion') => ({ type, tenant })
const full = (reason: string) => expect.objectContaining({ reason })

test('a tenant has its places, all tenants of a type have theirs, and types take none of each other', () => {
  const tally = createTally({ tenant: 2, sum: 3 })
  tally.reserve(of('a')).keep()
  tally.reserve(of('a')).keep()
  expect(() => tally.reserve(of('a'))).toThrow(full('tenant_full'))
  tally.reserve(of('b')).keep()
  expect(() => tally.reserve(of('b'))).toThrow(full('store_full'))
  expect(() => tally.reserve(of('c'))).toThrow(full('store_full'))
  tally.reserve(of('a', 'Code')).keep()
})

test('a place is taken from the moment on it is asked for, and free when nothing was created', () => {
  const tally = createTally({ tenant: 1, sum: 9 })
  const place = tally.reserve(of('a'))
  expect(() => tally.reserve(of('a'))).toThrow(full('tenant_full'))
  place.free()
  tally.reserve(of('a')).keep()
})

test('what a look found takes the place of what was known', () => {
  const tally = createTally({ tenant: 2, sum: 9 })
  tally.reserve(of('a')).keep()
  tally.reserve(of('a')).keep()
  const look = tally.recount()
  look.found(of('b'))
  look.found(of('b'))
  look.done()
  expect(() => tally.reserve(of('b'))).toThrow(full('tenant_full'))
  tally.reserve(of('a')).keep()
  tally.reserve(of('a')).keep()
})

test('a look that never ended changes nothing', () => {
  const tally = createTally({ tenant: 1, sum: 9 })
  tally.reserve(of('a')).keep()
  tally.recount()
  expect(() => tally.reserve(of('a'))).toThrow(full('tenant_full'))
})

test('what is created while a look is under way counts, whether or not it was passed by', () => {
  const tally = createTally({ tenant: 2, sum: 9 })
  const before = tally.reserve(of('a'))
  const look = tally.recount()
  const during = tally.reserve(of('a'))
  before.keep()
  during.keep()
  look.done()
  expect(() => tally.reserve(of('a'))).toThrow(full('tenant_full'))
})

test('a place that is free while a look is under way is free afterwards', () => {
  const tally = createTally({ tenant: 1, sum: 9 })
  const look = tally.recount()
  tally.reserve(of('a')).free()
  look.done()
  tally.reserve(of('a')).keep()
})

test('a place that is given back after a look makes room for nobody else', () => {
  const tally = createTally({ tenant: 2, sum: 9 })
  const place = tally.reserve(of('a'))
  const look = tally.recount()
  look.found(of('a'))
  look.found(of('a'))
  look.done()
  place.free()
  expect(() => tally.reserve(of('a'))).toThrow(full('tenant_full'))
})

import { describe, expect, test } from 'vitest'
import type { AccessKey, PublishedKey } from '../../../../core/api/access-key.ts'
import { maxLifetimeSeconds, toleranceSeconds } from '../../../../core/credential/client-token-claims.ts'
import { ledgerOf, onlyRevoked, publish, retiringSeconds, takesAway } from '../../../../core/keys/key-ledger.ts'
import { accessKeyOf, start } from './access-key-store.ts'
import { at, publicKey, keyOf as publishedKey } from './observed.ts'

const keyOf = (kid: string, state: PublishedKey['state'], changes: Partial<PublishedKey> = {}): PublishedKey =>
  publishedKey(state, { kid, ...changes })
const ledger = (spec: Partial<AccessKey['spec']>, keys: readonly PublishedKey[], now = 0) =>
  ledgerOf(accessKeyOf(spec, { keys: [...keys] }), start + now)

describe('of the published keys', () => {
  test('none are left where none were', () => {
    expect(ledgerOf(accessKeyOf(), start)).toEqual([])
  })

  const active = keyOf('a', 'Active')
  const retiring = keyOf('r', 'Retiring', { notAfter: at(100) })
  test.each<[string, Partial<AccessKey['spec']>, PublishedKey, number, PublishedKey | undefined]>([
    ['one in use stays so', {}, active, 1_000_000, active],
    ['one in use has the end that the spec gives', { expiresAt: at(50) }, active, 0, { ...active, notAfter: at(50) }],
    [
      'an end in the midst of a second is the second’s',
      { expiresAt: '2027-01-15T08:00:50.9Z' },
      active,
      0,
      { ...active, notAfter: at(50) },
    ],
    ['one in use ends after its time', { validity: '1m' }, active, 0, { ...active, notAfter: at(60) }],
    [
      'of two ends the sooner counts',
      { validity: '1m', expiresAt: at(50) },
      active,
      0,
      { ...active, notAfter: at(50) },
    ],
    ['and whichever that is', { validity: '1m', expiresAt: at(70) }, active, 0, { ...active, notAfter: at(60) }],
    ['one is in use until its end', { expiresAt: at(50) }, active, 49, { ...active, notAfter: at(50) }],
    ['and not at it', { expiresAt: at(50) }, active, 50, { ...active, state: 'Expired', notAfter: at(50) }],
    [
      'one that has ended comes back when its end moves',
      { expiresAt: at(50) },
      keyOf('a', 'Expired', { notAfter: at(9) }),
      10,
      { ...active, notAfter: at(50) },
    ],
    ['and when its end goes away', {}, keyOf('a', 'Expired', { notAfter: at(9) }), 10, active],
    ['a retiring one keeps the end it was given', {}, retiring, 99, retiring],
    ['unless the spec gives a sooner one', { expiresAt: at(50) }, retiring, 0, { ...retiring, notAfter: at(50) }],
    ['and not a later one', { expiresAt: at(500) }, retiring, 0, retiring],
    ['a retiring one whose end was lost stays', {}, keyOf('r', 'Retiring'), 100, keyOf('r', 'Retiring')],
    ['a retiring one is dropped at its end', {}, retiring, 100, undefined],
    ['one as old as the spec allows stays', { keysNotBefore: at(0) }, active, 0, active],
    ['an older one is revoked', { keysNotBefore: at(1) }, active, 0, { ...active, state: 'Revoked' }],
    ['a retiring one too', { keysNotBefore: at(1) }, retiring, 0, { ...retiring, state: 'Revoked' }],
    ['all are revoked with the AccessKey', { revoked: {} }, active, 0, { ...active, state: 'Revoked' }],
    ['a revoked one stays revoked for good', { expiresAt: at(50) }, keyOf('a', 'Revoked'), 60, keyOf('a', 'Revoked')],
  ])('%s', (_, spec, key, now, expected) => {
    expect(ledger(spec, [key], now)).toStrictEqual(expected ? [expected] : [])
  })

  test('where all are withdrawn, the revoked ones stay known', () => {
    expect(onlyRevoked([active, keyOf('x', 'Revoked'), retiring, keyOf('e', 'Expired')])).toEqual([
      keyOf('x', 'Revoked'),
    ])
  })
})

describe('when a key is published', () => {
  const fresh = { kid: 'new', publicKey, notBefore: start }
  const published = (spec: Partial<AccessKey['spec']>, keys: readonly PublishedKey[], now = start) =>
    publish(accessKeyOf(spec), keys, fresh, { now })

  test('it comes first, with the end that the spec gives', () => {
    expect(published({ validity: '1m' }, [])).toEqual([
      keyOf('new', 'Active', { notAfter: at(60), publishedAt: at(0) }),
    ])
  })

  test('it has ended where its end has passed already', () => {
    expect(published({ expiresAt: at(-1) }, [])).toEqual([
      keyOf('new', 'Expired', { notAfter: at(-1), publishedAt: at(0) }),
    ])
  })

  test('and is known, it stays as it is', () => {
    const known = keyOf('new', 'Active', { notBefore: at(-9) })
    expect(published({}, [keyOf('other', 'Revoked'), known])).toEqual([known, keyOf('other', 'Revoked')])
  })

  test.each<[string, PublishedKey, PublishedKey[]]>([
    [
      'one in use retires until its last token has ended',
      keyOf('old', 'Active'),
      [keyOf('old', 'Retiring', { notAfter: at(retiringSeconds) })],
    ],
    [
      'but not beyond its own end',
      keyOf('old', 'Active', { notAfter: at(5) }),
      [keyOf('old', 'Retiring', { notAfter: at(5) })],
    ],
    [
      'which may be later',
      keyOf('old', 'Active', { notAfter: at(5_000) }),
      [keyOf('old', 'Retiring', { notAfter: at(retiringSeconds) })],
    ],
    [
      'one that retires goes on',
      keyOf('old', 'Retiring', { notAfter: at(7) }),
      [keyOf('old', 'Retiring', { notAfter: at(7) })],
    ],
    [
      'and so it does where the clock went back',
      keyOf('old', 'Retiring', { notAfter: at(5_000) }),
      [keyOf('old', 'Retiring', { notAfter: at(5_000) })],
    ],
    ['one that is revoked stays known', keyOf('old', 'Revoked'), [keyOf('old', 'Revoked')]],
    ['one that has ended is dropped', keyOf('old', 'Expired', { notAfter: at(-1) }), []],
  ])('of the others %s', (_, old, left) => {
    expect(published({}, [old])).toEqual([keyOf('new', 'Active', { publishedAt: at(0) }), ...left])
  })

  test('one that retires is good until a pod whose files are three minutes old has signed its last token, and that has ended', () => {
    expect(retiringSeconds).toBe(180 + maxLifetimeSeconds + toleranceSeconds)
  })

  test('of more retiring ones those stay that end last, however old they are', () => {
    const old = keyOf('old', 'Retiring', { notBefore: at(-100), notAfter: at(5_000) })
    const others = Array.from({ length: 8 }, (_, day) =>
      keyOf(`${day}`, 'Retiring', { notBefore: at(day), notAfter: at(1_000 + day) }),
    )
    expect(published({}, [old, ...others]).map(({ kid }) => kid)).toEqual(['new', 'old', ...'1234567'])
  })

  test('the newest 4 revoked and 8 retiring ones stay, in the order they had', () => {
    const made = [3, 1, 6, 4, 2, 5, 9, 7, 8]
    const of = (state: 'Revoked' | 'Retiring') =>
      made.map(day => keyOf(`${state}${day}`, state, { notBefore: at(day), notAfter: at(1_000) }))
    expect(published({}, [...of('Revoked'), ...of('Retiring')]).map(({ kid }) => kid)).toEqual([
      'new',
      ...['Revoked6', 'Revoked9', 'Revoked7', 'Revoked8'],
      ...[3, 6, 4, 2, 5, 9, 7, 8].map(day => `Retiring${day}`),
    ])
  })
})

describe('a change takes rights away', () => {
  const active = keyOf('a', 'Active')
  const ending = keyOf('a', 'Active', { notAfter: at(50) })
  test.each<[string, PublishedKey[], PublishedKey[], boolean]>([
    ['when a key in use goes', [active], [], true],
    ['when it is revoked', [active], [keyOf('a', 'Revoked')], true],
    ['when it has ended', [active], [keyOf('a', 'Expired')], true],
    ['when it gets an end', [active], [ending], true],
    ['when it gets a sooner end', [ending], [keyOf('a', 'Active', { notAfter: at(49) })], true],
    ['when another takes its place', [active], [keyOf('b', 'Active')], true],
    ['when a second key goes', [keyOf('b', 'Active'), active], [keyOf('b', 'Active')], true],
    ['when a retiring key goes', [keyOf('a', 'Retiring', { notAfter: at(9) })], [], true],
    ['not when nothing changes', [active, ending], [active, ending], false],
    ['not when its end goes away', [ending], [active], false],
    ['not when one comes', [active], [keyOf('b', 'Active'), active], false],
    ['not when it retires with the end it had', [ending], [keyOf('a', 'Retiring', { notAfter: at(50) })], false],
    ['not when a revoked key is forgotten', [keyOf('a', 'Revoked')], [], false],
    ['not when an ended key is forgotten', [keyOf('a', 'Expired', { notAfter: at(-1) })], [], false],
  ])('%s', (_, before, after, expected) => {
    expect(takesAway(before, after)).toBe(expected)
  })
})

import { describe, expect, test } from 'vitest'
import type { AccessKey, PublishedKey } from '../../../../core/api/access-key.ts'
import { thumbprint } from '../../../../core/jose/jwk.ts'
import type { ObservedAccessKey } from '../../../../core/keys/key-plan.ts'
import { planAccessKey } from '../../../../core/keys/plan-access-key.ts'
import { accessKeyOf, start } from './access-key-store.ts'
import { at, found, keyOf, observedOf, publicKey, readyOf, secretOf, settled, states } from './observed.ts'

const kid = thumbprint(publicKey)

describe('a key that is brought', () => {
  const brought = (spec: Partial<AccessKey['spec']> = {}, keys: PublishedKey[] = []) =>
    accessKeyOf({ publicKey, ...spec }, { keys })

  test('is published under its thumbprint from now on, its public members only, and has no Secret', () => {
    const { status } = settled(brought({ publicKey: { ...publicKey, use: 'sig' } as never }), {})
    expect(status?.keyId).toBe(kid)
    expect(status?.keys).toEqual([{ kid, state: 'Active', publicKey, notBefore: at(0), publishedAt: at(0) }])
    expect(status).not.toHaveProperty('secretName')
  })

  test('tells that it was revoked, where it is older than the spec allows', () => {
    const accessKey = brought({ keysNotBefore: at(0) }, [keyOf('Active', { kid, notBefore: at(-1) })])
    expect(readyOf(planAccessKey(observedOf(accessKey), start))).toBe('Revoked')
  })

  test('is not older than what was published, where the clock went back', () => {
    const { write } = planAccessKey(observedOf(brought({}, [keyOf('Revoked', { notBefore: at(9) })])), start)
    expect(write).toMatchObject({ status: { keys: [{ kid, notBefore: at(9) }, { state: 'Revoked' }] } })
  })

  test.each<[string, Partial<AccessKey['spec']>, PublishedKey[], Partial<ObservedAccessKey>, string[]]>([
    ['takes the place of another, which nobody vouches for any more', {}, [keyOf('Active')], {}, [`${kid} Active`]],
    ['leaves what was revoked known', {}, [keyOf('Revoked')], {}, [`${kid} Active`, 'held Revoked']],
    ['stays while its client is gone', {}, [keyOf('Active', { kid })], { client: undefined }, [`${kid} Active`]],
    [
      'is not published while its client is gone, and what it replaced is not any more',
      {},
      [keyOf('Active'), keyOf('Revoked', { kid: 'x' })],
      { client: undefined },
      ['x Revoked'],
    ],
    [
      'is withdrawn where it may not be used',
      { algorithm: 'ES256' },
      [keyOf('Active', { kid }), keyOf('Revoked')],
      {},
      ['held Revoked'],
    ],
  ])('%s', (_, spec, keys, changes, expected) => {
    expect(states(planAccessKey(observedOf(brought(spec, keys), changes), start))).toEqual(expected)
  })
})

describe('a key that is revoked', () => {
  const revoked = (spec: Partial<AccessKey['spec']> = {}, keys: PublishedKey[] = []) =>
    accessKeyOf({ revoked: {}, ...spec }, { keys })

  test('is published as revoked before its Secret is emptied, and that is told', () => {
    const secret = secretOf(accessKeyOf())
    const before = revoked({}, [keyOf('Active')])
    const first = planAccessKey(observedOf(before, found(secret)), start)
    expect([states(first), readyOf(first)]).toEqual([['held Revoked'], 'Pending'])
    const { write, events } = planAccessKey(observedOf(settled(before, found(secret)), found(secret)), start)
    expect(write).toEqual({ kind: 'update-secret', slot: 'mounted', secret: { ...secret, data: {} } })
    expect(events).toEqual([
      {
        type: 'Normal',
        reason: 'Emptied',
        action: 'Update',
        note: 'The key is revoked: the Secret holds none any more.',
      },
    ])
  })

  test.each<[string, Partial<ObservedAccessKey>]>([
    ['is not there', {}],
    ['is empty', found(secretOf(accessKeyOf(), start, { data: {} }), 'none')],
    ['has no data', found(secretOf(accessKeyOf(), start, { data: undefined as never }), 'none')],
    ['is another’s', found(secretOf(accessKeyOf(), start, { type: 'Opaque' }))],
  ])('leaves a Secret alone that %s', (_, changes) => {
    const { write } = planAccessKey(observedOf(revoked(), changes), start)
    expect(write).toMatchObject({ kind: 'status', status: { state: 'Revoked' } })
    expect(planAccessKey(observedOf(settled(revoked(), changes), changes), start)).toEqual({ events: [] })
  })

  test.each(['forbidden', 'refused'] as const)('says where its Secret is %s', mounted => {
    const { write } = planAccessKey(observedOf(revoked(), { secrets: { mounted } }), start)
    const reason = mounted === 'forbidden' ? 'SecretForbidden' : 'SecretRefused'
    expect(write).toMatchObject({
      status: { conditions: expect.arrayContaining([expect.objectContaining({ reason })]) },
    })
  })

  test('is named where it was brought, unless it never was a key', () => {
    const keys = [keyOf('Active', { kid })]
    const named = planAccessKey(observedOf(revoked({ publicKey }, keys)), start)
    expect(named.write).toMatchObject({ status: { keyId: kid, keys: [{ state: 'Revoked' }] } })
    const bad = planAccessKey(observedOf(revoked({ publicKey, algorithm: 'ES256' }, keys)), start)
    expect(bad.write).not.toHaveProperty('status.keyId')
    const gone = planAccessKey(observedOf(revoked({ publicKey }, keys), { client: undefined }), start)
    expect(gone.write).toHaveProperty('status.keyId', kid)
  })
})

describe('time changes something next', () => {
  test.each<[string, Partial<AccessKey['spec']>, PublishedKey[], number | undefined]>([
    ['never, without an end', {}, [], undefined],
    ['at the end of the key', { validity: '1h' }, [], start + 3_600],
    [
      'at the end of a retiring one, if that comes first',
      { validity: '1h' },
      [keyOf('Retiring', { kid: 'r', notAfter: at(9) })],
      start + 9,
    ],
    ['not at an end that is over', { expiresAt: at(0) }, [], undefined],
    ['not at the end of a revoked one', {}, [keyOf('Revoked', { kid: 'x', notAfter: at(9) })], undefined],
    ['when all older keys are revoked', { keysNotBefore: at(7) }, [], start + 7],
  ])('%s', (_, spec, keys, nextAt) => {
    const accessKey = accessKeyOf(spec, { keys, keyId: 'held' })
    const plan = planAccessKey(observedOf(accessKey, found(secretOf(accessKey))), start)
    expect(plan.nextAt).toBe(nextAt)
    expect('nextAt' in plan).toBe(nextAt !== undefined)
  })
})

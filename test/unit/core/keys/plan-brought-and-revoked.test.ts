import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { AccessKey, PublishedKey } from '../../../../core/api/access-key.ts'
import { thumbprint } from '../../../../core/jose/jwk.ts'
import type { ObservedAccessKey } from '../../../../core/keys/key-plan.ts'
import { planAccessKey } from '../../../../core/keys/plan-access-key.ts'
import { clientIdOf } from '../../../../core/registry/ids.ts'
import type { ResolvedClient } from '../../../../core/registry/resolve-clients.ts'
import { accessKeyOf, clientOf, start } from './access-key-store.ts'
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
    ['takes the place of another, which retires', {}, [keyOf('Active')], {}, [`${kid} Active`, 'held Retiring']],
    [
      'takes the place of one that has ended, which goes',
      { validity: '1h' },
      [keyOf('Active', { notBefore: at(-3_600) })],
      {},
      [`${kid} Active`],
    ],
    [
      'takes its place again, and what was to take it retires',
      {},
      [keyOf('Active'), keyOf('Retiring', { kid, notAfter: at(9) })],
      {},
      [`${kid} Active`, 'held Retiring'],
    ],
    [
      'that was revoked never takes it again',
      {},
      [keyOf('Active'), keyOf('Revoked', { kid })],
      {},
      [`${kid} Revoked`, 'held Retiring'],
    ],
    [
      'leaves those before it their time, the newest eight',
      {},
      [
        keyOf('Active'),
        ...[1, 2, 3, 4, 5, 6, 7, 8].map(age =>
          keyOf('Retiring', { kid: `r${age}`, notBefore: at(-age), notAfter: at(9) }),
        ),
        keyOf('Retiring', { kid: 'over', notAfter: at(0) }),
      ],
      {},
      [`${kid} Active`, 'held Retiring', ...[1, 2, 3, 4, 5, 6, 7].map(age => `r${age} Retiring`)],
    ],
    [
      'leaves the newest four that were revoked known, and itself',
      {},
      [1, 2, 3, 4, 5]
        .map(age => keyOf('Revoked', { kid: `x${age}`, notBefore: at(-age) }))
        .concat(keyOf('Revoked', { kid, notBefore: at(-9) })),
      {},
      [`${kid} Revoked`, 'x1 Revoked', 'x2 Revoked', 'x3 Revoked', 'x4 Revoked'],
    ],
    [
      'has the one before it revoked at once where the spec says so',
      { keysNotBefore: at(0) },
      [keyOf('Active', { notBefore: at(-1) }), keyOf('Retiring', { kid: 'r', notBefore: at(-2), notAfter: at(9) })],
      {},
      [`${kid} Active`, 'held Revoked', 'r Revoked'],
    ],
    ['leaves what was revoked known', {}, [keyOf('Revoked')], {}, [`${kid} Active`, 'held Revoked']],
    ['stays while its client is gone', {}, [keyOf('Active', { kid })], { client: undefined }, [`${kid} Active`]],
    [
      'is not published while its client is gone, and what it replaces retires all the same',
      {},
      [keyOf('Active'), keyOf('Revoked', { kid: 'x' })],
      { client: undefined },
      ['held Retiring', 'x Revoked'],
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

describe('a key that takes the place of another in the spec', () => {
  const exchanged = (spec: Partial<AccessKey['spec']> = {}, before: Partial<PublishedKey> = {}) => {
    const accessKey = accessKeyOf({ publicKey, ...spec }, { keys: [keyOf('Active', before)] })
    return settled(accessKey, {}).status?.keys
  }

  test('is good from now on, and the other one for a day more, or until it ends', () => {
    expect(exchanged()).toEqual([
      { kid, state: 'Active', publicKey, notBefore: at(0), publishedAt: at(0) },
      keyOf('Retiring', { notAfter: at(86_400) }),
    ])
    expect(exchanged({}, { notBefore: at(-5) })?.[1]).toMatchObject({ notAfter: at(86_400) })
    expect(exchanged({ expiresAt: at(50) })?.map(({ notAfter }) => notAfter)).toEqual([at(50), at(50)])
    expect(exchanged({ validity: '2h' }, { notBefore: at(-3_600) })?.map(({ notAfter }) => notAfter)).toEqual([
      at(7_200),
      at(3_600),
    ])
  })

  test('is looked at again when the other one ends, and that one goes then', () => {
    const accessKey = accessKeyOf({ publicKey }, { keys: [keyOf('Active')] })
    const plan = planAccessKey(observedOf(accessKey), start)
    expect(plan.nextAt).toBe(start + 86_400)
    const after = settled(accessKey, {})
    expect(planAccessKey(observedOf(after), start + 86_399).write).toBeUndefined()
    expect(states(planAccessKey(observedOf(after), start + 86_400))).toEqual([`${kid} Active`])
  })

  test('has its own time where it comes back: the day of the other one begins then', () => {
    const accessKey = accessKeyOf(
      { publicKey },
      { keys: [keyOf('Active'), keyOf('Retiring', { kid, notAfter: at(9) })] },
    )
    expect(settled(accessKey, {}).status?.keys).toEqual([
      keyOf('Active', { kid }),
      keyOf('Retiring', { notAfter: at(86_400) }),
    ])
  })
})

describe('a key that is brought to a client that got another identity', () => {
  const client = (identity: number, change: Partial<ResolvedClient> = {}) => {
    const made = clientOf({ identity })
    return { ...made, clientId: clientIdOf(made.client, made.namespaceUid, made.installation), ...change }
  }
  const under = (
    clientId: string,
    keys: PublishedKey[] = [keyOf('Active', { kid }), keyOf('Retiring', { notAfter: at(9) })],
  ) => accessKeyOf({ publicKey }, { clientId, keys })

  test('is revoked with the identity before, and all that it replaced: who has the private half has it still', () => {
    const { status } = settled(under(client(1).clientId), { client: client(3) })
    expect(status?.keys?.map(({ state }) => state)).toEqual(['Revoked', 'Revoked'])
    expect(status).toMatchObject({ state: 'Revoked', clientId: client(3).clientId, keyId: kid })
    expect(status?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({
      status: 'True',
      reason: 'Revoked',
      message: 'The key is revoked. Put another one into spec.publicKey.',
    })
  })

  test('stays revoked, and another one that is brought then is good at once', () => {
    const after = settled(under(client(1).clientId), { client: client(2) })
    expect(planAccessKey(observedOf(after, { client: client(2) }), start + 9)).toEqual({ events: [] })
    const [x] = [generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }).x ?? '']
    const next = { ...publicKey, x }
    const plan = planAccessKey(
      observedOf({ ...after, spec: { ...after.spec, publicKey: next } }, { client: client(2) }),
      start,
    )
    expect(states(plan)).toEqual([`${thumbprint(next)} Active`, `${kid} Revoked`, 'held Revoked'])
  })

  test('is new to the client where nothing was published before', () => {
    expect(states(planAccessKey(observedOf(under(client(1).clientId, []), { client: client(2) }), start))).toEqual([
      `${kid} Active`,
    ])
  })

  test.each([
    ['to another id for another cause', client(2, { clientId: 'shop.web' }), client(2).clientId],
    ['back, at an operator that is late', client(1), client(2).clientId],
    ['nowhere', client(2), client(2).clientId],
  ])('goes on where the client moved %s', (_what, moved, before) => {
    const plan = planAccessKey(observedOf(under(before), { client: moved }), start)
    expect(states(plan)).toEqual([`${kid} Active`, 'held Retiring'])
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

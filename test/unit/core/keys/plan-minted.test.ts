import { describe, expect, test } from 'vitest'
import type { AccessKey, PublishedKey } from '../../../../core/api/access-key.ts'
import type { ObservedAccessKey } from '../../../../core/keys/key-plan.ts'
import { mintedSecret } from '../../../../core/keys/minted-secret.ts'
import { planAccessKey } from '../../../../core/keys/plan-access-key.ts'
import { type SecretObject, secretFile } from '../../../../core/keys/secret-data.ts'
import { accessKeyOf, clientOf, start } from './access-key-store.ts'
import { at, found, held, keyOf, observedOf, readyOf, secretOf, settled, states } from './observed.ts'

const repair = { kind: 'key', what: `${clientOf().clientId} ` }

describe('a key that is minted', () => {
  const fresh = accessKeyOf()
  const inUse = settled(fresh, found(secretOf(fresh)))

  test('is given the time it is made at as its number', () => {
    expect(planAccessKey(observedOf(fresh), start)).toEqual({
      write: { kind: 'mint', slot: 'mounted', number: start },
      events: [],
      repair,
    })
  })

  test('is not older than the youngest that was published, where the clock went back', () => {
    const retiring = keyOf('Retiring', { notAfter: at(99), notBefore: at(3) })
    const revoked = keyOf('Revoked', { kid: 'x', notBefore: at(5) })
    const { write } = planAccessKey(observedOf(accessKeyOf({}, { keys: [retiring, revoked] })), start)
    expect(write).toEqual({ kind: 'mint', slot: 'mounted', number: start + 5 })
  })

  test('is published with its Secret, and nothing is left to do then', () => {
    const { write, events } = planAccessKey(observedOf(fresh, found(secretOf(fresh))), start)
    expect(events).toEqual([])
    expect(write).toEqual({ kind: 'status', status: inUse.status })
    expect(inUse.status).toMatchObject({ keys: [keyOf('Active')], keyId: 'held', binding: { name: 'web' } })
    expect(planAccessKey(observedOf(inUse, found(secretOf(fresh))), start)).toEqual({
      events: [],
      nextAt: expect.any(Number),
    })
  })

  test.each<[string, (secret: SecretObject) => SecretObject]>([
    ['data', secret => ({ ...secret, data: { ...secret.data, issuer: 'eA==' } })],
    ['labels', secret => ({ ...secret, metadata: { ...secret.metadata, labels: {} } })],
    [
      'an annotation',
      secret => ({
        ...secret,
        metadata: {
          ...secret.metadata,
          annotations: { ...secret.metadata.annotations, 'latchkey.dev/access-key': 'x' },
        },
      }),
    ],
    [
      'its owner',
      secret => ({
        ...secret,
        metadata: {
          ...secret.metadata,
          ownerReferences: secret.metadata.ownerReferences?.map(one => ({ ...one, blockOwnerDeletion: true })) ?? [],
        },
      }),
    ],
    ['owners', ({ metadata: { ownerReferences: _, ...metadata }, ...secret }) => ({ ...secret, metadata })],
  ])('stays, and %s of its Secret that were changed are put right', (_, change) => {
    const { write, events } = planAccessKey(observedOf(inUse, found(change(secretOf(fresh)))), start)
    expect(write).toEqual({ kind: 'refresh-secret', slot: 'mounted', secret: secretOf(fresh) })
    expect(events).toEqual([])
  })

  test('may leave its Secret without owners, where it is not to be collected', () => {
    const orphan = accessKeyOf({ deletionPolicy: 'Orphan' })
    const done = settled(orphan, found(secretOf(orphan)))
    expect(planAccessKey(observedOf(done, found(secretOf(orphan))), start)).toEqual({
      events: [],
      nextAt: expect.any(Number),
    })
    const secret = secretOf(orphan)
    const listed = { ...secret, metadata: { ...secret.metadata, ownerReferences: [] } }
    expect(planAccessKey(observedOf(done, found(listed)), start)).toEqual({ events: [], nextAt: expect.any(Number) })
  })

  test.each<[string, Partial<AccessKey['spec']>, Partial<ObservedAccessKey>, string, string]>([
    ['holds none', {}, found(secretOf(fresh), 'none'), 'Warning', 'The Secret held no key that fits its parts.'],
    [
      'holds one from before',
      {},
      found(secretOf(fresh, start - 1), { ...held, kid: 'other' }),
      'Warning',
      'The Secret held a key from before.',
    ],
    [
      'holds one that is revoked',
      { keysNotBefore: at(0) },
      found(secretOf(fresh, start - 1), { ...held, kid: 'other' }),
      'Normal',
      'The key in the Secret was revoked.',
    ],
    [
      'holds one of another client',
      {},
      found(secretOf(fresh), { ...held, kid: 'other', clientId: 'sc_was' }),
      'Normal',
      'The key in the Secret was of another client id.',
    ],
  ])('takes the place of what its Secret holds, which %s, and tells why', (_, spec, changes, type, words) => {
    const accessKey = accessKeyOf(spec, { keys: [keyOf('Active')], keyId: 'held' })
    const { write, events } = planAccessKey(observedOf(accessKey, changes), start)
    expect(write).toEqual({
      kind: 'mint',
      slot: 'mounted',
      number: start,
      previous: changes.secrets?.mounted && (changes.secrets.mounted as { object: SecretObject }).object,
    })
    expect(events).toEqual([{ type, reason: 'SecretReplaced', action: 'Mint', note: `${words} It has a new key now.` }])
  })

  test('is taken over from an AccessKey of this name that is gone, and tells so', () => {
    const left = secretOf({ ...accessKeyOf({ deletionPolicy: 'Orphan' }), metadata: { ...fresh.metadata, uid: 'was' } })
    expect(planAccessKey(observedOf(fresh, found(left)), start)).toEqual({
      write: { kind: 'update-secret', slot: 'mounted', secret: secretOf(fresh) },
      events: [{ type: 'Normal', reason: 'Adopted', action: 'Update', note: expect.stringContaining('is used again') }],
      repair,
    })
  })

  const ended = keyOf('Expired', { notBefore: at(-3_600), notAfter: at(0) })
  const edited = found(secretOf(fresh), 'none')
  const leaked = found(secretOf(fresh, start - 1))
  test.each<[string, Partial<AccessKey['spec']>, PublishedKey[], Partial<ObservedAccessKey>]>([
    ['where there never was a Secret', { expiresAt: at(0) }, [], {}],
    ['where the Secret was deleted', { expiresAt: at(0) }, [ended], {}],
    ['where the Secret was deleted after the time of its key', { validity: '1h' }, [ended], {}],
    ['into a Secret that was edited', { expiresAt: at(0) }, [ended], edited],
    ['into a Secret that was edited before its key was published', { expiresAt: at(0) }, [], edited],
    [
      'into a Secret that was edited after the time of its key, where nothing rotates it',
      { validity: '1h' },
      [ended],
      { ...edited, client: clientOf({ type: 'Partner' }) },
    ],
  ])('is not made any more after the end, %s', (_, spec, keys, changes) => {
    const plan = planAccessKey(observedOf(accessKeyOf(spec, { keys, keyId: 'held' }), changes), start)
    expect([states(plan), readyOf(plan)]).toEqual([keys.map(({ kid, state }) => `${kid} ${state}`), 'Expired'])
  })

  test('is not made any more after a leak, where all keys end', () => {
    const accessKey = accessKeyOf({ expiresAt: at(0), keysNotBefore: at(0) }, { keys: [keyOf('Revoked')] })
    expect(states(planAccessKey(observedOf(accessKey, leaked), start))).toEqual(['held Revoked'])
  })

  test.each<[string, Partial<AccessKey['spec']>, PublishedKey[], Partial<ObservedAccessKey>]>([
    ['where the end is to come', { expiresAt: at(1) }, [], {}],
    ['after the end of a key that is in use no more', { validity: '1h' }, [{ ...ended, kid: 'old' }], {}],
    [
      'after a leak of a key that had ended',
      { validity: '1h', keysNotBefore: at(0) },
      [keyOf('Expired', { notBefore: at(-1), notAfter: at(0) })],
      leaked,
    ],
    [
      'after the end, in the place of a revoked one that came back',
      { validity: '1h' },
      [ended, keyOf('Revoked', { kid: 'back' })],
      found(secretOf(fresh), { ...held, kid: 'back' }),
    ],
  ])('is made %s', (_, spec, keys, changes) => {
    const accessKey = accessKeyOf(spec, { keys, keyId: 'held' })
    expect(states(planAccessKey(observedOf(accessKey, changes), start))).toBe('mint')
  })

  test.each<[string, Partial<AccessKey['spec']>, PublishedKey[], Partial<ObservedAccessKey>]>([
    ['another one is made', {}, [keyOf('Active')], { secrets: {}, client: clientOf({}, { clientId: 'sc_new' }) }],
    ['its Secret is replaced', { keysNotBefore: at(0) }, [keyOf('Active', { notBefore: at(-1) })], leaked],
    [
      'its Secret is taken over',
      { expiresAt: at(50) },
      [keyOf('Active')],
      found(secretOf({ ...accessKeyOf({ deletionPolicy: 'Orphan' }), metadata: { ...fresh.metadata, uid: 'was' } })),
    ],
  ])('is Pending where rights are taken away before %s', (_, spec, keys, changes) => {
    const accessKey = accessKeyOf(spec, { keys, keyId: 'held', clientId: clientOf().clientId })
    expect(readyOf(planAccessKey(observedOf(accessKey, changes), start))).toBe('Pending')
  })

  test.each<[string, Partial<ObservedAccessKey>]>([
    ['its client is gone', { client: undefined }],
    ['its client is refused', { client: clientOf({}, { accepted: false }) }],
    ['Secrets are forbidden', { secrets: { mounted: 'forbidden' } }],
    ['its Secret is refused', { secrets: { mounted: 'refused' } }],
    ['its Secret is another’s', found(secretOf(fresh, start, { type: 'Opaque' }))],
  ])('stays published and named while %s', (_, changes) => {
    const { write } = planAccessKey(observedOf(inUse, changes), start)
    if (write?.kind !== 'status') throw new Error('a status was expected')
    expect([write.status.keyId, write.status.keys]).toEqual(['held', [keyOf('Active', { publishedAt: at(0) })]])
  })

  test('is withdrawn where its client became a person’s and it has no end', () => {
    const keys = [keyOf('Active'), keyOf('Revoked', { kid: 'old' })]
    const plan = planAccessKey(observedOf(accessKeyOf({}, { keys }), { client: clientOf({ type: 'Personal' }) }), start)
    expect(states(plan)).toEqual(['old Revoked'])
  })

  test('is withdrawn where its client is another, and only what was revoked stays known', () => {
    const keys = [keyOf('Active'), keyOf('Revoked', { kid: 'old' })]
    const moved = accessKeyOf({}, { clientId: 'sc_was', keys, keyId: 'held' })
    const forbidden = { secrets: { mounted: 'forbidden' } } as const
    expect(states(planAccessKey(observedOf(moved, forbidden), start))).toEqual(['old Revoked'])
    const same = accessKeyOf({}, { clientId: clientOf().clientId, keys, keyId: 'held' })
    expect(states(planAccessKey(observedOf(same, forbidden), start))).toEqual(['held Active', 'old Revoked'])
  })
})

test.each([
  ['no algorithm that is said', undefined, 'EdDSA'],
  ['ES256', 'ES256', 'ES256'],
] as const)('a new key of %s is written with the name that libraries have for it', (_, algorithm, alg) => {
  const accessKey = accessKeyOf(algorithm ? { algorithm } : {})
  const write = { kind: 'mint', slot: 'mounted', number: 5 } as const
  const secret = mintedSecret({ ...observedOf(accessKey), client: clientOf() }, held, write)
  expect(JSON.parse(secretFile(secret, 'private.jwk') ?? '')).toMatchObject({ alg, kid: 'held' })
})

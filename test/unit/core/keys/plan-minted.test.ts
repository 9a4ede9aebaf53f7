import { describe, expect, test } from 'vitest'
import type { AccessKey, PublishedKey } from '../../../../core/api/access-key.ts'
import type { ObservedAccessKey } from '../../../../core/keys/key-plan.ts'
import { mintedSecret } from '../../../../core/keys/minted-secret.ts'
import { planAccessKey } from '../../../../core/keys/plan-access-key.ts'
import { type SecretObject, secretFile } from '../../../../core/keys/secret-data.ts'
import { accessKeyOf, clientOf, start } from './access-key-store.ts'
import { at, found, held, keyOf, observedOf, secretOf, settled, states } from './observed.ts'

describe('a key that is minted', () => {
  const fresh = accessKeyOf()
  const inUse = settled(fresh, found(secretOf(fresh)))

  test('is given the time it is made at as its number', () => {
    expect(planAccessKey(observedOf(fresh), start)).toEqual({
      write: { kind: 'mint', slot: 'mounted', number: start },
      events: [],
    })
  })

  test.each<[string, Partial<AccessKey['spec']>, PublishedKey[], number]>([
    ['the moment older keys end at, rounded up', { keysNotBefore: '2027-01-15T07:59:59.5Z' }, [], start],
    [
      'that of the youngest published key, where the clock went back',
      {},
      [keyOf('Retiring', { notAfter: at(99), notBefore: at(3) }), keyOf('Revoked', { kid: 'x', notBefore: at(5) })],
      start + 5,
    ],
  ])('is not older than %s', (_, spec, keys, number) => {
    const { write } = planAccessKey(observedOf(accessKeyOf(spec, { keys })), start)
    expect(write).toEqual({ kind: 'mint', slot: 'mounted', number })
  })

  test('is published with its Secret, and nothing is left to do then', () => {
    expect(inUse.status?.keys).toEqual([keyOf('Active')])
    expect(planAccessKey(observedOf(inUse, found(secretOf(fresh))), start)).toEqual({ events: [] })
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
    ['owners', ({ metadata: { ownerReferences: _, ...metadata }, ...secret }) => ({ ...secret, metadata })],
  ])('stays, and %s of its Secret that were changed are put right', (_, change) => {
    const { write, events } = planAccessKey(observedOf(inUse, found(change(secretOf(fresh)))), start)
    expect(write).toEqual({ kind: 'refresh-secret', slot: 'mounted', secret: secretOf(fresh) })
    expect(events).toEqual([])
  })

  test('may leave its Secret without owners, where it is not to be collected', () => {
    const orphan = accessKeyOf({ deletionPolicy: 'Orphan' })
    const done = settled(orphan, found(secretOf(orphan)))
    expect(planAccessKey(observedOf(done, found(secretOf(orphan))), start)).toEqual({ events: [] })
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
    })
  })

  test.each<[string, Partial<AccessKey['spec']>, PublishedKey[], Partial<ObservedAccessKey>, string | string[]]>([
    ['no key is minted after the end, where there is no Secret', { expiresAt: at(0) }, [], {}, []],
    ['nor where it was deleted', { expiresAt: at(0) }, [keyOf('Active')], {}, ['held Expired']],
    [
      'nor where the key in use ended after its time',
      { validity: '1h' },
      [keyOf('Active', { notBefore: at(-3_600) })],
      {},
      ['held Expired'],
    ],
    [
      'nor into a Secret that was edited',
      { expiresAt: at(0) },
      [keyOf('Active')],
      found(secretOf(fresh), 'none'),
      ['held Expired'],
    ],
    [
      'nor into one that was edited after the time of its key',
      { validity: '1h' },
      [keyOf('Active', { notBefore: at(-3_600) })],
      found(secretOf(fresh), 'none'),
      ['held Expired'],
    ],
    [
      'nor after a leak, where all keys end',
      { expiresAt: at(0), keysNotBefore: at(0) },
      [keyOf('Active', { notBefore: at(-1) })],
      found(secretOf(fresh, start - 1)),
      ['held Revoked'],
    ],
    ['but where the end is to come', { expiresAt: at(1) }, [], {}, 'mint'],
    [
      'and after the end of a key that is in use no more',
      { validity: '1h' },
      [keyOf('Expired', { kid: 'old', notBefore: at(-3_600) })],
      {},
      'mint',
    ],
  ])('%s', (_, spec, keys, changes, expected) => {
    expect(states(planAccessKey(observedOf(accessKeyOf(spec, { keys, keyId: 'held' }), changes), start))).toEqual(
      expected,
    )
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
    expect([write.status.keyId, write.status.keys]).toEqual(['held', [keyOf('Active')]])
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

test('a new key of ES256 is written with the name that libraries have for it', () => {
  const secret = mintedSecret({ ...observedOf(accessKeyOf({ algorithm: 'ES256' })), client: clientOf() }, held, {
    kind: 'mint',
    slot: 'mounted',
    number: 5,
  })
  expect(JSON.parse(secretFile(secret, 'private.jwk') ?? '')).toMatchObject({ alg: 'ES256', kid: 'held' })
})

import { describe, expect, it } from 'vitest'
import type { AccessKey, PublishedKey } from '../../../../core/api/access-key.ts'
import { vouchedKeys } from '../../../../core/registry/keys.ts'
import { endpointSecrets, vouchedSecrets } from '../../../../core/registry/secrets.ts'
import { knownSecrets } from '../secret/secrets.ts'
import { accessKey, born, bornSeconds, keyPair } from './objects.ts'

const [one, two] = knownSecrets
const services = [{ namespace: 'shop', name: 'orders' }]
const published = (change: Partial<PublishedKey> = {}): PublishedKey => ({
  kid: one.keyId,
  secretHash: one.hash,
  state: 'Active',
  notBefore: born,
  ...change,
})
const withKeys = (spec: Partial<AccessKey['spec']>, ...keys: PublishedKey[]) =>
  accessKey('partners', 'old-caller', { clientRef: { name: 'web' }, type: 'ApiKey', services, ...spec }, { keys })
const secrets = (spec: Partial<AccessKey['spec']>, ...keys: PublishedKey[]) =>
  vouchedSecrets(withKeys(spec, ...keys)).map(({ secret }) => secret)
const row = { kid: one.keyId, accessKey: 'old-caller', kind: 'ApiKey', hash: one.hash, notBefore: bornSeconds }

describe('a secret of the status', () => {
  it('is told with its services, and no public key of it', () => {
    const key = withKeys({ type: 'StaticSecret' }, published())
    expect(vouchedSecrets(key)).toEqual([
      { secret: { ...row, kind: 'StaticSecret' }, services: new Set(['shop/orders']) },
    ])
    expect(vouchedKeys(key)).toEqual([])
  })

  it('is told beside the one that takes its place', () => {
    const both = secrets({}, published({ kid: two.keyId, secretHash: two.hash }), published({ state: 'Retiring' }))
    expect(both.map(({ kid }) => kid)).toEqual([two.keyId, one.keyId])
  })

  it.each<[string, Partial<AccessKey['spec']>, Partial<PublishedKey>, object]>([
    ['is revoked', {}, { state: 'Revoked' }, { revoked: true }],
    ['is of a revoked AccessKey', { revoked: {} }, {}, { revoked: true }],
    ['is older than keysNotBefore', { keysNotBefore: '2026-11-22T10:00:01Z' }, {}, { revoked: true }],
    ['ends', {}, { notAfter: '2026-11-22T11:00:00Z' }, { notAfter: bornSeconds + 3_600 }],
    ['ends with its AccessKey', { expiresAt: '2026-11-22T10:30:00Z' }, {}, { notAfter: bornSeconds + 1_800 }],
    ['lives for its validity', { validity: '1h' }, {}, { notAfter: bornSeconds + 3_600 }],
    ['is called ended', {}, { state: 'Expired' }, { notAfter: bornSeconds }],
  ])('that %s says so', (_, spec, change, expected) => {
    expect(secrets(spec, published(change))).toEqual([{ ...row, ...expected }])
  })

  it.each<[string, Partial<AccessKey['spec']>, Partial<PublishedKey>]>([
    ['of a key pair', { type: 'KeyPair' }, {}],
    ['of a client secret, which no guard takes', { type: 'ClientSecret' }, {}],
    ['without a hash', {}, { secretHash: undefined }],
    ['whose hash is none', {}, { secretHash: 'x'.repeat(42) }],
    ['with the key id of another', {}, { kid: two.keyId }],
    ['that is a key pair', {}, { ...keyPair(), secretHash: undefined }],
    ['without a beginning', {}, { notBefore: 'soon' }],
    ['with an end that is no time', {}, { notAfter: 'soon' }],
  ])('%s is none', (_, spec, change) => {
    expect(secrets(spec, published(change))).toEqual([])
  })

  it('that stands there twice is one', () => {
    expect(secrets({}, published(), published({ notAfter: '2027-11-22T11:00:00Z' }))).toEqual([row])
  })
})

describe('a client secret of the status', () => {
  it('counts at token endpoints, with the roles it is narrowed to, and at no guard', () => {
    const roles = [{ namespace: 'shop', name: 'reader' }]
    const key = withKeys({ type: 'ClientSecret', roles }, published())
    const { kind: _, ...bounds } = row
    expect(endpointSecrets(key)).toEqual([{ key: bounds, roles }])
    expect(vouchedSecrets(key)).toEqual([])
  })

  it('is none of another type, and none whose id is not that of its hash', () => {
    for (const type of ['StaticSecret', 'ApiKey', 'KeyPair'] as const) {
      expect(endpointSecrets(withKeys({ type }, published()))).toEqual([])
    }
    expect(endpointSecrets(withKeys({ type: 'ClientSecret' }, published({ kid: two.keyId })))).toEqual([])
  })
})

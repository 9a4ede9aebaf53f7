import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { AccessKey, PublishedKey } from '../../../../core/api/access-key.ts'
import { usableKeys, vouchedKeys } from '../../../../core/registry/keys.ts'
import { accessKey, born, bornSeconds, keyPair, published } from './objects.ts'

const now = bornSeconds + 3_600
const clientRef = { name: 'checkout' }
const pair = keyPair()
const withKeys = (spec: Partial<AccessKey['spec']>, ...keys: PublishedKey[]) =>
  accessKey('shop', 'key', { clientRef, ...spec }, { keys })

/** What a published key of this spec and status is worth. */
function worth(spec: Partial<AccessKey['spec']>, more: Partial<PublishedKey> = {}): string {
  const key = withKeys(spec, published(pair, more))
  const [row] = vouchedKeys(key)
  if (!row) return 'nothing'
  if (row.revoked) return 'revoked'
  return usableKeys(key, now).length === 1 ? 'usable' : 'ended'
}

describe('a key of the status', () => {
  it.each([
    ['is published', {}, {}, 'usable'],
    ['is not handed out yet', {}, { state: 'Pending' }, 'usable'],
    ['retires', {}, { state: 'Retiring' }, 'usable'],
    ['is called revoked', {}, { state: 'Revoked' }, 'revoked'],
    ['belongs to a revoked AccessKey', { revoked: {} }, {}, 'revoked'],
    ['is older than keysNotBefore', { keysNotBefore: '2026-11-22T10:00:01Z' }, {}, 'revoked'],
    ['is as old as keysNotBefore', { keysNotBefore: born }, {}, 'usable'],
    ['is older by a fraction of a second', { keysNotBefore: '2026-11-22T10:00:00.001Z' }, {}, 'revoked'],
    ['is younger by a fraction of a second', { keysNotBefore: '2026-11-22T09:59:59.999Z' }, {}, 'usable'],
    ['meets a keysNotBefore that is no time', { keysNotBefore: 'soon' }, {}, 'revoked'],
    ['ends later', {}, { notAfter: '2026-11-22T12:00:00Z' }, 'usable'],
    ['has ended', {}, { notAfter: '2026-11-22T11:00:00Z' }, 'ended'],
    ['ends with its AccessKey', { expiresAt: '2026-11-22T10:30:00Z' }, { notAfter: '2027-01-01T00:00:00Z' }, 'ended'],
    ['outlives the validity of the spec', { validity: '30m' }, { notAfter: '2027-01-01T00:00:00Z' }, 'ended'],
    ['is within the validity of the spec', { validity: '2h' }, {}, 'usable'],
    ['is called ended, whatever its times', {}, { state: 'Expired', notAfter: '2027-01-01T00:00:00Z' }, 'ended'],
    ['has an end that is no time', {}, { notAfter: 'soon' }, 'nothing'],
    ['has no beginning', {}, { notBefore: 'soon' }, 'nothing'],
    ['is of another algorithm', { algorithm: 'ES256' }, {}, 'nothing'],
    ['is not the one that the spec brings', { publicKey: keyPair().publicKey }, {}, 'nothing'],
    ['is the one that the spec brings', { publicKey: { ...pair.publicKey, kid: 'x' } }, {}, 'usable'],
    ['meets a brought key that lacks a member (K20)', { publicKey: { kty: 'OKP', crv: 'Ed25519' } }, {}, 'nothing'],
    ['has a kid that is not its thumbprint', {}, { kid: keyPair().kid }, 'nothing'],
    ['belongs to a kind of credential that has no key pair', { type: 'ApiKey' }, {}, 'nothing'],
  ] as [string, Partial<AccessKey['spec']>, Partial<PublishedKey>, string][])(
    'that %s (K23)',
    (_what, spec, more, expected) => {
      expect(worth(spec, more)).toBe(expected)
    },
  )

  it.each([
    ['retires, for the time that it has', 'Retiring', { notAfter: '2026-11-22T12:00:00Z' }, {}, 'usable'],
    ['retires and has ended', 'Retiring', { notAfter: '2026-11-22T11:00:00Z' }, {}, 'ended'],
    ['retires without an end', 'Retiring', {}, {}, 'nothing'],
    ['is called active', 'Active', {}, {}, 'nothing'],
    ['is called active with an end', 'Active', { notAfter: '2026-11-22T12:00:00Z' }, {}, 'nothing'],
    ['is to come', 'Pending', { notAfter: '2026-11-22T12:00:00Z' }, {}, 'nothing'],
    ['was revoked', 'Revoked', {}, {}, 'revoked'],
    [
      'is older than keysNotBefore',
      'Retiring',
      { notAfter: '2026-11-22T12:00:00Z' },
      { keysNotBefore: '2026-11-22T10:00:01Z' },
      'revoked',
    ],
    ['belongs to a revoked AccessKey', 'Retiring', { notAfter: '2026-11-22T12:00:00Z' }, { revoked: {} }, 'revoked'],
    [
      'outlives its AccessKey',
      'Retiring',
      { notAfter: '2026-11-22T12:00:00Z' },
      { expiresAt: '2026-11-22T10:30:00Z' },
      'ended',
    ],
    ['is of another algorithm', 'Retiring', { notAfter: '2026-11-22T12:00:00Z' }, { algorithm: 'ES256' }, 'nothing'],
  ] as [string, PublishedKey['state'], Partial<PublishedKey>, Partial<AccessKey['spec']>, string][])(
    'that the spec does not bring any more and that %s (K23)',
    (_what, state, more, spec, expected) => {
      expect(worth({ publicKey: keyPair().publicKey, ...spec }, { state, ...more })).toBe(expected)
    },
  )

  it('that the spec brought goes on until the operator has looked at the exchange, unless the spec revokes it', () => {
    const worthAt = (observedGeneration: number | undefined, spec: Partial<AccessKey['spec']> = {}) => {
      const key = withKeys({ publicKey: keyPair().publicKey, ...spec }, published(pair))
      const status = { ...key.status, ...(observedGeneration !== undefined && { observedGeneration }) }
      return usableKeys({ ...key, metadata: { ...key.metadata, generation: 3 }, status }, now).length
    }
    expect([2, 3, 4, undefined].map(seen => worthAt(seen))).toEqual([1, 0, 0, 0])
    expect(worthAt(2, { keysNotBefore: '2026-11-22T10:00:01Z' })).toBe(0)
    expect(worthAt(2, { revoked: {} })).toBe(0)
    expect(worthAt(2, { expiresAt: '2026-11-22T10:30:00Z' })).toBe(0)
  })

  it('that the spec brought goes on while a pause puts the exchange off, unless the spec revokes it', () => {
    const worthOf = (state: PublishedKey['state'], spec: Partial<AccessKey['spec']> = {}, paused = 'True') => {
      const key = withKeys({ publicKey: keyPair().publicKey, ...spec }, published(pair, { state }))
      const conditions = [{ type: 'Paused', status: paused, reason: 'Paused', message: '', lastTransitionTime: born }]
      const status = { ...key.status, observedGeneration: 1, conditions } as AccessKey['status']
      return usableKeys({ ...key, ...(status && { status }) }, now).length
    }
    expect(worthOf('Active')).toBe(1)
    expect(worthOf('Active', {}, 'False')).toBe(0)
    expect(worthOf('Pending')).toBe(0)
    expect(worthOf('Expired')).toBe(0)
    expect(worthOf('Active', { keysNotBefore: '2026-11-22T10:00:01Z' })).toBe(0)
    expect(worthOf('Active', { revoked: {} })).toBe(0)
    expect(worthOf('Active', { expiresAt: '2026-11-22T10:30:00Z' })).toBe(0)
    expect(worthOf('Active', { algorithm: 'ES256' })).toBe(0)
  })

  it('with a point of small order counts for nothing (J15)', () => {
    const x = Buffer.concat([Buffer.from([1]), Buffer.alloc(31)]).toString('base64url')
    expect(worth({}, { publicKey: { kty: 'OKP', crv: 'Ed25519', x } })).toBe('nothing')
  })

  it('gives public members only, and its own kid once', () => {
    const { d } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
    const leaky = { ...published(pair), publicKey: { ...pair.publicKey, d } } as PublishedKey
    expect(vouchedKeys(withKeys({}, leaky))).toEqual([])
    expect(vouchedKeys(withKeys({}, published(pair), published(pair)))).toEqual([
      { kid: pair.kid, accessKey: 'key', algorithm: 'Ed25519', publicKey: pair.publicKey, notBefore: bornSeconds },
    ])
  })
})

it('of an AccessKey are looked at once, however often its client is told: there may be hundreds', () => {
  let looks = 0
  const key = withKeys({})
  const counted = {
    ...key,
    status: {
      ...key.status,
      get keys() {
        looks++
        return [published(pair)]
      },
    },
  }
  for (let at = 0; at < 10; at++) expect(vouchedKeys(counted)).toHaveLength(1)
  expect(looks).toBe(1)
  // Another object is another state.
  expect(vouchedKeys({ ...counted, spec: { ...counted.spec, revoked: {} } })[0]?.revoked).toBe(true)
})

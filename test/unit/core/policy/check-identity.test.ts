import { describe, expect, test } from 'vitest'
import type { Identity } from '../../../../core/base/identity.ts'
import { checkIdentity } from '../../../../core/policy/check-identity.ts'
import { mainIdentity } from '../../../builders/policy.ts'
import {
  audience,
  clientId,
  clientRow,
  clusterIssuer,
  clusterRow,
  ed25519Key,
  es256Key,
  keyRow,
  mainKey,
  now,
  serviceRow,
  snapshotOf,
  usualRows,
} from '../fixture.ts'

const account = { name: 'invoices', uid: 'sa-uid', pods: ['pod-uid'] }
const client = clientRow({ keys: [], serviceAccounts: [{ name: 'other', uid: 'other-uid', pods: [] }, account] })
const proof = {
  issuedAt: now,
  endsAt: now + 330,
  audience,
  issuer: clusterIssuer,
  anchors: { uid: 'sa-uid', pod: 'pod-uid', kid: es256Key.kid },
}
const pod: Identity = {
  clientId,
  client: 'billing/invoices',
  key: 'serviceaccount:invoices',
  credential: 'ServiceAccountToken',
  subject: clientId,
  scopes: [],
  expiresAt: now + 330,
  proof,
}
const check = (identity: Identity, ...rows: unknown[]) => checkIdentity(identity, snapshotOf(rows), now)
const cluster = clusterRow(es256Key)

describe('a pod that was proved', () => {
  test('counts while its account, its pod and the key of the cluster are there', () => {
    expect(check(pod, serviceRow(), client, cluster)).toMatchObject({ clientId })
  })

  test('counts under one of several keys of the cluster', () => {
    const other = { ...cluster.keys[0], kid: 'another' }
    expect(check(pod, serviceRow(), client, { ...cluster, keys: [other, ...cluster.keys] })).toMatchObject({ clientId })
  })

  test.each([
    ['the cluster has no keys here', []],
    ['its key went', [{ ...cluster, keys: [{ ...cluster.keys[0], kid: 'another' }] }]],
    ['the cluster has another issuer', [{ ...cluster, issuer: 'https://elsewhere' }]],
  ])('is nobody when %s', (_, rows) => {
    expect(check(pod, serviceRow(), client, ...rows)).toBe('invalid_token')
  })

  test.each([
    ['its account went', { serviceAccounts: [] }],
    ['its client names no accounts', { serviceAccounts: undefined }],
    ['its account was made anew', { serviceAccounts: [{ ...account, uid: 'sa-uid-2' }] }],
    ['its pod went', { serviceAccounts: [{ ...account, pods: ['another'] }] }],
    [
      'its pod is one of another account',
      {
        serviceAccounts: [
          { ...account, pods: [] },
          { ...account, uid: 'b' },
        ],
      },
    ],
  ])('is no pod of it when %s', (_, change) => {
    const { serviceAccounts } = { ...client, ...change }
    const { serviceAccounts: __, ...rest } = client
    const row = serviceAccounts ? { ...rest, serviceAccounts } : rest
    expect(check(pod, serviceRow(), row, cluster)).toBe('pod_unknown')
  })

  test('is no pod when its token named none', () => {
    const { pod: _, ...anchors } = proof.anchors
    const unbound = { ...proof, anchors }
    const accounts = [{ ...account, pods: ['undefined', 'pod-uid'] }]
    expect(check({ ...pod, proof: unbound }, serviceRow(), { ...client, serviceAccounts: accounts }, cluster)).toBe(
      'pod_unknown',
    )
  })

  test('is told that its client is suspended, and has no times of a key', () => {
    expect(check(pod, serviceRow(), { ...client, suspended: true }, cluster)).toBe('client_suspended')
  })
})

describe('a key that was proved', () => {
  test('is nobody when its client publishes under another issuer', () => {
    expect(check(mainIdentity, serviceRow(), clientRow({ issuer: 'https://elsewhere' }))).toBe('invalid_token')
  })

  test('is compared with the times of its own key alone', () => {
    const young = keyRow(ed25519Key('young'), { notBefore: now + 3_600 })
    expect(check(mainIdentity, serviceRow(), clientRow({ keys: [young, keyRow(mainKey)] }))).toMatchObject({ clientId })
    const anew = keyRow(mainKey, { notBefore: now + 31 })
    expect(check(mainIdentity, serviceRow(), clientRow({ keys: [anew] }))).toBe('token_predates_key')
  })

  test('needs no pod', () => {
    expect(check(mainIdentity, ...usualRows())).toMatchObject({ clientId })
  })
})

test('nothing is taken for a service of which something is not understood', () => {
  const later = { ...serviceRow(), later: true }
  expect(check(mainIdentity, later, clientRow())).toBe('wrong_audience')
  expect(check(pod, later, client, cluster)).toBe('wrong_audience')
})

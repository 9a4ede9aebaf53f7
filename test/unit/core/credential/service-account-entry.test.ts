import { describe, expect, test } from 'vitest'
import type { Identity } from '../../../../core/base/identity.ts'
import type { DenyReason } from '../../../../core/base/reasons.ts'
import { lookup } from '../../../../core/base/shared-map.ts'
import { parseCompact } from '../../../../core/credential/compact.ts'
import { serviceAccountToken as entry } from '../../../../core/credential/service-account-token.ts'
import { verifyToken } from '../../../../core/credential/verify.ts'
import type { ClientRow, ClusterRow, ServiceRow } from '../../../../core/rows/rows.ts'
import type { ClientEntry } from '../../../../core/snapshot/snapshot.ts'
import { clientId, clusterIssuer, clusterRow, es256Key, identityOf, now, serviceRow, snapshotOf } from '../fixture.ts'
import { account, bound, podClient, projectedToken } from './projected-token.ts'

const cluster = clusterRow(es256Key)
const [clusterKey] = cluster.keys
const usual = snapshotOf([serviceRow(), podClient, cluster])
const withoutCluster = snapshotOf([serviceRow(), podClient])
const presented = (text: string) => ({ text, token: parseCompact(text), asked: undefined })

test('a service account token is signed, so that a copy may be given away, and is good for many requests', () => {
  expect([entry.isSigned, entry.bindsRequest]).toEqual([true, false])
})

describe('whose a service account token says it is', () => {
  test.each<[string, string | undefined, string | undefined]>([
    ['the cluster’s', clusterIssuer, clusterIssuer],
    ['that of another issuer', 'https://elsewhere', undefined],
    ['nobody’s', undefined, undefined],
  ])('%s', (_, iss, owner) => {
    expect(entry.claimedBy({ text: '', iss }, usual)).toBe(owner)
    expect(entry.claimedBy({ text: '', iss }, withoutCluster)).toBeUndefined()
  })
})

describe('a service account token is proved by itself', () => {
  const prove = (text: string, from = usual) => entry.prove(presented(text), from, now)
  const elsewhere = { ...bound, namespace: 'other' }
  const ofNobody = { sub: 'system:serviceaccount:other:invoices', 'kubernetes.io': elsewhere }

  test('and every fault is a reason, also where nothing is there to prove it with', () => {
    expect(prove(projectedToken())).toMatchObject({ clientId })
    expect(prove('no token')).toBe('invalid_token')
    expect(prove(projectedToken(), withoutCluster)).toBe('invalid_token')
    expect(prove(projectedToken(), { ...usual, service: undefined })).toBe('wrong_audience')
  })

  test('and one of no client is invalid, whenever it ends', () => {
    expect(prove(projectedToken(ofNobody))).toBe('invalid_token')
    expect(prove(projectedToken({ ...ofNobody, iat: now - 200, nbf: now - 200, exp: now - 100 }))).toBe('invalid_token')
  })

  test('and is the account of its client that it names, whatever else has the same uid', () => {
    const serviceAccounts = [{ ...account, name: 'another' }, account]
    const from = snapshotOf([serviceRow(), { ...podClient, serviceAccounts }, cluster])
    expect(prove(projectedToken(), from)).toMatchObject({ key: 'serviceaccount:invoices' })
  })

  test('and lives a day and half a minute at most', () => {
    expect(prove(projectedToken({ exp: now + 86_430 }))).toMatchObject({ clientId })
    expect(prove(projectedToken({ exp: now + 86_431 }))).toBe('lifetime_invalid')
  })
})

test.each<[unknown, boolean]>([
  [undefined, true],
  ['JWT', true],
  ['jwt', true],
  ['', false],
  ['JWS', false],
  ['JW', false],
  ['JWTX', false],
  ['at+jwt', false],
  [null, false],
  [7, false],
  [['J', 'W', 'T'], false],
])('with typ %j it is taken: %s', (typ, isTaken) => {
  const outcome = verifyToken(projectedToken({}, { typ }), usual, now)
  expect(outcome).toEqual(isTaken ? expect.objectContaining({ clientId }) : 'typ_invalid')
})

describe('who was proved by a service account token', () => {
  const identity = identityOf(usual, projectedToken())
  const client = lookup(usual.clients, clientId)
  if (!client || !clusterKey) throw new Error('the client of this test is not there')
  const withRow = (changes: Partial<ClientRow>): ClientEntry => ({ ...client, row: { ...client.row, ...changes } })
  const withAnchors = (anchors: Identity['proof']['anchors'] & {}): Identity => ({
    ...identity,
    proof: { ...identity.proof, anchors },
  })

  const other = { ...clusterKey, kid: 'other' }
  test.each<[string, DenyReason | undefined, ClusterRow | undefined]>([
    ['counts while the key of the cluster is there', undefined, cluster],
    ['counts while it is one of several', undefined, { ...cluster, keys: [other, clusterKey] }],
    ['is nobody once the key is gone', 'invalid_token', { ...cluster, keys: [other] }],
    ['is nobody where the key is another cluster’s', 'invalid_token', { ...cluster, issuer: 'https://other' }],
    ['is nobody where no cluster is known', 'invalid_token', undefined],
  ])('%s', (_, reason, row) => {
    const snapshot = snapshotOf([serviceRow(), podClient, ...(row ? [row] : [])])
    expect(entry.checkStanding(identity, client, snapshot, now)).toBe(reason)
  })

  test('does not count while the client is suspended, nor without the key that it was proved with', () => {
    expect(entry.checkStanding(identity, withRow({ suspended: true }), usual, now)).toBe('client_suspended')
    expect(entry.checkStanding(withAnchors({}), client, usual, now)).toBe('invalid_token')
  })

  test.each<[string, DenyReason | undefined, Identity, ClientEntry, ServiceRow | undefined]>([
    ['may use the service', undefined, identity, client, serviceRow()],
    ['may use no other', 'wrong_audience', identity, client, serviceRow({ audience: 'https://other' })],
    ['may use none where there is none', 'wrong_audience', identity, client, undefined],
    [
      'may use none that takes no such token',
      'credential_unsupported',
      identity,
      client,
      serviceRow({ accepts: ['ClientToken'] }),
    ],
    [
      'is gone with the account',
      'pod_unknown',
      identity,
      withRow({ serviceAccounts: [{ ...account, uid: 'anew' }] }),
      serviceRow(),
    ],
    [
      'is gone with the pod',
      'pod_unknown',
      identity,
      withRow({ serviceAccounts: [{ ...account, pods: ['pod-uid-2'] }] }),
      serviceRow(),
    ],
    ['is gone with the list of accounts', 'pod_unknown', identity, { ...client, row: withoutAccounts() }, serviceRow()],
    ['is nobody without a pod', 'pod_unknown', withAnchors({ uid: account.uid }), client, serviceRow()],
  ])('%s', (_, reason, who, entryOfClient, service) => {
    expect(entry.checkUse(who, entryOfClient, service)).toBe(reason)
  })

  test('has no bounds but its own', () => {
    expect(entry.boundsOf(identity, podClient)).toBeUndefined()
  })
})

function withoutAccounts(): ClientRow {
  const { serviceAccounts: _, ...row } = podClient
  return row
}

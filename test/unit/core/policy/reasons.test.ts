import { describe, expect, test } from 'vitest'
import type { Identity } from '../../../../core/base/identity.ts'
import { type DenyReason, type Reason, reasons } from '../../../../core/base/reasons.ts'
import { verifyToken } from '../../../../core/credential/verify.ts'
import { decide } from '../../../../core/policy/decide.ts'
import { checkFreshness } from '../../../../core/policy/freshness.ts'
import type { RouteRow } from '../../../../core/rows/rows.ts'
import { overloadedVerdict } from '../../../../enforce/authorize.ts'
import type { Policy } from '../../../../enforce/policy/policy.ts'
import { whileRecorded } from '../../../../enforce/report/while-recorded.ts'
import { accessToken, rowsWith } from '../access-tokens.ts'
import {
  claims,
  clientRow,
  clientToken,
  clusterIssuer,
  clusterRow,
  es256Key,
  grantRow,
  headerOf,
  identityOf,
  keyRow,
  mainKey,
  now,
  roleRow,
  serviceRow,
  signToken,
  snapshotOf,
  usualRows,
} from '../fixture.ts'

/** From a token and a request to a decision, as a guard does it. */
function decisionOf(rows: readonly unknown[], token: string | DenyReason, target = '/orders'): Reason {
  const snapshot = snapshotOf(rows)
  const who: Identity | DenyReason = token in reasons ? (token as DenyReason) : verifyToken(token, snapshot, now)
  return decide({ method: 'GET', target }, who, snapshot, now).reason
}

const rows = usualRows()
const token = clientToken()
const withClient = (changes: Parameters<typeof clientRow>[0]) => [...rows.slice(0, 3), clientRow(changes)]
const account = { name: 'invoices', uid: 'sa-uid', pods: [] }
const bound = { serviceaccount: { name: 'invoices', uid: 'sa-uid' }, pod: { name: 'p', uid: 'gone' } }
const podToken = signToken(
  { ...headerOf(es256Key), typ: 'JWT' },
  claims({
    iss: clusterIssuer,
    sub: 'system:serviceaccount:billing:invoices',
    'kubernetes.io': { namespace: 'billing', ...bound },
  }),
  es256Key,
)
const routes: RouteRow[] = [{ name: 'orders', path: '/orders', methods: ['GET'], variants: 'Refuse' }]
const ended = [
  serviceRow(),
  roleRow('reader', { methods: ['GET'], paths: ['/**'] }),
  grantRow('g', 'reader', { expiresAt: now }),
  clientRow(),
]

function reachedLimit(): Reason {
  const limit = { requests: 1, perSeconds: 60 }
  const snapshot = snapshotOf([...rows.slice(0, 2), grantRow('read', 'reader', { limit }), clientRow()])
  return decide({ method: 'GET', target: '/orders' }, identityOf(snapshot), snapshot, now, { waitMs: () => 1 }).reason
}

/** What only a proxy that asks can get wrong has its ways in test/unit/authorizer: such a call never reaches `decide`. */
const ofProxies = { peer_unknown: true, service_unknown: true } as const

/** One way to get each reason. A reason without one does not compile. */
const ways: Readonly<Record<Exclude<Reason, keyof typeof ofProxies>, () => Reason | undefined>> = {
  granted: () => decisionOf(rows, token),
  public: () => decisionOf([serviceRow({ public: [{ path: '/orders', methods: ['GET'] }] })], 'credential_missing'),
  request_malformed: () => decisionOf(rows, token, 'http://other/orders'),
  path_malformed: () => decisionOf(rows, token, '/orders/../admin'),
  credential_ambiguous: () => decisionOf(rows, 'credential_ambiguous'),
  credential_missing: () => decisionOf(rows, 'credential_missing'),
  credential_unsupported: () => decisionOf([serviceRow({ accepts: ['ServiceAccountToken'] }), clientRow()], token),
  invalid_token: () => decisionOf(rows, `${token.slice(0, -4)}AAAA`),
  typ_invalid: () => decisionOf(rows, signToken({ ...headerOf(), typ: 'JWT' }, claims())),
  claim_missing: () => decisionOf(rows, clientToken({ jti: undefined })),
  sub_invalid: () => decisionOf(rows, clientToken({ sub: 'sc_b' })),
  client_id_invalid: () => decisionOf(rows, clientToken({ client_id: 'sc_b' })),
  aud_invalid: () => decisionOf(rows, clientToken({ aud: [] })),
  iat_invalid: () => decisionOf(rows, clientToken({ iat: now - 0.5 })),
  exp_invalid: () => decisionOf(rows, clientToken({ exp: now + 0.5 })),
  nbf_invalid: () => decisionOf(rows, clientToken({ nbf: null })),
  jti_invalid: () => decisionOf(rows, clientToken({ jti: '' })),
  lifetime_invalid: () => decisionOf(rows, clientToken({ exp: now + 901 })),
  token_not_yet_valid: () => decisionOf(rows, clientToken({ iat: now + 31 })),
  token_predates_key: () => decisionOf(withClient({ createdAt: now + 31 }), token),
  pod_unknown: () => decisionOf([...withClient({ serviceAccounts: [account] }), clusterRow(es256Key)], podToken),
  token_expired: () => decisionOf(rows, clientToken({ iat: now - 400, exp: now - 100 })),
  token_revoked: () => decisionOf(rowsWith({ accessTokens: { revokedUpTo: now } }), accessToken()),
  key_revoked: () => decisionOf(withClient({ keys: [keyRow(mainKey, { revoked: true })] }), token),
  key_expired: () => decisionOf(withClient({ keys: [keyRow(mainKey, { notAfter: now })] }), token),
  client_suspended: () => decisionOf(withClient({ suspended: true }), token),
  wrong_audience: () => decisionOf(rows, clientToken({ aud: 'https://other.shop.svc' })),
  not_granted: () => decisionOf(rows, token, '/other'),
  not_subscribed: () => decisionOf(rowsWith().slice(0, -1), accessToken()),
  grant_expired: () => decisionOf(ended, token),
  limit_exceeded: () => reachedLimit(),
  route_unknown: () => decisionOf([serviceRow({ routes }), clientRow()], token, '/other'),
  path_ambiguous: () => decisionOf([serviceRow({ routes }), clientRow()], token, '/Orders'),
  policy_unsupported: () => decisionOf([{ ...serviceRow(), newField: true }], 'credential_missing'),
  policy_missing: () => checkFreshness(undefined, 0),
  audit_unavailable: () =>
    whileRecorded({ unfit: () => undefined } as Policy, { isBlocked: () => true }, 'Deny').unfit(),
  overloaded: () => overloadedVerdict({ snapshot: () => undefined } as unknown as Policy).decision.reason,
  policy_stale: () => checkFreshness(snapshotOf(rows), 86_401),
}

test.each(Object.keys(ways) as (keyof typeof ways)[])('the reason %s can be had', reason => {
  expect(ways[reason]()).toBe(reason)
})

test('no reason is without a way, and no way without a reason', () => {
  expect(Object.keys({ ...ways, ...ofProxies }).sort()).toEqual(Object.keys(reasons).sort())
})

describe('checkFreshness', () => {
  test('lets a guard decide up to maxStaleness, to the second', () => {
    expect(checkFreshness(snapshotOf(rows), 86_400)).toBeUndefined()
    expect(checkFreshness(snapshotOf(rows), 86_400.5)).toBe('policy_stale')
    expect(checkFreshness(snapshotOf(rows), undefined)).toBe('policy_stale')
  })

  test('leaves an unreadable service to decide(), which denies everything', () => {
    expect(checkFreshness(snapshotOf([{ ...serviceRow(), newField: true }]), undefined)).toBeUndefined()
  })
})

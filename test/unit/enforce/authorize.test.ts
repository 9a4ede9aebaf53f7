import { describe, expect, test } from 'vitest'
import type { AuthorizationRequest, CredentialEntry } from '../../../core/credential/entry.ts'
import { credentialReader } from '../../../core/credential/read.ts'
import { credentialTable } from '../../../core/credential/table.ts'
import type { Snapshot } from '../../../core/snapshot/snapshot.ts'
import { createDecisionPoint } from '../../../enforce/authorize.ts'
import { boundsFor, createIdentityCache } from '../../../enforce/identity-cache.ts'
import {
  audience,
  clientRow,
  clientToken,
  clusterIssuer,
  clusterRow,
  es256Key,
  grantRow,
  now,
  roleRow,
  serviceRow,
  signToken,
  snapshotOf,
  usualRows,
} from '../core/fixture.ts'

const snapshot = snapshotOf(usualRows())
const policy = { snapshot: () => snapshot, unfit: () => undefined } as unknown as Parameters<
  typeof createDecisionPoint
>[0]['policy']

/** An authorizer whose one kind of credential counts how often it proves. */
function withKind(changes: Partial<CredentialEntry>) {
  let proved = 0
  const kind: CredentialEntry = {
    ...credentialTable.ClientToken,
    ...changes,
    prove(...given) {
      proved++
      return credentialTable.ClientToken.prove(...given)
    },
  }
  const cache = createIdentityCache(() => boundsFor(1))
  const authorizer = createDecisionPoint({ policy, cache, now: () => now, read: credentialReader([kind]) })
  return { authorizer, proved: () => proved }
}

const asked = (changes: Partial<AuthorizationRequest>): AuthorizationRequest => ({
  ...{ method: 'GET', target: '/orders', authorization: undefined, names: [], values: [] },
  ...changes,
})
const bearer = asked({ authorization: `Bearer ${clientToken()}` })

describe('a credential that was proved', () => {
  test('is not proved again', () => {
    const { authorizer, proved } = withKind({})
    expect([authorizer.authorizeKnown(bearer), authorizer.authorize(bearer).pass]).toEqual([undefined, true])
    expect([authorizer.authorize(bearer).pass, authorizer.authorizeKnown(bearer)?.pass]).toEqual([true, true])
    expect(proved()).toBe(1)
  })

  test('is proved on every use when it is good for one request', () => {
    const { authorizer, proved } = withKind({ bindsRequest: true })
    for (const use of [1, 2, 3]) {
      expect(authorizer.authorize(bearer).pass).toBe(true)
      expect(authorizer.authorizeKnown(bearer)).toBeUndefined()
      expect(proved()).toBe(use)
    }
  })

  test('says nothing of the same text at another place', () => {
    const places = [
      { in: 'authorization', scheme: 'bearer' },
      { in: 'header', name: 'x-key' },
    ] as const
    const { authorizer, proved } = withKind({ places })
    expect(authorizer.authorize(asked({ names: ['x-key'], values: [clientToken()] })).pass).toBe(true)
    expect(authorizer.authorizeKnown(bearer)).toBeUndefined()
    expect(authorizer.authorizeKnown(asked({ names: ['x-key'], values: [clientToken()] }))?.pass).toBe(true)
    expect(proved()).toBe(1)
  })
})

describe('a service account token that was proved', () => {
  const account = { name: 'invoices', uid: 'sa-uid', pods: ['pod-uid'] }
  const claims = {
    iss: clusterIssuer,
    sub: 'system:serviceaccount:billing:invoices',
    aud: [audience],
    iat: now,
    exp: now + 3_600,
    'kubernetes.io': {
      namespace: 'billing',
      serviceaccount: { name: 'invoices', uid: 'sa-uid' },
      pod: { name: 'invoices-1', uid: 'pod-uid' },
    },
  }
  const token = signToken({ alg: es256Key.algorithm, kid: es256Key.kid }, claims, es256Key)
  const holder = (id: string, name: string, serviceAccounts = [account]) =>
    clientRow({ clientId: id, name, issuer: `https://i.test/v1/clients/${id}`, keys: [], serviceAccounts })
  const slice = (...clients: ReturnType<typeof clientRow>[]) =>
    snapshotOf([
      serviceRow(),
      clusterRow(es256Key),
      roleRow('reader', { methods: ['GET'], paths: ['/**'] }),
      grantRow('read', 'reader', { clients: clients.map(client => client.clientId) }),
      ...clients,
    ])
  const first = slice(holder('sc_first', 'invoices'))

  test.each([
    ['another client holds its account', slice(holder('sc_second', 'other')), 'sc_second'],
    ['its client has another identity', slice(holder('sc_next', 'invoices')), 'sc_next'],
    ['both are there and the other holds it', slice(holder('sc_first', 'invoices', []), holder('sc_b', 'b')), 'sc_b'],
    ['nobody holds its account', slice(holder('sc_first', 'invoices', [])), 'invalid_token'],
    ['its client is gone', slice(holder('sc_b', 'b', [])), 'invalid_token'],
    ['two hold its account', slice(holder('sc_first', 'invoices'), holder('sc_b', 'b')), 'invalid_token'],
    [
      'the account is another of that name',
      slice(holder('sc_first', 'invoices', [{ ...account, uid: 'x' }])),
      'pod_unknown',
    ],
    ['its pod is gone', slice(holder('sc_first', 'invoices', [{ ...account, pods: [] }])), 'pod_unknown'],
  ])('is told what a guard tells that never saw it: %s', (_what, later, told) => {
    const head = asked({ authorization: `Bearer ${token}` })
    const decided = (...snapshots: Snapshot[]) => {
      let current: Snapshot | undefined
      const following = { ...policy, snapshot: () => current } as typeof policy
      const cache = createIdentityCache(() => boundsFor(1))
      const point = createDecisionPoint({ policy: following, cache, now: () => now })
      const verdicts = snapshots.map(snapshot => {
        current = snapshot
        const { decision } = point.authorizeKnown(head) ?? point.authorize(head)
        return decision.allow ? decision.identity?.clientId : decision.reason
      })
      return verdicts.at(-1)
    }
    expect(decided(first)).toBe('sc_first')
    expect(decided(first, later)).toBe(told)
    expect(decided(later)).toBe(told)
    expect(decided(first, later, first)).toBe('sc_first')
  })
})

import { describe, expect, test } from 'vitest'
import { type Explanation, explain, type WhyQuestion } from '../../../../core/explain/explain.ts'
import type { Change } from '../../../../core/explain/suggest-change.ts'
import type { Row } from '../../../../core/rows/rows.ts'
import { routeRow } from '../../../builders/policy.ts'
import {
  clientId,
  clientRow,
  clusterRow,
  ed25519Key,
  es256Key,
  grantRow,
  keyRow,
  mainKey,
  now,
  roleRow,
  serviceRow,
} from '../fixture.ts'
import { admin, ask, changed, reader, why } from './why.ts'

const kindsOf = (explanation: Explanation): (string | undefined)[] | undefined =>
  explanation.change?.objects.map(({ kind }) => kind)

describe('an allowed call', () => {
  test('names the rule and the grant, and there is nothing to change', () => {
    const explanation = why([serviceRow(), reader, grantRow('reads', 'reader'), clientRow()])
    expect(explanation).toMatchObject({
      outcome: 'allow',
      decision: { rule: 'role/reader#0', grant: 'reads' },
      client: { clientId, suspended: false },
      credential: mainKey.kid,
      credentials: [{ key: mainKey.kid, accessKey: 'main' }],
      grants: [{ name: 'reads', role: 'reader', ended: false }],
    })
    expect(explanation).not.toHaveProperty('change')
    expect(explanation).not.toHaveProperty('nearest')
  })

  test('on a public path needs no client', () => {
    const rows = [serviceRow({ public: [{ path: '/orders/**', methods: ['GET'] }] })]
    expect(why(rows, { client: 'no/body' })).toMatchObject({ outcome: 'allow', decision: { reason: 'public' } })
  })
})

describe('a denied call', () => {
  const denied: [string, readonly Row[], Partial<WhyQuestion>, object, (string | undefined)[]][] = [
    [
      'lacks a grant of a role that allows it: of the one that gives least besides',
      [serviceRow(), admin, reader, grantRow('other', 'none'), clientRow()],
      {},
      { decision: { reason: 'not_granted', missing: 'GET /orders/7' }, nearest: { role: 'reader', gap: 'NoGrant' } },
      ['AccessGrant'],
    ],
    [
      'has a grant that ended',
      [serviceRow(), reader, grantRow('reads', 'reader', { expiresAt: now }), clientRow()],
      {},
      {
        decision: { reason: 'grant_expired' },
        nearest: { gap: 'GrantEnded', grants: ['reads'] },
        change: { verb: 'patch' },
      },
      ['AccessGrant'],
    ],
    [
      'meets a rule for another method',
      [serviceRow(), reader, grantRow('reads', 'reader'), clientRow()],
      { method: 'DELETE' },
      { nearest: { role: 'reader', rule: 0, gap: 'Method', text: '/orders/{id}' } },
      ['Role', 'AccessGrant'],
    ],
    [
      'meets a rule that fits its beginning',
      [serviceRow(), reader, grantRow('reads', 'reader'), clientRow()],
      { target: '/orders/7/items?x=1' },
      { nearest: { gap: 'Template' } },
      ['Role', 'AccessGrant'],
    ],
    ['meets no rule at all', [serviceRow(), clientRow()], {}, {}, ['Role', 'AccessGrant']],
    [
      'comes from a client that no grant names',
      [serviceRow(), reader],
      {},
      { decision: { reason: 'invalid_token' }, policy: { reason: 'not_granted' }, credentials: [], grants: [] },
      ['AccessGrant'],
    ],
    [
      'needs a permission that a role has',
      [
        serviceRow({
          routes: [routeRow('order', '/orders/{id}', { permission: { action: 'read', resource: 'orders/{id}' } })],
        }),
        roleRow('may-read', { permissions: [{ action: 'read', resources: ['orders/{id}'] }] }),
        reader,
        grantRow('reads', 'reader'),
        clientRow(),
      ],
      {},
      {
        decision: { missing: 'read orders/{id}', route: 'order' },
        endpoint: { route: 'order', template: '/orders/{id}', permission: 'read orders/{id}' },
        nearest: { role: 'may-read', gap: 'NoGrant', text: 'read orders/{id}' },
      },
      ['AccessGrant'],
    ],
    [
      'needs a permission with another action',
      [
        serviceRow({
          routes: [routeRow('order', '/orders/{id}', { permission: { action: 'edit', resource: 'orders/{id}' } })],
        }),
        roleRow('may-read', { permissions: [{ action: 'read', resources: ['orders/*'] }] }),
        grantRow('reads', 'may-read'),
        clientRow(),
      ],
      {},
      { decision: { missing: 'edit orders/{id}' }, nearest: { gap: 'Action' } },
      ['Role', 'AccessGrant'],
    ],
    [
      'is of another tenant than the grant says',
      [
        serviceRow(),
        roleRow('tenants', {
          methods: ['GET'],
          paths: ['/{area}/{tenant}'],
          when: [{ attributeEquals: { param: 'tenant', attribute: 'tenant' } }],
        }),
        grantRow('acme', 'tenants', { attributes: { tenant: 'acme' } }),
        clientRow(),
      ],
      {},
      {
        nearest: {
          gap: 'Condition',
          unmet: ['{tenant} is "7", and the grant\'s attribute tenant is "acme"'],
          needs: { tenant: '7' },
        },
      },
      ['AccessGrant'],
    ],
    [
      'is of another organization, which no grant can change',
      [
        serviceRow(),
        roleRow('ours', {
          methods: ['GET'],
          paths: ['/{area}/{org}'],
          when: [{ organizationEquals: { param: 'org' } }],
        }),
        grantRow('all', 'ours'),
        clientRow({ organization: 'acme' }),
      ],
      {},
      { nearest: { gap: 'Condition', unmet: [expect.stringContaining('"acme"')] } },
      ['Role', 'AccessGrant'],
    ],
  ]
  test.each(denied)('that %s', (_, rows, question, expected, kindsOfChange) => {
    const explanation = why(rows, question)
    expect(explanation).toMatchObject({ outcome: 'deny', ...expected })
    expect(kindsOf(explanation)).toEqual(kindsOfChange)
    // The change is what it says: with it the same call is allowed.
    expect(why(changed(rows, explanation.change as Change), question).outcome).toBe('allow')
  })

  test.each<[string, readonly Row[], Partial<WhyQuestion>, string]>([
    ['no route matches', [serviceRow({ routes: [routeRow('a', '/a')] }), clientRow()], {}, 'route_unknown'],
    [
      'the path is only nearly a route',
      [serviceRow({ routes: [routeRow('a', '/a')] }), clientRow()],
      { target: '/A' },
      'path_ambiguous',
    ],
    ['the path has several readings', [serviceRow(), clientRow()], { target: '/a/../b' }, 'path_malformed'],
    ['a method no rule can name', [serviceRow(), clientRow()], { method: 'PURGE' }, 'not_granted'],
    [
      'the policy is too old',
      [serviceRow(), reader, grantRow('g', 'reader'), clientRow()],
      { ageSeconds: 90_000 },
      'policy_stale',
    ],
  ])('that no grant would allow has no change: %s', (_, rows, question, reason) => {
    const explanation = why(rows, question)
    expect(explanation.decision.reason).toBe(reason)
    expect(explanation).not.toHaveProperty('change')
  })

  test('is let through by audit mode, of the service or of the route', () => {
    expect(why([serviceRow({ mode: 'Audit' }), clientRow()]).outcome).toBe('audit')
    const routes = [routeRow('order', '/orders/{id}', { mode: 'Audit' })]
    expect(why([serviceRow({ routes }), clientRow()]).outcome).toBe('audit')
    const strict = [routeRow('order', '/orders/{id}', { mode: 'Enforce' })]
    expect(why([serviceRow({ mode: 'Audit', routes: strict }), clientRow()]).outcome).toBe('deny')
  })
})

describe('the credential', () => {
  const rows = (change: Parameters<typeof clientRow>[0]): Row[] => [
    serviceRow(),
    reader,
    grantRow('reads', 'reader'),
    clientRow(change),
  ]
  const other = ed25519Key('other')

  test.each<[string, Parameters<typeof clientRow>[0], Partial<WhyQuestion>, string]>([
    ['is revoked', { keys: [keyRow(mainKey, { revoked: true })] }, {}, 'key_revoked'],
    ['has ended', { keys: [keyRow(mainKey, { notAfter: now })] }, {}, 'key_expired'],
    ['belongs to a suspended client', { suspended: true }, {}, 'client_suspended'],
    ['is narrowed to other roles', { keys: [keyRow(mainKey, { roles: ['admin'] })] }, {}, 'not_granted'],
    ['does not exist', {}, { key: 'nobody' }, 'invalid_token'],
    ['is none', { keys: [] }, {}, 'invalid_token'],
  ])('that %s is what denies, and the policy has nothing to change', (_, change, question, reason) => {
    const explanation = why(rows(change), question)
    expect(explanation).toMatchObject({ outcome: 'deny', decision: { reason }, policy: { allow: true } })
    expect(explanation).not.toHaveProperty('change')
  })

  test('is the first that counts, or the one that is asked about by kid or AccessKey', () => {
    const keys = [keyRow(mainKey, { revoked: true }), keyRow(other, { accessKey: 'second' })]
    expect(why(rows({ keys }))).toMatchObject({ outcome: 'allow', credential: other.kid })
    expect(why(rows({ keys }), { key: 'second' }).outcome).toBe('allow')
    expect(why(rows({ keys }), { key: mainKey.kid })).toMatchObject({
      decision: { reason: 'key_revoked' },
      credential: mainKey.kid,
    })
  })

  test('may be a service account, which counts while a pod runs as it', () => {
    const account = (pods: string[]): Row[] => [
      ...rows({ keys: [], serviceAccounts: [{ name: 'web', uid: 'u', pods }] }),
      clusterRow(es256Key),
    ]
    expect(why(account(['p']))).toMatchObject({ outcome: 'allow', credential: 'serviceaccount:web' })
    expect(why(account([]))).toMatchObject({
      decision: { reason: 'invalid_token' },
      credentials: [{ fault: 'no pod runs as it' }],
    })
  })

  test('is taken to be good where keys are minted in a cluster only', () => {
    const question = { keys: 'Assumed' as const }
    expect(why(rows({ keys: [] }), question)).toMatchObject({ outcome: 'allow', credential: 'assumed' })
    expect(why(rows({ keys: [], suspended: true }), question).decision.reason).not.toBe('granted')
  })
})

test('rows this version does not understand are decided on as the guard does, and not looked into', () => {
  const strange = { ...reader, later: true } as unknown as Row
  const explanation = why([serviceRow(), strange, grantRow('reads', 'reader'), clientRow()])
  expect(explanation.decision.reason).toBe('policy_unsupported')
  expect(explain([{ ...serviceRow(), later: true } as unknown as Row], ask())).toBeUndefined()
})

test('what was withheld is named with the release that knows it', () => {
  const detail = 'The policy says what guards know from release 0.3.0 on. Upgrade the guard.'
  const withheld = [serviceRow(), reader, { ...grantRow('reads', 'reader'), needs: '0.3.0' }, clientRow()]
  expect(why(withheld)).toMatchObject({
    decision: { reason: 'policy_unsupported', detail },
    policy: { reason: 'policy_unsupported', detail },
  })
})

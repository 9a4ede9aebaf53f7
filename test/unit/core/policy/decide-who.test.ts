import { describe, expect, test } from 'vitest'
import type { Identity } from '../../../../core/base/identity.ts'
import type { DenyReason } from '../../../../core/base/reasons.ts'
import { decide } from '../../../../core/policy/decide.ts'
import type { Decision } from '../../../../core/policy/decision.ts'
import type { RouteRow, ServiceRow } from '../../../../core/rows/rows.ts'
import type { Snapshot } from '../../../../core/snapshot/snapshot.ts'
import {
  clientRow,
  ed25519Key,
  grantRow,
  identityOf,
  keyRow,
  mainKey,
  now,
  roleRow,
  serviceRow,
  snapshotOf,
  usualRows,
} from '../fixture.ts'

const identity = identityOf(snapshotOf(usualRows()))
const ask = (snapshot: Snapshot, line: string, who: Identity | DenyReason = identity, at = now): Decision => {
  const [method = '', target = ''] = line.split(' ')
  return decide({ method, target }, who, snapshot, at)
}
const reasonOf = (snapshot: Snapshot, line: string, who: Identity | DenyReason = identity) =>
  ask(snapshot, line, who).reason
const everything = [
  roleRow('all', { methods: ['GET', 'POST', 'DELETE'], paths: ['/**'] }),
  grantRow('g', 'all'),
  clientRow(),
]
const service = (changes: Partial<ServiceRow>, ...rest: unknown[]) => snapshotOf([serviceRow(changes), ...rest])
const route = (name: string, path: string, changes: Partial<RouteRow> = {}): RouteRow => ({
  name,
  path,
  methods: ['GET'],
  variants: 'Refuse',
  ...changes,
})

describe('public paths', () => {
  const snapshot = service(
    {
      public: [
        { path: '/docs/**', methods: ['GET'] },
        { path: '/health', methods: ['GET', 'HEAD'] },
      ],
      routes: [route('admin', '/docs/admin'), route('health', '/health'), route('rest', '/**')],
    },
    ...everything,
  )

  test.each(['credential_missing', 'invalid_token', 'token_expired', 'key_revoked'] as const)(
    'pass whatever the credential is (%s)',
    fault => {
      expect(ask(snapshot, 'GET /docs/a', fault)).toEqual({ allow: true, reason: 'public' })
      expect(ask(snapshot, 'HEAD /docs/', fault)).toEqual({ allow: true, reason: 'public' })
    },
  )

  test('give way to a more specific route, and not to one that is as specific', () => {
    expect(ask(snapshot, 'GET /docs/admin', 'credential_missing')).toMatchObject({
      reason: 'credential_missing',
      route: 'admin',
    })
    expect(ask(snapshot, 'GET /docs/admin')).toMatchObject({ reason: 'granted', route: 'admin' })
    expect(reasonOf(snapshot, 'GET /health', 'credential_missing')).toBe('public')
  })

  test('P35: are not public where an app might fold them into a more specific route', () => {
    for (const path of ['/docs/Admin', '/DOCS/admin', '/docs/admin/']) {
      expect(reasonOf(snapshot, `GET ${path}`)).toBe('path_ambiguous')
      expect(reasonOf(snapshot, `GET ${path}`, 'credential_missing')).toBe('credential_missing')
    }
  })

  test('are matched exactly, never folded, and for their methods only', () => {
    for (const line of ['GET /Docs/a', 'GET /HEALTH', 'POST /docs/a', 'DELETE /health']) {
      expect(reasonOf(snapshot, line, 'credential_missing')).toBe('credential_missing')
    }
  })

  test('P22: a prefix, a suffix or a query makes no path public', () => {
    for (const path of ['/healthz', '/health/x', '/x/health', '/x?/health', '/docsx']) {
      expect(reasonOf(snapshot, `GET ${path}`, 'credential_missing')).toBe('credential_missing')
    }
  })

  test('a request that can be read in two ways is refused there too', () => {
    expect(reasonOf(snapshot, 'GET /docs/../admin', 'credential_missing')).toBe('path_malformed')
    expect(reasonOf(snapshot, 'GET /docs/a', 'credential_ambiguous')).toBe('credential_ambiguous')
  })
})

describe('an identity from a cache is asked about again', () => {
  const changed = (row: Partial<Parameters<typeof clientRow>[0]>, at = now, who: Identity = identity) =>
    ask(snapshotOf([...usualRows().slice(0, 3), clientRow(row)]), 'GET /orders', who, at)

  test('J25: its client suspended, its key revoked, ended, removed or made anew', () => {
    expect(changed({})).toMatchObject({ allow: true })
    expect(changed({ suspended: true })).toMatchObject({ reason: 'client_suspended' })
    expect(changed({ keys: [keyRow(mainKey, { revoked: true })] })).toMatchObject({ reason: 'key_revoked' })
    expect(changed({ keys: [keyRow(mainKey, { notAfter: now })] })).toMatchObject({ reason: 'key_expired' })
    expect(changed({ keys: [keyRow(ed25519Key('next'))] })).toMatchObject({ reason: 'invalid_token' })
    expect(changed({ createdAt: now + 31 })).toMatchObject({ reason: 'token_predates_key' })
    expect(changed({ keys: [keyRow(mainKey, { notBefore: now + 31 })] })).toMatchObject({
      reason: 'token_predates_key',
    })
  })

  test('the client gone, or not readable any more', () => {
    const rows = usualRows().slice(0, 3)
    expect(reasonOf(snapshotOf(rows), 'GET /orders')).toBe('invalid_token')
    expect(reasonOf(snapshotOf([...rows, { ...clientRow(), newField: 1 }]), 'GET /orders')).toBe('policy_unsupported')
  })

  test('the token ended, the audience moved, the kind not taken any more', () => {
    const snapshot = snapshotOf(usualRows())
    expect(ask(snapshot, 'GET /orders', identity, now + 330)).toMatchObject({ reason: 'token_expired' })
    expect(ask(snapshot, 'GET /orders', identity, now + 329)).toMatchObject({ allow: true })
    const moved = [serviceRow({ audience: 'https://new' }), ...usualRows().slice(1)]
    expect(reasonOf(snapshotOf(moved), 'GET /orders')).toBe('wrong_audience')
    const picky = [serviceRow({ accepts: ['ServiceAccountToken'] }), ...usualRows().slice(1)]
    expect(reasonOf(snapshotOf(picky), 'GET /orders')).toBe('credential_unsupported')
  })
})

describe('F17, P34: what an older guard does not know it denies', () => {
  test.each([
    ['the service', { ...serviceRow(), deny: ['x'] }],
    ['a mode', serviceRow({ mode: 'Lenient' as never })],
    ['a field of a route', serviceRow({ routes: [{ ...route('r', '/**'), onlyFrom: 'x' } as never] })],
  ])('an unknown %s denies everything, public paths too', (_, row) => {
    const snapshot = snapshotOf([row, ...usualRows().slice(1)])
    for (const who of [identity, 'credential_missing'] as const) {
      expect(ask(snapshot, 'GET /orders', who)).toEqual({ allow: false, reason: 'policy_unsupported' })
    }
  })

  test('a row of an unknown type denies everything', () => {
    expect(reasonOf(snapshotOf([...usualRows(), { type: 'quota', name: 'q' }]), 'GET /orders')).toBe(
      'policy_unsupported',
    )
  })

  test('a role with an unknown comparison gives nothing, and says so to those who hold it', () => {
    const newer = roleRow('newer', { methods: ['GET'], paths: ['/**'], when: [{ sunIsUp: {} } as never] })
    const snapshot = snapshotOf([...usualRows(), newer, grantRow('g2', 'newer')])
    expect(reasonOf(snapshot, 'GET /orders')).toBe('granted')
    expect(reasonOf(snapshot, 'GET /other')).toBe('policy_unsupported')
    expect(ask(snapshot, 'GET /orders')).toMatchObject({ roles: ['reader'] })
    expect(reasonOf(snapshot, 'GET /other', { ...identity, roles: ['reader'] })).toBe('not_granted')
  })

  test('a grant with an unknown field gives nothing', () => {
    const rows = [serviceRow(), ...everything].map(row => ('clients' in row ? { ...row, onlyOnMondays: true } : row))
    expect(reasonOf(snapshotOf(rows), 'GET /orders')).toBe('not_granted')
  })

  const detail = 'The policy says what guards know from release 0.3.0 on. Upgrade the guard.'

  test('a service that is withheld denies everything, and names the release', () => {
    const snapshot = snapshotOf([{ type: 'service', needs: '0.3.0' }, ...usualRows().slice(1)])
    for (const who of [identity, 'credential_missing'] as const) {
      expect(ask(snapshot, 'GET /orders', who)).toEqual({ allow: false, reason: 'policy_unsupported', detail })
    }
  })

  test('a route that is withheld denies its calls to whoever is known, and no other', () => {
    const routes = [{ ...route('old', '/**') }, { ...route('new', '/new/{id}'), needs: '0.3.0' }]
    const snapshot = service({ routes, public: [{ path: '/new/open', methods: ['GET'] }] }, ...everything)
    expect(ask(snapshot, 'GET /new/1')).toMatchObject({ reason: 'policy_unsupported', detail, route: 'new' })
    expect(reasonOf(snapshot, 'GET /orders')).toBe('granted')
    expect(reasonOf(snapshot, 'GET /new/open')).toBe('public')
    expect(ask(snapshot, 'GET /new/1', 'credential_missing')).toMatchObject({ reason: 'credential_missing' })
    expect(reasonOf(snapshot, 'GET /NEW/1')).toBe('path_ambiguous')
    expect(reasonOf(snapshot, 'POST /new/1')).toBe('route_unknown')
  })

  test('a route that is withheld follows its own mode, as any denial does', () => {
    const routes = [{ ...route('new', '/**'), mode: 'Audit' as const, needs: '0.3.0' }]
    expect(ask(service({ routes }, ...everything), 'GET /x')).toMatchObject({
      reason: 'policy_unsupported',
      mode: 'Audit',
    })
  })

  test('a role of which a rule is withheld gives by the others, and names the release where they do not allow', () => {
    const partly = { ...roleRow('partly', { methods: ['GET'], paths: ['/some'] }), needs: '0.3.0' }
    const snapshot = snapshotOf([...usualRows(), partly, grantRow('g2', 'partly')])
    expect(reasonOf(snapshot, 'GET /some')).toBe('granted')
    expect(ask(snapshot, 'GET /other')).toMatchObject({ reason: 'policy_unsupported', detail })
    expect(reasonOf(snapshot, 'GET /other', { ...identity, roles: ['reader'] })).toBe('not_granted')
    const others = snapshotOf([...usualRows(), partly, grantRow('g2', 'partly', { clients: ['sc_other'] })])
    expect(reasonOf(others, 'GET /other')).toBe('not_granted')
  })

  test('a grant that is withheld gives nothing, and names the release to its clients, while it has not ended', () => {
    const withheld = (changes: object = {}) =>
      snapshotOf([
        ...usualRows(),
        roleRow('all', { methods: ['GET'], paths: ['/**'] }),
        {
          ...grantRow('g2', 'all', changes),
          needs: '0.3.0',
        },
      ])
    expect(reasonOf(withheld(), 'GET /orders')).toBe('granted')
    expect(ask(withheld(), 'GET /other')).toMatchObject({ reason: 'policy_unsupported', detail })
    expect(ask(withheld(), 'GET /orders')).toMatchObject({ roles: ['reader'] })
    expect(reasonOf(withheld(), 'GET /other', { ...identity, roles: ['reader'] })).toBe('not_granted')
    expect(reasonOf(withheld({ clients: ['sc_other'] }), 'GET /other')).toBe('not_granted')
    expect(reasonOf(withheld({ expiresAt: now + 1 }), 'GET /other')).toBe('policy_unsupported')
    expect(reasonOf(withheld({ expiresAt: now }), 'GET /other')).toBe('not_granted')
  })

  test('a route or public path that is no template, or a tie, spoils the whole policy', () => {
    for (const changes of [
      { routes: [route('r', '/a;b'), route('s', '/**')] },
      { public: [{ path: '//x', methods: ['GET'] }] },
      { routes: [route('r', '/{a}'), route('s', '/{b}')] },
    ]) {
      expect(reasonOf(service(changes, ...everything), 'GET /x')).toBe('policy_unsupported')
    }
  })
})

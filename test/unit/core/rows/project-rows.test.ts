import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Feature, featureNames, features, lackingOf } from '../../../../core/rows/features.ts'
import { rowHash } from '../../../../core/rows/hash.ts'
import { parseRow } from '../../../../core/rows/parse-row.ts'
import { createProjection, neededFor } from '../../../../core/rows/project-rows.ts'
import { type RouteRow, type Row, type RuleRow, rowKey, type SentRow } from '../../../../core/rows/rows.ts'
import { takingTokens } from '../access-tokens.ts'
import {
  clientRow,
  clusterRow,
  es256Key,
  grantRow,
  keyRow,
  mainKey,
  now,
  roleRow,
  secretRow,
  serviceRow,
} from '../fixture.ts'

const route = (changes: Partial<RouteRow> = {}): RouteRow => ({
  name: 'r',
  path: '/r',
  methods: ['GET'],
  variants: 'Refuse',
  ...changes,
})
const tags = { kind: 'orders', tenant: '{tenant}' }

function leftOut<R extends Row | RuleRow>(row: R, member: string): R {
  const { [member]: left, ...rest } = row as R & Record<string, unknown>
  return left === undefined ? row : (rest as unknown as R)
}

/** Features of releases that may never be, one for each part of a row. */
const later = {
  quota: {
    name: 'service-quota',
    since: '0.3.0',
    service: row => ('quota' in row ? 'Deny' : row),
  },
  limit: { name: 'route-limit', since: '0.4.0', route: one => ('limit' in one ? 'Deny' : one) },
  sun: {
    name: 'rule-sun',
    since: '0.5.0',
    rule: one => ('whenSunIsUp' in one ? 'Deny' : one),
  },
  days: { name: 'grant-days', since: '0.6.0', grant: row => ('onlyOn' in row ? 'Deny' : row) },
  phrases: { name: 'client-phrases', since: '0.7.0', client: row => leftOut(row, 'phrases') },
  backup: { name: 'cluster-backup', since: '0.8.0', cluster: row => leftOut(row, 'backup') },
} as const satisfies Record<string, Feature>
const table: readonly Feature[] = [...features, ...Object.values(later)]

const sunny = { index: 1, methods: ['GET'], paths: ['/sun'], whenSunIsUp: true }
const plain = { index: 0, methods: ['GET'], paths: ['/a'] }
const rows = {
  'a service of earlier releases': serviceRow({ routes: [route()] }),
  'a service with tags': serviceRow({ routes: [route({ tags }), route({ name: 's', path: '/s' })] }),
  'a service with a quota': { ...serviceRow(), quota: 7 },
  'a service with a limited route': serviceRow({
    routes: [
      { ...route({ mode: 'Audit', permission: { action: 'a', resource: 'b' } }), limit: 7 } as RouteRow,
      route({ name: 's', path: '/s' }),
    ],
  }),
  'a role of earlier releases': roleRow('plain', plain),
  'a role with a rule of later': roleRow('sunny', plain, sunny),
  'a grant of earlier releases': grantRow('g', 'plain'),
  'a grant of later': { ...grantRow('d', 'plain', { expiresAt: now, attributes: { a: 'b' } }), onlyOn: ['Monday'] },
  'a client of earlier releases': clientRow(),
  'a client with a secret': clientRow({ secrets: [secretRow()] }),
  'a client with a phrase': { ...clientRow(), phrases: ['hash'] },
  'a service that takes secrets': serviceRow({
    accepts: ['ClientToken', 'StaticSecret', 'ApiKey'],
    apiKey: { header: 'x-api-key' },
  }),
  'a service that takes nothing else': serviceRow({ accepts: ['StaticSecret'] }),
  'a service that takes access tokens': takingTokens(),
  'a client whose tokens were revoked': clientRow({ accessTokens: { revoked: ['a'], revokedUpTo: now } }),
  'a cluster of earlier releases': clusterRow(es256Key),
  'a cluster with a backup': { ...clusterRow(es256Key), backup: true },
}
type Name = keyof typeof rows

/** What a guard that knows nothing of the table is sent; what is not named here stays the same object. */
const sent: Partial<Record<Name, unknown>> = {
  'a service with tags': serviceRow({ routes: [route(), route({ name: 's', path: '/s' })] }),
  'a service with a quota': { type: 'service', needs: '0.3.0' },
  'a service with a limited route': serviceRow({
    routes: [route({ mode: 'Audit', needs: '0.4.0' }), route({ name: 's', path: '/s' })],
  }),
  'a role with a rule of later': { ...roleRow('sunny', plain), needs: '0.5.0' },
  'a grant of later': { ...grantRow('d', 'plain', { expiresAt: now }), needs: '0.6.0' },
  'a client with a secret': clientRow(),
  'a client with a phrase': clientRow(),
  'a service that takes secrets': serviceRow({ accepts: ['ClientToken'] }),
  'a service that takes nothing else': serviceRow({ accepts: [] }),
  'a service that takes access tokens': serviceRow(),
  'a client whose tokens were revoked': clientRow(),
  'a cluster with a backup': clusterRow(es256Key),
}
const byName = Object.entries(rows) as unknown as [Name, Row][]

describe('what a guard without a feature is sent', () => {
  test.each(byName)('%s', (name, row) => {
    const projected = createProjection(table).project(row)
    if (name in sent) expect(projected).toEqual(sent[name])
    else expect(projected).toBe(row)
    expect(rowKey(projected)).toBe(rowKey(row))
  })

  const cases = byName.flatMap(([name, row]) => table.map(feature => [name, feature.name, row, feature] as const))
  test.each(cases)(
    '%s, of a guard that lacks %s alone, changes only if it says something of it',
    (name, _, row, feature) => {
      const projected = createProjection([feature]).project(row)
      const concerned = (
        {
          'a service with tags': 'route-tags-map',
          'a service with a quota': 'service-quota',
          'a service with a limited route': 'route-limit',
          'a role with a rule of later': 'rule-sun',
          'a grant of later': 'grant-days',
          'a client with a secret': 'client-secrets',
          'a service that takes access tokens': 'access-tokens',
          'a client whose tokens were revoked': 'access-tokens',
          'a client with a phrase': 'client-phrases',
          'a service that takes secrets': 'client-secrets',
          'a service that takes nothing else': 'client-secrets',
          'a cluster with a backup': 'cluster-backup',
        } as Partial<Record<Name, string>>
      )[name]
      if (concerned === feature.name) expect(projected).toEqual(sent[name])
      else expect(projected).toBe(row)
    },
  )

  test('a guard that has them all is sent every row as it is, the very same', () => {
    const { project } = createProjection(
      lackingOf(
        table.map(({ name }) => name),
        table,
      ),
    )
    for (const [, row] of byName) expect(project(row)).toBe(row)
  })

  test('what is withheld for two reasons needs the later release', () => {
    const both = { ...serviceRow({ routes: [{ ...route(), limit: 1 } as RouteRow] }), quota: 1 }
    const { project } = createProjection([
      { name: 'a', since: '0.3.0', route: later.limit.route },
      { name: 'b', since: '0.9.0', route: one => (one.needs === undefined ? one : 'Deny') },
      { ...later.quota, since: '0.10.0' },
    ])
    expect(project(both)).toEqual({ type: 'service', needs: '0.10.0' })
    const { quota: _, ...open } = both
    expect(neededFor(project(open as Row))).toBe('0.9.0')
  })

  test('is the rest of a role, where what is left out of a rule cannot allow anything', () => {
    const noted = { name: 'rule-note', since: '0.9.0', rule: (one: RuleRow) => leftOut(one, 'note') }
    const { project } = createProjection([noted])
    const noteworthy = { ...sunny, note: 'x' }
    expect(project(roleRow('r', plain, noteworthy))).toStrictEqual(roleRow('r', plain, sunny))
    const same = roleRow('r', plain, sunny)
    expect(project(same)).toBe(same)
  })

  test('is understood by this release, or denied by it with the release that is needed', () => {
    for (const [, row] of byName) {
      const projected = JSON.parse(JSON.stringify(createProjection(table).project(row)))
      const parsed = parseRow(projected)
      if (projected.type === 'service' && 'needs' in projected) {
        expect(parsed).toEqual({ unsupported: 'service', needs: '0.3.0' })
      } else expect(parsed).toBe(projected)
    }
  })
})

test.each([
  ['a service that may not be decided about', { type: 'service', needs: '0.3.0' } as const, '0.3.0'],
  ['a service with a withheld route', serviceRow({ routes: [route({ needs: '0.4.0' }), route()] }), '0.4.0'],
  ['a service whose routes are understood', serviceRow({ routes: [route(), route()] }), undefined],
  ['a role without some of its rules', { ...roleRow('r', plain), needs: '0.5.0' }, '0.5.0'],
  ['a grant that gives nothing', { ...grantRow('g', 'r'), needs: '0.6.0' }, '0.6.0'],
  ['a role', roleRow('r', plain), undefined],
  ['a client', clientRow(), undefined],
])('to know all of %s a guard needs the release that the row names, if any', (_, row, release) => {
  expect(neededFor(row)).toBe(release)
})

/** Any rows of those above, and any features that a guard may have of the table. */
const anyRow = fc.constantFrom(...byName.map(([, row]) => row))
const anySet = fc.subarray([...table])

describe('for any row and any set of features', () => {
  test('to project twice is to project once', () => {
    fc.assert(
      fc.property(anyRow, anySet, (row, lacking) => {
        const { project } = createProjection(lacking)
        const once = project(row)
        expect(project(once as Row)).toEqual(once)
        expect(createProjection(lacking).project(JSON.parse(JSON.stringify(once)))).toEqual(once)
      }),
    )
  })

  test('one row is one object each time, so that it is hashed once', () => {
    fc.assert(
      fc.property(anyRow, anySet, (row, lacking) => {
        const { project } = createProjection(lacking)
        expect(project(row)).toBe(project(row))
      }),
    )
  })

  test('the guard has the hash that the issuer has, through JSON too', () => {
    fc.assert(
      fc.property(anyRow, anySet, (row, lacking) => {
        const projected = createProjection(lacking).project(row)
        expect(rowHash(JSON.parse(JSON.stringify(projected)))).toBe(rowHash(projected))
      }),
    )
  })

  test('a guard that lacks more is never sent what one that lacks less is not', () => {
    const members = (row: SentRow) =>
      JSON.stringify(row).match(/"(?:tags|quota|limit|whenSunIsUp|onlyOn|secrets|accessTokens|backup)":/g)
    fc.assert(
      fc.property(anyRow, anySet, anySet, (row, lacking, more) => {
        const all = table.filter(feature => lacking.includes(feature) || more.includes(feature))
        const less = members(createProjection(all).project(row)) ?? []
        expect(members(createProjection(lacking).project(row)) ?? []).toEqual(expect.arrayContaining(less))
      }),
    )
  })
})

describe('the features of this release', () => {
  test('have names of their own, as guards say them, in the order of their releases', () => {
    expect(new Set(featureNames).size).toBe(featureNames.length)
    for (const name of featureNames) expect(name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/)
    const order = features.map(({ since }) =>
      since
        .split('.')
        .map(part => part.padStart(5, '0'))
        .join('.'),
    )
    expect([...order].sort()).toEqual(order)
  })

  test('are all that a guard of this release lacks: none', () => {
    expect(lackingOf(featureNames)).toEqual([])
    expect(lackingOf(['sun-is-up', ...[...featureNames].reverse()])).toEqual([])
    expect(lackingOf([])).toEqual(features)
  })

  test('tell nothing of a row that a guard of release 0.1.0 does not know', () => {
    const old = createProjection(lackingOf([]))
    expect(old.project(rows['a service with tags'])).not.toHaveProperty('routes.0.tags')
    expect(neededFor(old.project(rows['a service with tags']))).toBeUndefined()
    expect(old.project(clientRow({ keys: [keyRow(mainKey)] }))).toEqual(clientRow({ keys: [keyRow(mainKey)] }))
  })

  test('let a grant with a limit give nothing at a guard that does not count, and leave others as they are', () => {
    const old = createProjection(lackingOf([]))
    const limited = old.project(grantRow('g', 'r', { limit: { requests: 5, perSeconds: 60 }, expiresAt: now }))
    expect(limited).toEqual({ ...grantRow('g', 'r', { expiresAt: now }), needs: '0.2.0' })
    const plain = grantRow('g', 'r')
    expect(old.project(plain)).toBe(plain)
  })
})

import { describe, expect, test } from 'vitest'
import { parseRow } from '../../../../core/rows/parse-row.ts'
import { type KeyRow, type RouteRow, type Row, rowKey } from '../../../../core/rows/rows.ts'
import { takingTokens } from '../access-tokens.ts'
import {
  clientId,
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

const complete: Row[] = [
  takingTokens({}, { unknownSince: now }),
  clientRow({
    accessTokens: {
      revoked: ['a'],
      revokedUpTo: now,
      clientSecrets: [{ kid: 'a', accessKey: 'b', notBefore: now, notAfter: now, revoked: true, roles: ['r'] }],
    },
  }),
  serviceRow({
    apiKey: { header: 'x-api-key', query: 'api-key' },
    public: [{ path: '/p', methods: ['GET'] }],
    routes: [
      {
        name: 'r',
        path: '/r',
        methods: ['QUERY'],
        variants: 'Distinct',
        mode: 'Audit',
        tags: { kind: 'orders', pci: '' },
        needs: '0.3.0',
        permission: { action: 'a', resource: 'b' },
      },
    ],
  }),
  roleRow(
    'role',
    { methods: ['GET'], paths: ['/a'], when: [{ attributeEquals: { param: 'p', attribute: 'a' } }] },
    {
      permissions: [{ action: 'a', resources: ['b'] }],
      when: [{ organizationEquals: { param: 'p' } }, { scopeContains: { scope: 's' } }],
    },
  ),
  { ...roleRow('partly'), needs: '10.20.3000' },
  grantRow('g', 'role', {
    attributes: { a: 'b' },
    expiresAt: now,
    limit: { requests: 1, perSeconds: 60 },
    needs: '0.3.0',
  }),
  clientRow({
    organization: 'o',
    secrets: [secretRow({ notAfter: now, revoked: true, roles: [] }), secretRow({ kind: 'ApiKey' })],
    keys: [keyRow(mainKey, { notAfter: now, revoked: true, roles: [] }), keyRow(es256Key)],
    serviceAccounts: [{ name: 'n', uid: 'u', pods: ['p'] }],
  }),
  clusterRow(es256Key),
]

test.each(complete.map(row => [rowKey(row), row] as const))(
  '%s with all its fields is understood, and not copied',
  (_, row) => {
    expect(parseRow(row)).toBe(row)
    expect(parseRow(JSON.parse(JSON.stringify(row)))).toEqual(row)
  },
)

const least = (route: Partial<RouteRow>): RouteRow => ({
  name: 'r',
  path: '/r',
  methods: [],
  variants: 'Refuse',
  ...route,
})
const { kty } = mainKey.publicKey
/** What every row has to say: nothing more need be there. */
const shortest: Readonly<Record<string, Row>> = {
  'a service': serviceRow({ public: [{ path: '/p', methods: [] }], routes: [least({})] }),
  'a service with a permission': serviceRow({ routes: [least({ permission: { action: 'a', resource: 'b' } })] }),
  'a role with a condition': roleRow('r', { when: [{ attributeEquals: { param: 'p', attribute: 'a' } }] }),
  'a role with a permission': roleRow('r', { permissions: [{ action: 'a', resources: [] }] }),
  'a grant': grantRow('g', 'r'),
  'a client with a key': clientRow({ keys: [{ ...keyRow(mainKey), publicKey: { kty } as KeyRow['publicKey'] }] }),
  'a client with a secret': clientRow({ keys: [], secrets: [secretRow()] }),
  'a client with a service account': clientRow({ keys: [], serviceAccounts: [{ name: 'n', uid: 'u', pods: [] }] }),
  'a cluster': clusterRow(es256Key),
}
/** Of these, what may be missing all the same. */
const optional = ['permission', 'permissions', 'when', 'serviceAccounts', 'secrets', 'crv', 'x', 'y']
const shortestRows = Object.entries(shortest)

test.each(shortestRows)('%s that says no more than it has to is understood', (_, row) => {
  expect(parseRow(row)).toBe(row)
})

/** The row again, with `change` applied to one object inside it, for every object there is. */
function* variants(value: unknown, change: (object: Record<string, unknown>) => unknown): Generator<unknown> {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries())
      for (const each of variants(item, change)) yield value.with(index, each)
  } else if (typeof value === 'object' && value !== null) {
    yield change(value as Record<string, unknown>)
    for (const [name, member] of Object.entries(value)) {
      for (const each of variants(member, change)) yield { ...value, [name]: each }
    }
  }
}

describe('F17: is unsupported', () => {
  test.each(complete.map(row => [rowKey(row), row] as const))('%s with one unknown field, at any depth', (key, row) => {
    let count = 0
    for (const variant of variants(row, object => ({ ...object, newField: 1 }))) {
      // Attributes are free names; a number is no value there either.
      expect(parseRow(variant)).toMatchObject({ unsupported: key })
      count++
    }
    expect(count).toBeGreaterThan(0)
  })

  test.each(complete.map(row => [rowKey(row), row] as const))('%s with a member called __proto__', (key, row) => {
    const text = JSON.stringify(row).replace('{', '{"__proto__":{},')
    expect(parseRow(JSON.parse(text))).toMatchObject({ unsupported: key })
  })

  test.each(shortestRows)('%s that lacks any member, at any depth', (_, row) => {
    const whole = JSON.stringify(row)
    const names = new Set(whole.match(/(?<=")\w+(?=":)/g))
    for (const name of names) {
      if (optional.includes(name)) continue
      for (const variant of variants(row, ({ [name]: _, ...rest }) => rest))
        if (JSON.stringify(variant) !== whole) expect(parseRow(variant), name).toHaveProperty('unsupported')
    }
  })

  test.each(complete.map(row => [rowKey(row), row] as const))('%s with no object where one belongs', (key, row) => {
    for (const other of ['text', null, []])
      for (const variant of variants(row, object => ((object as unknown) === row ? row : other)))
        if (variant !== row) expect(parseRow(variant)).toMatchObject({ unsupported: key })
  })

  test.each([
    ['a missing field', { ...grantRow('g', 'r'), clients: undefined }, 'grant/g'],
    ['a wrong type', { ...clientRow(), suspended: 'no' }, `client/${clientRow().clientId}`],
    ['a time without end', { ...grantRow('g', 'r'), expiresAt: JSON.parse('1e999') }, 'grant/g'],
    ['a limit of nothing', { ...grantRow('g', 'r'), limit: { requests: 0, perSeconds: 60 } }, 'grant/g'],
    ['a limit within no time', { ...grantRow('g', 'r'), limit: { requests: 1, perSeconds: 0 } }, 'grant/g'],
    ['a limit with more to it', { ...grantRow('g', 'r'), limit: { requests: 1, perSeconds: 60, burst: 2 } }, 'grant/g'],
    ['a time that is no number', { ...grantRow('g', 'r'), expiresAt: 'tomorrow' }, 'grant/g'],
    ['an unknown method', roleRow('r', { methods: ['PURGE'], paths: ['/a'] }), 'role/r'],
    ['an unknown comparison', roleRow('r', { methods: ['GET'], paths: ['/a'], when: [{ x: {} } as never] }), 'role/r'],
    ['a comparison of nothing', roleRow('r', { methods: ['GET'], paths: ['/a'], when: [{}] }), 'role/r'],
    [
      'two comparisons in one',
      roleRow('r', { when: [{ scopeContains: { scope: 's' }, organizationEquals: { param: 'p' } }] }),
      'role/r',
    ],
    [
      'a tag that is no text',
      serviceRow({ routes: [{ name: 'r', path: '/r', methods: [], variants: 'Refuse', tags: { a: 1 as never } }] }),
      'service',
    ],
    [
      'tags that are a list',
      serviceRow({ routes: [{ name: 'r', path: '/r', methods: [], variants: 'Refuse', tags: ['a'] as never }] }),
      'service',
    ],
    [
      'an access token key without its algorithm',
      takingTokens({}, { keys: [{ kid: 'a', publicKey: {} } as never] }),
      'service',
    ],
    ['more of access tokens than is known', takingTokens({}, { later: 1 } as never), 'service'],
    ['a revocation that is no text', clientRow({ accessTokens: { revoked: [1 as never] } }), `client/${clientId}`],
    ['more of revoked tokens than is known', clientRow({ accessTokens: { later: 1 } as never }), `client/${clientId}`],
    ['an unknown kind of credential', serviceRow({ accepts: ['HmacNonce' as never] }), 'service'],
    ['an unknown place of API keys', serviceRow({ apiKey: { form: 'key' } as never }), 'service'],
    [
      'a secret of an unknown kind',
      clientRow({ secrets: [secretRow({ kind: 'ClientSecret' as never })] }),
      `client/${clientRow().clientId}`,
    ],
    [
      'a secret whose hash is none',
      clientRow({ secrets: [secretRow({ hash: 'lks_0' })] }),
      `client/${clientRow().clientId}`,
    ],
    [
      'an unknown algorithm',
      clientRow({ keys: [keyRow(mainKey, { algorithm: 'ES512' as never })] }),
      `client/${clientRow().clientId}`,
    ],
    [
      'revoked: false',
      clientRow({ keys: [keyRow(mainKey, { revoked: false as never })] }),
      `client/${clientRow().clientId}`,
    ],
    ['no object', 7, 'unknown'],
    ['null', null, 'unknown'],
    ['a list', [], 'unknown'],
    ['no type', { name: 'x' }, 'unknown'],
    ['a type of which no text can be made', { type: { toString: 0, valueOf: 0 }, name: 'x' }, 'unknown'],
    ['a type that every object has', { type: 'constructor', name: 'x' }, 'constructor/x'],
    ['a type to come', { type: 'quota', name: 'x' }, 'quota/x'],
  ])('%s', (_, value, key) => {
    expect(parseRow(value)).toEqual({ unsupported: key })
  })

  test.each([
    ['a service of which nothing else is told', { type: 'service', needs: '0.3.0' }, 'service'],
    ['a role with an unknown field', { ...roleRow('r'), needs: '0.3.0', quota: 1 }, 'role/r'],
    ['a row of a type to come', { type: 'quota', name: 'x', needs: '0.3.0' }, 'quota/x'],
  ])('%s, and names the release it needs', (_, value, key) => {
    expect(parseRow(value)).toEqual({ unsupported: key, needs: '0.3.0' })
  })

  test.each(['1', '0.3', 'v0.3.0', '0.3.0-rc1', '0.3.0 <b>', `${'9'.repeat(5)}.0.0`, '', 3, null, ['0.3.0']])(
    'a row that needs %j, which is no release, and names none',
    needs => {
      expect(parseRow({ ...roleRow('r'), needs })).toEqual({ unsupported: 'role/r' })
      expect(parseRow({ type: 'service', needs })).toEqual({ unsupported: 'service' })
    },
  )

  test('a row without a name that can be told gets one that no other row has', () => {
    expect(parseRow({ type: 'quota' })).not.toEqual(parseRow({ type: 'quota', max: 1 }))
    expect(parseRow({ type: 'quota' })).toEqual({ unsupported: expect.stringMatching(/^quota#[0-9a-f]{12}$/) })
  })
})

test('optional fields may be undefined', () => {
  const row = { ...clientRow(), organization: undefined }
  expect(parseRow(row)).toBe(row)
})

import { describe, expect, test } from 'vitest'
import { parseRow } from '../../../../core/rows/parse-row.ts'
import { type Row, rowKey } from '../../../../core/rows/rows.ts'
import { clientRow, clusterRow, es256Key, grantRow, keyRow, mainKey, now, roleRow, serviceRow } from '../fixture.ts'

const complete: Row[] = [
  serviceRow({
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
  grantRow('g', 'role', { attributes: { a: 'b' }, expiresAt: now, needs: '0.3.0' }),
  clientRow({
    organization: 'o',
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

  test.each([
    ['a missing field', { ...grantRow('g', 'r'), clients: undefined }, 'grant/g'],
    ['a wrong type', { ...clientRow(), suspended: 'no' }, `client/${clientRow().clientId}`],
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
    ['an unknown kind of credential', serviceRow({ accepts: ['ApiKey' as never] }), 'service'],
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
  })
})

test('optional fields may be undefined', () => {
  const row = { ...clientRow(), organization: undefined }
  expect(parseRow(row)).toBe(row)
})

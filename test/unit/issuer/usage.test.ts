import { beforeEach, describe, expect, it } from 'vitest'
import type { Used } from '../../../core/rows/frames.ts'
import type { Row } from '../../../core/rows/rows.ts'
import type { UsageReport } from '../../../core/status/usage-report.ts'
import { parseUsed } from '../../../issuer/usage/parse-used.ts'
import { createUsage, type Usage } from '../../../issuer/usage/usage.ts'
import { reportPieces } from '../../../issuer/usage/usage-answer.ts'
import { serviceRow } from '../../guard/policy-rows.ts'
import { createManualClock } from '../platform/manual-clock.ts'
import { accessKey, fakeReflector, type Named, slice } from './used-objects.ts'

const clock = createManualClock()
const now = (): number => Math.floor(clock.wallMs() / 1_000)

let keys: ReturnType<typeof fakeReflector>
let grants: ReturnType<typeof fakeReflector>
let roles: ReturnType<typeof fakeReflector>
let usage: Usage
beforeEach(() => {
  ;[keys, grants, roles] = [fakeReflector(), fakeReflector(), fakeReflector()]
  keys.put(accessKey('web-key', ['kid-a', 'kid-b']))
  keys.put(accessKey('other-key', ['kid-o'], 'sc_other'))
  grants.put({ metadata: { namespace: 'shop', name: 'give', uid: 'g' } })
  roles.put({ metadata: { namespace: 'shop', name: 'reader', uid: 'r', generation: 1 } })
  const keysOfKid = {
    get: (kid: string) => [...keys.store.values()].filter(({ status }) => status?.keys?.some(one => one.kid === kid)),
  }
  usage = createUsage({ objects: { keys, grants, roles, by: { keysOfKid } } as never, clock })
})

const usageReport = (of: Usage, from: number, at: number) =>
  JSON.parse([...reportPieces(of, from, at)].join('')) as UsageReport
const take = (used: Used, more?: readonly Row[]): void => usage.take(slice(more), used)
const known = (kind: 'accesskeys' | 'accessgrants' | 'roles', key: string) => {
  const use = usage.of(kind, key)
  return use && { ago: now() - use.lastUsedAt, calls: use.calls, parts: [...use.parts].map(([name]) => name) }
}

describe('what a guard tells', () => {
  it('is kept of the AccessKey with its key, of the grant, and of the role with rule and permission', () => {
    take({
      keys: [['kid-a', 3, 10]],
      grants: [['give', 2, 20]],
      rules: [
        ['role/reader#0', 1, 30],
        ['role/reader#1 read orders/{id}', 1, 40],
      ],
    })
    expect(known('accesskeys', 'callers/web-key')).toEqual({ ago: 10, calls: 3, parts: ['kid-a'] })
    expect(known('accessgrants', 'shop/give')).toEqual({ ago: 20, calls: 2, parts: [] })
    expect(known('roles', 'shop/reader')).toEqual({ ago: 30, calls: 2, parts: ['0', '1 read orders/{id}'] })
  })

  it('adds up over guards, and the last use never goes back', async () => {
    take({ keys: [['kid-a', 1, 5]] })
    take({ keys: [['kid-a', 1, 500]] })
    take({ keys: [['kid-b', 1, 50]] })
    expect(known('accesskeys', 'callers/web-key')).toEqual({ ago: 5, calls: 3, parts: ['kid-a', 'kid-b'] })
    await clock.advance(60_000)
    take({ keys: [['kid-a', 1, 200]] })
    expect(known('accesskeys', 'callers/web-key')?.ago).toBe(65)
  })

  it('is of no time before the beginning, however long ago a guard says it was', () => {
    take({ grants: [['give', 1, 9_999_999_999]] })
    expect(usage.of('accessgrants', 'shop/give')?.lastUsedAt).toBe(0)
  })

  it.each<[string, Used]>([
    ['a key that nobody has', { keys: [['kid-x', 1, 0]] }],
    ["a key of a client that the slice does not name: somebody else's", { keys: [['kid-o', 1, 0]] }],
    ['a grant that the slice does not have', { grants: [['take', 1, 0]] }],
    ['a role that the slice does not have', { rules: [['role/writer#0', 1, 0]] }],
    ['a rule that the role does not have', { rules: [['role/reader#7', 1, 0]] }],
    [
      'what is named like a rule and is none',
      {
        rules: [
          ['reader#0', 1, 0],
          ['role/#0', 1, 0],
          ['role/reader', 1, 0],
        ],
      },
    ],
    ['a row of another type', { grants: [['../role/reader', 1, 0]], rules: [['role/../grant/give#0', 1, 0]] }],
  ])('is nothing where it tells of %s', (_, used) => {
    take(used)
    expect(usageReport(usage, 0, now()).used).toEqual({ accesskeys: {}, accessgrants: {}, roles: {} })
  })

  it('is nothing of a key that the row of its client does not name, or names for another AccessKey', () => {
    const client = slice().row('client/sc_web') as Extract<Row, { type: 'client' }>
    const key = client.keys[0] as (typeof client.keys)[number]
    take({ keys: [['kid-a', 1, 0]] }, [{ ...client, keys: [] }])
    take({ keys: [['kid-a', 1, 0]] }, [{ ...client, keys: [{ ...key, accessKey: 'other-key' }] }])
    take({ keys: [['kid-a', 1, 0]] }, [{ ...client, namespace: 'thieves' }])
    expect(usage.of('accesskeys', 'callers/web-key')).toBeUndefined()
  })

  it('is looked up, however many keys a client has, and however many a line names', () => {
    let looks = 0
    const many = Array.from({ length: 500 }, (_, at) => ({
      get kid() {
        looks++
        return `kid-${at}`
      },
      accessKey: 'web-key',
    }))
    keys.put(
      accessKey(
        'web-key',
        many.map((_, at) => `kid-${at}`),
      ),
    )
    const row = { ...slice().row('client/sc_web'), keys: many } as unknown as Row
    for (let at = 0; at < 500; at++) take({ keys: [[`kid-${at}`, 1, 0]] }, [row])
    expect(known('accesskeys', 'callers/web-key')?.calls).toBe(500)
    expect(looks).toBe(500)
  })

  it('is told of the rule alone where no route has that permission any more', () => {
    take({ rules: [['role/reader#1 write orders/{id}', 1, 0]] })
    expect(known('roles', 'shop/reader')?.parts).toEqual(['1'])
  })

  it('of a role is told apart by 1,024 rules and permissions, whatever routes were called over the years', () => {
    for (let at = 0; at < 1_100; at++) {
      const permission = { action: 'read', resource: `r${at}` }
      const routes = [{ name: 'one', path: '/', methods: ['GET'], variants: 'Refuse' as const, permission }]
      take({ rules: [[`role/reader#1 read r${at}`, 1, 0]] }, [serviceRow({ routes })])
    }
    const { parts = [], calls } = known('roles', 'shop/reader') ?? {}
    expect([parts.length, parts.at(-1), calls]).toEqual([1_025, '1', 1_100])
  })

  it('counts the uses for which guards had no counter', () => {
    take({ uncounted: 3 })
    take({ uncounted: 4, keys: [] })
    expect(usage.uncounted()).toBe(7)
  })
})

describe('what is known', () => {
  const all: Used = { keys: [['kid-a', 1, 0]], grants: [['give', 1, 0]], rules: [['role/reader#0', 1, 0]] }

  it('goes with the object, and is not of another one of its name', () => {
    take(all)
    keys.delete('callers/web-key')
    const grant = { metadata: { namespace: 'shop', name: 'give', uid: 'another' } } as Named
    grants.put(grant)
    expect(usage.of('accesskeys', 'callers/web-key')).toBeUndefined()
    expect(usage.of('accessgrants', 'shop/give')).toBeUndefined()
    expect(usage.of('roles', 'shop/reader')).toBeDefined()
  })

  it('of rules goes when the role is written anew, for their places are others', () => {
    take(all)
    roles.put({ metadata: { namespace: 'shop', name: 'reader', uid: 'r', generation: 2 } })
    expect(known('roles', 'shop/reader')).toEqual({ ago: 0, calls: 1, parts: [] })
  })

  it('of a key goes when it is published no more', () => {
    take({
      keys: [
        ['kid-a', 1, 0],
        ['kid-b', 1, 0],
      ],
    })
    keys.put(accessKey('web-key', ['kid-b']))
    expect(known('accesskeys', 'callers/web-key')?.parts).toEqual(['kid-b'])
  })

  it('is told the operator from the moment on which it asked last', async () => {
    take({ keys: [['kid-a', 1, 30]] })
    const first = usageReport(usage, 0, now())
    expect(first.used.accesskeys).toEqual({ 'callers/web-key': now() - 30 })
    await clock.advance(60_000)
    expect(usageReport(usage, first.at + 1, now()).used.accesskeys).toEqual({})
    // A guard that was away tells late what was long ago.
    take({ grants: [['give', 1, 3_000]] })
    expect(usageReport(usage, first.at + 1, now()).used).toEqual({
      accesskeys: {},
      accessgrants: { 'shop/give': now() - 3_000 },
      roles: {},
    })
  })
})

describe('a line of a guard', () => {
  it('names each thing once: what is said again is passed over', () => {
    const again = [
      ['kid', 1, 0],
      ['other', 2, 0],
      ['kid', 5, 0],
    ]
    const once = again.slice(0, 2)
    expect(parseUsed({ keys: again, grants: again, rules: again })).toEqual({ keys: once, grants: once, rules: once })
  })

  it('is taken where it counts something', () => {
    const used = { keys: [['kid', 1, 0]], grants: [], rules: [['role/a#0', 5, 60]], uncounted: 0 }
    expect(parseUsed(used)).toEqual(used)
    expect(parseUsed({})).toEqual({})
  })

  it.each<[string, unknown]>([
    ['no list', 'kid'],
    ['a map', { kid: 1 }],
    ['null', null],
    ['a text', ['kid']],
    ['two parts', [['kid', 1]]],
    ['four parts', [['kid', 1, 0, 0]]],
    ['a name that is a number', [[7, 1, 0]]],
    ['a name that is too long', [['x'.repeat(2_049), 1, 0]]],
    ['no calls', [['kid', 0, 0]]],
    ['fewer than no calls', [['kid', -1, 0]]],
    ['half a call', [['kid', 0.5, 0]]],
    ['calls without end', [['kid', 1e13, 0]]],
    ['a time in the future', [['kid', 1, -1]]],
    ['a time of another age', [['kid', 1, 1e12]]],
    ['a time that is a text', [['kid', 1, '0']]],
  ])('is nothing where it counts %s', (_, keys) => {
    expect(parseUsed({ keys, grants: keys, rules: keys })).toEqual(
      Array.isArray(keys) ? { keys: [], grants: [], rules: [] } : {},
    )
  })

  it.each([undefined, null, 7, 'x', []])('is nothing where it is %j', value => {
    expect(parseUsed(value)?.keys).toBeUndefined()
  })

  it.each([-1, 0.5, '3', null, 1e13])('passes over %j uncounted uses', uncounted => {
    expect(parseUsed({ uncounted })).toEqual({})
  })
})

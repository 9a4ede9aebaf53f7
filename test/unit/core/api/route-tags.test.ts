import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { guardedService } from '../../../../core/api/guarded-service.ts'
import { tagsFault, tagsOf, unknownInPath, type WrittenTags } from '../../../../core/api/route-tags.ts'

const map = 'expected a map, as in {kind: orders, tenant: "{tenant}"}'
const names =
  'names of tags have 1 to 63 characters: letters, digits, and within them also underscores, dots, slashes and dashes'
const braces = 'the value of t takes its whole value from the path, as in "{tenant}", or has no braces'

test.each<[string, unknown]>([
  ['a map', { kind: 'orders', tenant: '{tenant}', pci: '' }],
  ['an empty map', {}],
  [
    '16 tags with the longest names and values',
    Object.fromEntries(many(16, at => [`n${at}`.padEnd(63, 'x'), 'v'.repeat(256)])),
  ],
  ['a list of words, as release 0.1.0 took it', ['pci', 'Payment data', '']],
  ['an empty list', []],
  ['16 words of 63 characters', many(16, at => `${at}`.padEnd(63, 'x'))],
])('%s is taken', (_, tags) => {
  expect(tagsFault(tags)).toBeUndefined()
})

test.each<[string, unknown, string]>([
  ['a text', 'pci', map],
  ['a number', 7, map],
  ['null', null, map],
  ['17 tags', Object.fromEntries(many(17, at => [`n${at}`, ''])), 'at most 16 tags'],
  ['a name without characters', { '': 'a' }, names],
  ['a name of 64 characters', { ['n'.repeat(64)]: 'a' }, names],
  ['a name with a space', { 'my kind': 'a' }, names],
  ['a name in braces', { '{tenant}': 'a' }, names],
  ['a number as a value', { t: 7 }, 'the value of t is no text; write it in quotes'],
  ['a list as a value', { t: ['a'] }, 'the value of t is no text; write it in quotes'],
  ['null as a value', { t: null }, 'the value of t is no text; write it in quotes'],
  ['a value of 257 characters', { t: 'v'.repeat(257) }, 'the value of t has more than 256 characters'],
  ['a value that is partly of the path', { t: 'a-{tenant}' }, braces],
  ['two values of the path in one', { t: '{a}{b}' }, braces],
  ['a brace alone', { t: '{' }, braces],
  ['braces around nothing', { t: '{}' }, braces],
  ['braces around what is no name', { t: '{1a}' }, braces],
  ['a list of 17 words', many(17, String), 'at most 16 tags'],
  ['a list with a number', ['a', 7], 'words are texts of at most 63 characters; write a map, as in {kind: orders}'],
  ['a list of maps', [{ kind: 'a' }], 'words are texts of at most 63 characters; write a map, as in {kind: orders}'],
  [
    'a word of 64 characters',
    ['w'.repeat(64)],
    'words are texts of at most 63 characters; write a map, as in {kind: orders}',
  ],
  ['a word twice', ['a', 'b', 'a'], 'a word stands in the list twice'],
])('%s is refused, and the sentence says what to write', (_, tags, sentence) => {
  expect(tagsFault(tags)).toBe(sentence)
  const routes = [{ name: 'r', path: '/r', methods: ['GET'], tags }]
  const parsed = guardedService.spec.safeParse({ targetRef: { name: 'a', port: 80 }, routes })
  expect(parsed.error?.issues.map(({ path, message }) => [path.join('.'), message])).toEqual([
    ['routes.0.tags', sentence],
  ])
})

test('whatever JSON there is, it is taken or told, and what is taken can be read', () => {
  fc.assert(
    fc.property(fc.jsonValue(), value => {
      if (tagsFault(value) !== undefined) return
      for (const text of Object.values(tagsOf(value as WrittenTags) ?? {})) expect(typeof text).toBe('string')
    }),
  )
})

describe('tags that are written', () => {
  test('as a list are words without a value', () => {
    expect(tagsOf(['pci', 'Payment data'])).toEqual({ pci: '', 'Payment data': '' })
    expect(JSON.stringify(tagsOf(['__proto__']))).toBe('{"__proto__":""}')
  })
  test('as a map are what they are', () => {
    expect(tagsOf({ kind: 'orders', tenant: '{tenant}' })).toEqual({ kind: 'orders', tenant: '{tenant}' })
  })
  test('as nothing are none', () => {
    for (const none of [undefined, {}, []]) expect(tagsOf(none)).toBeUndefined()
  })
})

test('a value of the path is looked for among its whole segments', () => {
  const tags = { kind: 'orders', tenant: '{tenant}' }
  expect(unknownInPath(tags, '/orders/{tenant}/x')).toBeUndefined()
  for (const path of ['/orders', '/orders/{id}', '/{tenants}', '/tenant']) {
    expect(unknownInPath(tags, path)).toEqual({ tag: 'tenant', name: 'tenant' })
  }
})

function many<T>(count: number, make: (at: number) => T): T[] {
  return Array.from({ length: count }, (_, at) => make(at))
}

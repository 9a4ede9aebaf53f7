import { expect, test } from 'vitest'
import { generalisePaths } from '../../../../core/learn/generalise-paths.ts'

const seen = (...paths: string[]) => paths.map(path => ({ path, calls: 1, lastSeen: '2026-11-25T00:00:00.000Z' }))
const templates = (paths: string[], distinct = 3): string[] =>
  generalisePaths(seen(...paths), distinct)
    .map(({ template }) => template)
    .sort()
const numbered = (count: number, path: (at: number) => string): string[] =>
  Array.from({ length: count }, (_, at) => path(at))

test.each<[string, string[], string[]]>([
  ['few values stay as they are', ['/orders/1', '/orders/2'], ['/orders/1', '/orders/2']],
  ['many become one name', ['/orders/1', '/orders/2', '/orders/3'], ['/orders/{id}']],
  [
    'words stay words beside them',
    ['/orders/1', '/orders/2', '/orders/3', '/orders/search'],
    ['/orders/search', '/orders/{id}'],
  ],
  ['words stay words however many', ['/u/ann', '/u/bob', '/u/eve', '/u/joe'], ['/u/ann', '/u/bob', '/u/eve', '/u/joe']],
  ['what follows is looked at together', numbered(4, at => `/orders/${at}/items/${at}`), ['/orders/{id}/items/{id2}']],
  ['another beginning is another place', ['/a/1', '/a/2', '/b/3', '/b/4'], ['/a/1', '/a/2', '/b/3', '/b/4']],
  ['UUIDs are identifiers', numbered(3, at => `/x/0b${at}a2f4e-3c7f-4b4e-9a5e-1f2d3c4b5a6f`), ['/x/{id}']],
  ['an escape is no digit', ['/a/%C3%A9', '/a/%C3%A8', '/a/%C3%AA'], ['/a/%C3%A8', '/a/%C3%A9', '/a/%C3%AA']],
  ['stars and escapes are written as templates write them', ['/a*b/%c3%a9'], ['/a%2Ab/%C3%A9']],
  ['a trailing slash and the root are kept', ['/', '/a/', '/a'], ['/', '/a', '/a/']],
  [
    'what ends in the middle ends there',
    [...numbered(3, at => `/o/${at}`), ...numbered(3, at => `/o/${at}/x`)],
    ['/o/{id}', '/o/{id}/x'],
  ],
])('%s', (_, paths, expected) => {
  expect(templates(paths)).toEqual(expected)
})

test('counts what each template stands for', () => {
  const paths = [
    { path: '/o/1', calls: 5, lastSeen: '2026-11-25T10:00:00.000Z' },
    { path: '/o/2', calls: 1, lastSeen: '2026-11-25T12:00:00.000Z' },
    { path: '/o/3', calls: 2, lastSeen: '2026-11-25T11:00:00.000Z' },
  ]
  expect(generalisePaths(paths, 3)).toEqual([
    { template: '/o/{id}', paths: 3, calls: 8, lastSeen: '2026-11-25T12:00:00.000Z' },
  ])
})

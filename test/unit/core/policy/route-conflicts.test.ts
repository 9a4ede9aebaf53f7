import { expect, test } from 'vitest'
import { findRouteConflict, type RouteShape } from '../../../../core/policy/route-conflicts.ts'

const conflict = (...routes: [path: string, ...methods: string[]][]) =>
  findRouteConflict(
    routes.map(
      ([path, ...methods], index): RouteShape => ({
        name: `r${index}`,
        path,
        methods: methods.length ? methods : ['GET'],
      }),
    ),
  )

test.each([
  [['/a'], ['/a']],
  [['/{x}'], ['/{y}']],
  [['/a/{x}/**'], ['/a/{y}/**']],
  [['/%24'], ['/$']],
  [
    ['/a', 'GET', 'POST'],
    ['/a', 'POST'],
  ],
] as [[string, ...string[]], [string, ...string[]]][])('%j and %j match the same requests', (a, b) => {
  expect(conflict(a, b)).toEqual({ a: 'r0', b: 'r1' })
})

test.each([
  [['/a'], ['/b']],
  [['/a'], ['/{x}']],
  [['/{x}'], ['/*']],
  [['/*'], ['/**']],
  [['/a'], ['/a/']],
  [['/a'], ['/a/**']],
  [
    ['/a', 'GET'],
    ['/a', 'POST'],
  ],
  [
    ['/a', 'GET'],
    ['/a', 'HEAD'],
  ],
  [['/A'], ['/a']],
  [['no template'], ['no template']],
] as [[string, ...string[]], [string, ...string[]]][])('%j and %j do not', (a, b) => {
  expect(conflict(a, b)).toBeUndefined()
})

test('names the first two of many, in the order of the list', () => {
  expect(conflict(['/a'], ['/b'], ['/c'], ['/b'], ['/a'])).toEqual({ a: 'r1', b: 'r3' })
})

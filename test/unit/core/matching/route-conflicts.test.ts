import fc from 'fast-check'
import { expect, test } from 'vitest'
import { methods } from '../../../../core/base/methods.ts'
import { findRouteConflict, type RouteShape } from '../../../../core/matching/route-conflicts.ts'
import { parseTemplate, type TemplateSegment } from '../../../../core/matching/template.ts'

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

/** The definition, route by route: as slow as it is plain. */
function slowly(routes: readonly RouteShape[]): { a: string; b: string } | undefined {
  for (const [at, later] of routes.entries()) {
    for (const method of later.methods) {
      const earlier = routes.slice(0, at).find(one => one.methods.includes(method) && isSameShape(one.path, later.path))
      if (earlier) return { a: earlier.name, b: later.name }
    }
  }
  return undefined
}

function isSameShape(a: string, b: string): boolean {
  const [left, right] = [parseTemplate(a), parseTemplate(b)]
  if ('fault' in left || 'fault' in right || left.segments.length !== right.segments.length) return false
  return left.segments.every((segment, at) => isSameSegment(segment, right.segments[at]))
}

function isSameSegment(a: TemplateSegment, b: TemplateSegment | undefined): boolean {
  return a.kind === b?.kind && (a.kind !== 'literal' || (b.kind === 'literal' && a.value === b.value))
}

const segment = fc.constantFrom('a', 'b', '=a', 'one', 'A', '%7Bx%7D', '%24', '$', '{x}', '{y}', '*', 'a%2Fb', '')
const anyPath = fc
  .tuple(fc.array(segment, { maxLength: 3 }), fc.constantFrom('', '/', '/**', '/*'))
  .map(([parts, end]) => `/${parts.join('/')}${end}`)
const anyRoutes = fc
  .array(fc.tuple(anyPath, fc.uniqueArray(fc.constantFrom(...methods), { minLength: 1, maxLength: 3 })), {
    maxLength: 12,
  })
  .map(all => all.map(([path, some], index): RouteShape => ({ name: `r${index}`, path, methods: some })))

test('finds what the definition says, whatever the routes', () => {
  fc.assert(
    fc.property(anyRoutes, routes => {
      expect(findRouteConflict(routes)).toEqual(slowly(routes))
    }),
    { numRuns: 2_000 },
  )
})

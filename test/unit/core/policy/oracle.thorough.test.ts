import fc from 'fast-check'
import { expect, test } from 'vitest'
import { findRouteConflict } from '../../../../core/matching/route-conflicts.ts'
import { decide } from '../../../../core/policy/decide.ts'
import type { RouteRow, RuleRow } from '../../../../core/rows/rows.ts'
import { clientRow, grantRow, identityOf, now, serviceRow, snapshotOf, usualRows } from '../fixture.ts'

/**
 * The rules again, as plainly as can be: every template is tried by itself, without a trie. Few words, so that they
 * meet often.
 */
const identity = identityOf(snapshotOf(usualRows()))
const segment = fc.constantFrom('a', 'b', 'A', 'x', 'x%20y')
const middle = fc.oneof({ weight: 3, arbitrary: segment }, { weight: 1, arbitrary: fc.constantFrom('{p}', '*') })
const template = fc
  .tuple(fc.array(middle, { maxLength: 3 }), fc.constantFrom('', '', '', '/', '/**'))
  .map(([parts, end]) => {
    let names = 0
    const path = parts.map(part => `/${part === '{p}' ? `{p${names++}}` : part}`).join('')
    return path + end === '' ? '/' : path + end
  })
const path = fc
  .tuple(fc.array(segment, { maxLength: 4 }), fc.constantFrom('', '', '/'))
  .map(([parts, end]) => (parts.length === 0 ? '/' : `/${parts.join('/')}${end}`))
const method = fc.constantFrom('GET', 'HEAD', 'POST')
const someMethods = fc.uniqueArray(method, { minLength: 1, maxLength: 2 })

function matches(pattern: string, target: string): boolean {
  const wanted = pattern.slice(1).split('/')
  const found = target.slice(1).split('/').map(decodeURIComponent)
  if (wanted[wanted.length - 1] === '**') {
    const front = wanted.slice(0, -1)
    return found.length >= front.length && front.every((part, index) => matchesSegment(part, found[index]))
  }
  return wanted.length === found.length && wanted.every((part, index) => matchesSegment(part, found[index]))
}

function matchesSegment(part: string, found: string | undefined): boolean {
  if (part === '*' || part.startsWith('{')) return found !== ''
  return decodeURIComponent(part) === found
}

const includes = (methods: readonly string[], asked: string) =>
  methods.includes(asked) || (asked === 'HEAD' && methods.includes('GET'))

/** Sorts the most specific first: end, literal, name, star, rest, from the left. */
function weight(pattern: string): string {
  const kinds = pattern
    .slice(1)
    .split('/')
    .map(part => (part === '**' ? 5 : part === '*' ? 4 : part.startsWith('{') ? 3 : 2))
  return `${kinds.join('')}1`
}

const folded = (text: string) => (text.length > 1 && text.endsWith('/') ? text.slice(0, -1) : text).toLowerCase()

test('rules by path: the trie allows what trying every template allows, and names the best', () => {
  const rule = fc.record({ methods: someMethods, paths: fc.array(template, { minLength: 1, maxLength: 3 }) })
  const roles = fc.array(fc.array(rule, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(roles, fc.array(fc.tuple(method, path), { minLength: 1, maxLength: 6 }), (lists, requests) => {
      const rows = lists.map((rules, at) => ({
        type: 'role' as const,
        name: `r${at}`,
        rules: rules.map((each, index): RuleRow => ({ index, ...each })),
      }))
      const grants = rows.map(({ name }) => grantRow(`g-${name}`, name))
      const snapshot = snapshotOf([serviceRow(), clientRow(), ...rows, ...grants])
      for (const [asked, target] of requests) {
        const expected = rows
          .flatMap(({ name, rules }) =>
            rules
              .filter(
                ({ methods, paths }) => includes(methods ?? [], asked) && paths?.some(each => matches(each, target)),
              )
              .map(({ index }) => `role/${name}#${index}`),
          )
          .at(0)
        const decision = decide({ method: asked, target }, identity, snapshot, now)
        expect(decision.allow ? decision.rule : undefined).toBe(expected)
      }
    }),
    { numRuns: 200 },
  )
})

test('routes: the table finds what sorting all templates finds, and what folding would find is ambiguous', () => {
  const routes = fc
    .array(
      fc.record({
        path: template,
        methods: someMethods,
        variants: fc.constantFrom('Refuse' as const, 'Distinct' as const),
      }),
      {
        minLength: 1,
        maxLength: 6,
      },
    )
    .map(list => list.map((each, index): RouteRow => ({ name: `r${index}`, ...each })))
    .filter(list => findRouteConflict(list) === undefined)
  const all = { type: 'role', name: 'all', rules: [{ index: 0, methods: ['GET', 'POST'], paths: ['/**'] }] }
  fc.assert(
    fc.property(routes, fc.array(fc.tuple(method, path), { minLength: 1, maxLength: 6 }), (list, requests) => {
      const snapshot = snapshotOf([serviceRow({ routes: list }), clientRow(), all, grantRow('g', 'all')])
      for (const [asked, target] of requests) {
        const taken = (each: RouteRow) =>
          each.methods.includes(asked) ||
          (asked === 'HEAD' &&
            each.methods.includes('GET') &&
            !list.some(
              other => other.methods.includes('HEAD') && weightedShape(other.path) === weightedShape(each.path),
            ))
        const found = list
          .filter(each => taken(each) && matches(each.path, target))
          .sort((a, b) => (weight(a.path) < weight(b.path) ? -1 : 1))[0]
        const ambiguous = list.some(
          each =>
            each.variants === 'Refuse' &&
            includes(each.methods, asked) &&
            matches(folded(each.path), folded(target)) &&
            (!found || weight(folded(each.path)) < weight(folded(found.path))),
        )
        const decision = decide({ method: asked, target }, identity, snapshot, now)
        if (ambiguous) expect(decision.reason).toBe('path_ambiguous')
        else
          expect([decision.reason, decision.route]).toEqual(
            found ? ['granted', found.name] : ['route_unknown', undefined],
          )
      }
    }),
    { numRuns: 300 },
  )
})

function weightedShape(pattern: string): string {
  return pattern
    .split('/')
    .map(part => (part.startsWith('{') ? '{}' : part.startsWith('*') ? part : decodeURIComponent(part)))
    .join('/')
}

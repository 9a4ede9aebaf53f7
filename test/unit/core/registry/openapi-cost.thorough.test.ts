import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openApiRoutes } from '../../../../core/registry/openapi-routes.ts'

describe('whatever a document holds', () => {
  it('gives routes or a fault that a condition can hold, and never throws', () => {
    const words = [
      'get',
      'delete',
      'GET',
      'security',
      '$ref',
      'servers',
      'url',
      'variables',
      'default',
      'x-a',
      'x-latchkey-mode',
    ]
    const keys = fc.constantFrom(
      ...words,
      '/a',
      '/{a}',
      '/{a}:b',
      'oauth',
      '__proto__',
      'x-latchkey-permission',
      'constructor',
    )
    const texts = fc.constantFrom(
      '#/paths/~1a',
      '#/paths/~1a/get',
      '#/x-a',
      '/v1',
      '{a}',
      'a:b',
      'Audit',
      '',
      '\u0000é',
    )
    const { tree } = fc.letrec(tie => ({
      tree: fc.oneof(
        { maxDepth: 6, depthSize: 'medium' },
        texts,
        fc.constantFrom(null, 0, true),
        tie('list'),
        tie('object'),
      ),
      list: fc.array(tie('tree'), { maxLength: 3 }),
      object: fc.dictionary(keys, tie('tree'), { maxKeys: 4, noNullPrototype: true }),
    }))
    const paths = fc.dictionary(fc.constantFrom('/a', '/{a}/b', '/{_id}', 'x-a'), tree, { minKeys: 1, maxKeys: 4 })
    fc.assert(
      fc.property(paths, tree, tree, (found, servers, security) => {
        const document = {
          openapi: '3.1.0',
          paths: found,
          'x-a': security,
          ...(found['/a'] ? { servers, security } : {}),
        }
        const read = openApiRoutes(document, 'orders')
        expect('routes' in read || /^[\x20-\x7e]{1,2000}$/.test(read.fault)).toBe(true)
      }),
      { numRuns: 3_000 },
    )
  })
})

// A few characters that lead to all the rest: each of these documents is small, and none may keep a thread busy.
describe('a document costs what it holds, whatever its references (S06, S07)', () => {
  const times = <T>(count: number, make: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at))
  const many = (name: string, value: unknown) => Object.fromEntries(times(60_000, at => [`${name}${at}`, value]))
  const pathsOf = (item: unknown) => Object.fromEntries(times(1_500, at => [`/a${at}`, item]))
  const components = { securitySchemes: { oauth: { type: 'oauth2' } } }
  const all = { openapi: '3.1.0', components }
  const operation = (members: object) => ({ ...all, paths: pathsOf({ get: { $ref: '#/x-op' } }), 'x-op': members })
  it.each([
    ['extensions of a path', { ...all, paths: pathsOf({ $ref: '#/x-big' }), 'x-big': many('x-', 1) }],
    ['members beside a reference', { ...all, paths: pathsOf({ $ref: '#/x-big', 'x-y': 1 }), 'x-big': many('x-', 1) }],
    ['members that are no fields', { ...all, paths: pathsOf({ $ref: '#/x-big' }), 'x-big': many('y', 1) }],
    ['alternatives', operation({ security: times(60_000, () => ({ oauth: ['a:b'] })) })],
    ['scopes', operation({ security: [{ oauth: times(60_000, at => `a:b${at}`) }] })],
    ['scopes, more than a call has arguments', operation({ security: [{ oauth: times(300_000, at => `a:b${at}`) }] })],
    ['members of a permission', operation({ 'x-latchkey-permission': many('y', 1) })],
    ['variables of a server', operation({ servers: [{ url: '/{v1}/{v2}', variables: many('v', { default: 'a' }) }] })],
    [
      'a reference as long as the rest',
      { ...all, paths: pathsOf({ $ref: '#/x-a' }), 'x-a': { $ref: `#/${'a/'.repeat(300_000)}` } },
    ],
    [
      'references in a chain',
      {
        ...all,
        paths: pathsOf({ $ref: '#/x-a0' }),
        ...Object.fromEntries(times(15, at => [`x-a${at}`, { $ref: `#/x-a${at + 1}${' '.repeat(2_000)}` }])),
      },
    ],
    ['a path of parameters', { ...all, paths: { [times(100_000, at => `/{a${at}}`).join('')]: { get: {} } } }],
    [
      'a variable as long as the rest',
      {
        ...all,
        paths: { '/a': { get: {} } },
        servers: [{ url: '{a}'.repeat(100_000), variables: { a: { default: 'a'.repeat(500_000) } } }],
      },
    ],
    [
      'a variable that comes often',
      {
        ...all,
        paths: { '/a': { get: {} } },
        servers: [{ url: '/{a}'.repeat(120), variables: { a: { default: 'a'.repeat(500) } } }],
      },
    ],
  ])('%s', (_what, document) => {
    expect(openApiRoutes(document, 'orders')).toHaveProperty('fault')
  })

  it('and a large one of 2,000 operations by references is taken', () => {
    const paths = Object.fromEntries(times(2_000, at => [`/a${at}`, { get: { $ref: `#/x-ops/operation-${at}` } }]))
    const operations = Object.fromEntries(
      times(2_000, at => [`operation-${at}`, { security: [{ oauth: [`r${at}:read`] }] }]),
    )
    const read = openApiRoutes({ ...all, paths, 'x-ops': operations }, 'orders')
    expect('routes' in read && read.routes).toHaveLength(2_000)
  })
})

import { describe, expect, it } from 'vitest'
import type { RoleRule } from '../../../../core/api/role.ts'
import { finish } from '../../../../core/base/steps.ts'
import { findingIdleRules } from '../../../../core/policy/idle-rules.ts'
import type { RouteRow } from '../../../../core/rows/rows.ts'

const route = (
  path: string,
  methods: RouteRow['methods'] = ['GET'],
  permission?: RouteRow['permission'],
): RouteRow => ({
  name: path,
  path,
  methods,
  variants: 'Refuse',
  ...(permission && { permission }),
})
const notes = [
  route('/notes'),
  route('/notes', ['POST'], { action: 'write', resource: 'notes' }),
  route('/notes/{id}', ['GET', 'DELETE']),
  route('/files/**'),
  route('/read/{id}', ['GET'], { action: 'read', resource: 'notes/{id}' }),
]
const services: Record<string, RouteRow[] | undefined> = { notes, plain: [], other: [route('/other')] }
const idle = (rule: Partial<RoleRule>) =>
  finish(findingIdleRules([{ services: ['notes'], ...rule } as RoleRule], name => services[name]))
const paths = (path: string, methods: RoleRule['methods'] = ['GET'], names = ['notes']) =>
  idle({ services: names, methods, paths: [path] })
const permission = (action: string, resource: string, names = ['notes']) =>
  idle({ services: names, permissions: [{ action, resources: [resource] }] })

describe('a path', () => {
  it.each([
    ['/notes'],
    ['/notes/7'],
    ['/notes/{any}'],
    ['/notes/*'],
    ['/notes/**'],
    ['/**'],
    ['/*'],
    ['/{x}/{y}'],
    ['/files'],
    ['/files/a/b'],
    ['/files/**'],
  ])('%s that some route shares is well', path => {
    expect(paths(path)).toEqual([])
  })

  it.each([
    ['/nots', 'spec.rules[0].paths[0]: /nots matches no route of notes. The nearest is /notes.'],
    ['/notes/:id', 'spec.rules[0].paths[0]: /notes/:id is taken letter by letter. Write /notes/{id}.'],
    ['/notes/', 'spec.rules[0].paths[0]: /notes/ matches no route of notes. The nearest is /notes.'],
    ['/notes/7/x', 'spec.rules[0].paths[0]: /notes/7/x matches no route of notes. The nearest is /notes/{id}.'],
    [
      '/read/{id}',
      'spec.rules[0].paths[0]: the route /read/{id} of notes is opened by a permission: read on notes/{id}.',
    ],
  ])('%s that opens nothing is named, with what comes nearest (S12)', (path, sentence) => {
    expect(paths(path)).toEqual([sentence])
  })

  it('whose methods no route takes is named; HEAD follows GET', () => {
    expect(paths('/notes/{id}', ['PUT'])).toEqual([
      'spec.rules[0].paths[0]: no route of notes at /notes/{id} takes PUT.',
    ])
    expect(paths('/notes/{id}', ['PUT', 'PATCH'])).toEqual([
      'spec.rules[0].paths[0]: no route of notes at /notes/{id} takes PUT or PATCH.',
    ])
    expect(paths('/notes/{id}', ['HEAD'])).toEqual([])
    expect(paths('/notes/{id}', ['PUT', 'DELETE'])).toEqual([])
  })

  it('is well where one of several services has such a route', () => {
    expect(paths('/other', ['GET'], ['notes', 'other'])).toEqual([])
    expect(paths('/third', ['GET'], ['notes', 'other'])[0]).toContain('no route of notes, other')
  })

  it('is not judged where a service has no routes, except that nobody calls :id', () => {
    expect(paths('/nots', ['GET'], ['plain'])).toEqual([])
    expect(paths('/nots', ['GET'], ['plain', 'notes'])).toEqual([])
    expect(paths('/a/:id', ['GET'], ['plain'])).toEqual([
      'spec.rules[0].paths[0]: /a/:id is taken letter by letter. Write /a/{id}.',
    ])
  })

  it('with a colon is well where a route is written so', () => {
    services.colon = [route('/a/:id')]
    expect(paths('/a/:id', ['GET'], ['colon'])).toEqual([])
    expect(paths('/a/:id', ['PUT'], ['colon'])).toEqual([
      'spec.rules[0].paths[0]: no route of colon at /a/:id takes PUT.',
    ])
  })

  it('is not judged where it cannot be read, and a route that cannot be read is none', () => {
    expect(paths('/{')).toEqual([])
    services.bad = [route('/{'), route('/notes')]
    expect(paths('/notes', ['GET'], ['bad'])).toEqual([])
    expect(paths('/other', ['GET'], ['bad'])).toHaveLength(1)
  })

  it('is not judged where a service is not known', () => {
    expect(paths('/nots', ['GET'], ['notes', 'missing'])).toEqual([])
  })
})

describe('a permission', () => {
  it.each([
    ['read', 'notes/{id}'],
    ['read', 'notes/7'],
    ['read', '**'],
    ['read', 'notes/*'],
    ['write', 'notes'],
  ])('%s on %s that some route asks for is well', (action, resource) => {
    expect(permission(action, resource)).toEqual([])
  })

  it.each([
    ['raed', 'notes/**', 'no route of notes asks for raed on notes/**. The nearest is read on notes/{id}.'],
    ['read', 'nots/**', 'no route of notes asks for read on nots/**. The nearest is read on notes/{id}.'],
    ['write', 'notes/{id}', 'no route of notes asks for write on notes/{id}. The nearest is read on notes/{id}.'],
  ])('%s on %s that no route asks for is named, with what comes nearest (S12)', (action, resource, sentence) => {
    expect(permission(action, resource)).toEqual([`spec.rules[0].permissions[0].resources[0]: ${sentence}`])
  })

  it('is well where one of several services asks for it', () => {
    expect(permission('read', '**', ['notes', 'other'])).toEqual([])
  })

  it('is not judged where it cannot be read', () => {
    expect(permission('read', '{')).toEqual([])
  })

  it('opens nothing where no route asks for one', () => {
    for (const name of ['plain', 'other']) {
      expect(permission('read', '**', [name])[0]).toContain(`no route of ${name} asks for a permission`)
    }
  })
})

it('at most three are told, and how many more there are', () => {
  const many = idle({ methods: ['GET'], paths: Array.from({ length: 10 }, (_, index) => `/x${index}`) })
  expect([many.length, many.at(-1)]).toEqual([4, 'And 7 more.'])
  expect(idle({ methods: ['GET'], paths: ['/x', '/y', '/z'] })).toHaveLength(3)
})

it('what is too much to compare is not judged, and never told as wrong', () => {
  const wide = Array.from({ length: 400 }, (_, index) => route(`/a${index}/{x}/b/{y}/c`))
  const rules = Array.from({ length: 64 }, (_, index) => ({
    services: ['wide'],
    methods: ['GET' as const],
    paths: Array.from({ length: 64 }, (_, at) => `/*/*/*/${index}-${at}/c`),
  }))
  expect(finish(findingIdleRules(rules, () => wide))).toEqual([])
})

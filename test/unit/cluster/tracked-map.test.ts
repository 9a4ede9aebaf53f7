import { describe, expect, it } from 'vitest'
import { isSameDecision } from '../../../cluster/same-decision.ts'
import { createTrackedMap } from '../../../cluster/tracked-map.ts'
import { finish } from '../../../core/base/steps.ts'

describe('a tracked map', () => {
  const make = () => {
    const map = createTrackedMap<string>((a, b) => a.toLowerCase() === b.toLowerCase())
    const told: unknown[] = []
    map.onDifference((key, { before, now }) => void told.push([key, before, now]))
    return {
      ...map,
      tell() {
        finish(map.telling())
        return told.splice(0)
      },
    }
  }

  it('tells of what came, changed and went since it told last, once each and with what it was then', () => {
    const { set, delete: remove, tell, values } = make()
    set('a', '1')
    set('b', '1')
    expect(tell()).toEqual([
      ['a', undefined, '1'],
      ['b', undefined, '1'],
    ])
    expect(tell()).toEqual([])
    set('a', '2')
    set('a', '3')
    remove('b')
    remove('c')
    expect(tell()).toEqual([
      ['a', '1', '3'],
      ['b', '1', undefined],
    ])
    expect([...values]).toEqual([['a', '3']])
  })

  it('tells nothing of what came and went, or came back, in between', () => {
    const { set, delete: remove, tell } = make()
    set('a', '1')
    tell()
    set('a', '2')
    set('a', '1')
    set('b', '1')
    remove('b')
    expect(tell()).toEqual([])
    remove('a')
    set('a', '1')
    expect(tell()).toEqual([])
  })

  it('holds the newest of values that are the same, and tells nothing of them', () => {
    const { set, tell, values } = make()
    set('a', 'x')
    tell()
    set('a', 'X')
    expect(tell()).toEqual([])
    expect(values.get('a')).toBe('X')
  })
})

describe('two decisions', () => {
  const object = (change: object = {}) => ({ metadata: { name: 'a', uid: 'u', generation: 1 }, spec: {}, ...change })
  const [first, second] = [{ path: '/a' }, { path: '/b' }]
  const same: [string, unknown, unknown][] = [
    ['with the same members', { a: 1, b: 'x' }, { b: 'x', a: 1 }],
    ['with lists of the same', { routes: [first, second] }, { routes: [first, second] }],
    ['about one object of which the status changed', { client: object() }, { client: object({ status: 1 }) }],
    [
      'about one object without generation and with the same spec',
      { service: { metadata: {}, spec: { a: 1 } } },
      { service: { metadata: { labels: {} }, spec: { a: 1 } } },
    ],
  ]
  it.each(same)('%s are the same', (_, a, b) => {
    expect(isSameDecision(a, b)).toBe(true)
    expect(isSameDecision(b, a)).toBe(true)
  })

  const different: [string, unknown, unknown][] = [
    ['with another value', { a: 1 }, { a: 2 }],
    ['of which one says more', { a: 1 }, { a: 1, b: undefined }],
    ['of which one has no list', { routes: [] }, { routes: {} }],
    ['of which one has a longer list', { routes: [first] }, { routes: [first, second] }],
    ['with lists in another order', { routes: [first, second] }, { routes: [second, first] }],
    ['with routes that were made anew', { routes: [first] }, { routes: [{ ...first }] }],
    ['about objects of another uid', { client: object() }, { client: { metadata: { uid: 'v', generation: 1 } } }],
    ['about another generation', { client: object() }, { client: { metadata: { uid: 'u', generation: 2 } } }],
    [
      'about objects without generation and with another spec',
      { service: { metadata: {}, spec: { a: 1 } } },
      { service: { metadata: {}, spec: { a: 2 } } },
    ],
    ['of which one is about nothing', { target: { service: object(), port: 1 } }, { target: undefined }],
    ['of which one is none', { target: null }, { target: {} }],
  ]
  it.each(different)('%s differ', (_, a, b) => {
    expect(isSameDecision(a, b)).toBe(false)
    expect(isSameDecision(b, a)).toBe(false)
  })
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseResource, parseTemplate } from '../../../../core/matching/template.ts'
import { anyText } from '../any-text.ts'

const literal = (value: string) => ({ kind: 'literal', value })

describe('parseTemplate', () => {
  test.each([
    ['/', [literal('')]],
    ['/orders', [literal('orders')]],
    ['/orders/', [literal('orders'), literal('')]],
    ['/orders/{id}', [literal('orders'), { kind: 'parameter', name: 'id' }]],
    ['/*/x', [{ kind: 'one' }, literal('x')]],
    ['/**', [{ kind: 'rest' }]],
    ['/files/**', [literal('files'), { kind: 'rest' }]],
    ['/%24/$', [literal('$'), literal('$')]],
    ['/%2A', [literal('*')]],
    ['/caf%C3%A9', [literal('café')]],
    ['/v1.0:batch@x', [literal('v1.0:batch@x')]],
  ])('reads %s', (text, segments) => {
    expect(parseTemplate(text)).toEqual({ text, segments })
  })

  test.each([
    ['orders', 'begin with a slash'],
    ['', 'begin with a slash'],
    ['//a', 'empty segment'],
    ['/a//b', 'empty segment'],
    ['/**/a', '** stands only at the end'],
    ['/**/', '** stands only at the end'],
    ['/a*', 'mixes * with text'],
    ['/***', 'mixes * with text'],
    ['/{}', 'no name'],
    ['/{1a}', 'no name'],
    [`/{${'a'.repeat(33)}}`, 'no name'],
    ['/{a}/{a}', 'names {a} twice'],
    ['/x{a}', 'not in normal form'],
    ['/{a}.json', 'not in normal form'],
    ['/{a}{b}', 'no name'],
    ['/..', 'not in normal form'],
    ['/./a', 'not in normal form'],
    ['/%61', 'not in normal form'],
    ['/%2F', 'not in normal form'],
    ['/a;b', 'not in normal form'],
    ['/a b', 'not in normal form'],
    ['/é', 'not in normal form'],
    ['/a?b', 'not in normal form'],
    ['/a#b', 'not in normal form'],
    ['/a\\b', 'not in normal form'],
    [`/${'a'.repeat(512)}`, 'at most 512'],
  ])('X03: refuses %s and says why', (text, words) => {
    expect(parseTemplate(text)).toEqual({ fault: expect.stringContaining(words) })
  })

  test('never throws', () => {
    fc.assert(fc.property(anyText(40), text => void [parseTemplate(text), parseTemplate(`/${text}`)]))
  })
})

describe('parseResource', () => {
  test('reads segments without a leading slash', () => {
    expect(parseResource('orders/{id}/**')).toEqual({
      text: 'orders/{id}/**',
      segments: [literal('orders'), { kind: 'parameter', name: 'id' }, { kind: 'rest' }],
    })
    expect(parseResource('**')).toMatchObject({ segments: [{ kind: 'rest' }] })
  })

  test.each(['', '/orders', 'orders/', 'a//b', '**/a', 'a*', 'a'.repeat(513)])('refuses %j', text => {
    expect(parseResource(text)).toEqual({ fault: expect.any(String) })
  })
})

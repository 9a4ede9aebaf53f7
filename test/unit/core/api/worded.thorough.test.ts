import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pathTemplate } from '../../../../core/api/schema.ts'
import { wrongInPaths } from '../../../../core/api/worded.ts'

const isWrong = (path: string): boolean => wrongInPaths.some(({ pattern }) => new RegExp(pattern).test(path))
const isPath = (path: string): boolean => pathTemplate().safeParse(path).success

/** Pieces that grammars of paths are made of, whole and broken, so that most texts are nearly right. */
const pieces = [
  '/',
  '/',
  '/a',
  '/*',
  '/**',
  '*',
  '**',
  '{',
  '}',
  '/{id}',
  '{id}',
  '/{a_1}',
  '/{1}',
  '/{',
  '%20',
  '%C3',
  '%',
]
const others = ['%c3', '%1', '?x', '#', ' ', '\n', 'é', ';', '~', "'", '-', '_', '/.', '{a-b}', `/{${'n'.repeat(32)}}`]
const longName = `/{${'n'.repeat(33)}}`

describe('the sentences about a path', () => {
  it('refuse together exactly what its pattern refuses', () => {
    const text = fc
      .array(fc.constantFrom(...pieces, ...others, longName), { maxLength: 6 })
      .map(parts => parts.join(''))
    fc.assert(
      fc.property(fc.oneof(text, fc.string({ unit: 'binary', maxLength: 12 })), path => {
        expect([path, isWrong(path)]).toEqual([path, !isPath(path)])
      }),
      { numRuns: 20_000 },
    )
  })
})

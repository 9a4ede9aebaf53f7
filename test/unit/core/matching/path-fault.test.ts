import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readTarget } from '../../../../core/matching/path.ts'
import { pathFault } from '../../../../core/matching/path-fault.ts'

describe('why a target is refused', () => {
  it.each([...'"<>[]^`{|}#'])('names the character that a URI has to escape, and its escape: %s', character => {
    const target = `/a${character}b?x=1`
    expect(readTarget(target)).toBe('path_malformed')
    const escaped = encodeURIComponent(character)
    expect(pathFault(target)).toBe(`The path holds ${character}, which no URI has there as it is: send ${escaped}.`)
    expect(readTarget(`/a${escaped}b`)).toMatchObject({ segments: [`a${character}b`] })
  })
  it.each([
    ['/a;b', 'The path holds ;,'],
    ['/a\\b', 'The path holds a backslash'],
    ['/a\u00e9', 'The path holds a space, a control byte or a byte beyond ASCII'],
    ['/a/../b', 'The path holds a dot segment'],
    ['/a/.?x=1', 'The path holds a dot segment'],
    ['//a', 'The path holds an empty segment'],
    ['/%61', 'The path holds an escape of a, which needs none'],
    ['/a%2fb', 'The path holds %2F'],
    ['/a%25', 'The path holds %25'],
    ['/a%00', 'The path holds an escape of a control byte'],
    ['/a%4', 'The path holds a % that begins no escape'],
    ['/a%zz', 'The path holds a % that begins no escape'],
    ['/a%ff', 'The path holds escapes that are not UTF-8'],
    ['/a?b#c', 'The query holds'],
    ['/a?\u00e9', 'The query holds'],
  ])('tells what and where: %j', (target, words) => {
    expect(readTarget(target)).toBe('path_malformed')
    expect(pathFault(target)).toContain(words)
  })
  it('blames the query when the path alone is in order, and only then', () => {
    const part = fc.string({ unit: fc.constantFrom(...'ab/.%25[;?# \u00e9'), maxLength: 12 })
    fc.assert(
      fc.property(part, rest => {
        const target = `/${rest}`
        fc.pre(readTarget(target) === 'path_malformed')
        const isPathGood = typeof readTarget(target.split('?', 1)[0] as string) !== 'string'
        expect(pathFault(target).startsWith('The query holds')).toBe(isPathGood)
      }),
      { numRuns: 2_000 },
    )
  })
  it('has of what was sent one printable character at most', () => {
    const known = fc.string({ unit: fc.constantFrom(...'qz\u0001\u00e9[/%'), maxLength: 20 })
    fc.assert(
      fc.property(known, rest => {
        const target = `/${rest}#`
        expect(pathFault(target)).toMatch(/^[\x20-\x7e]+$/)
        expect(pathFault(target)).not.toMatch(/q{2}|z{2}|qz|zq/)
      }),
    )
  })
})

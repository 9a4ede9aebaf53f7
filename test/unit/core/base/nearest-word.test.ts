import { describe, expect, it } from 'vitest'
import { meantWord, nearestWord } from '../../../../core/base/nearest-word.ts'

const known = ['services', 'methods', 'paths', 'permissions', 'targetRef', 'mode']

describe('what somebody meant', () => {
  it.each([
    ['a letter too few', 'method', 'methods'],
    ['a letter too many', 'pathss', 'paths'],
    ['another letter', 'serviçes', 'services'],
    ['two letters exchanged', 'sevrices', 'services'],
    ['other capitals', 'targetref', 'targetRef'],
    ['a short word', 'moed', 'mode'],
    ['the word itself', 'mode', 'mode'],
  ])('is found by %s', (_, word, expected) => {
    expect(nearestWord(word, known)).toBe(expected)
    expect(meantWord(word, known)).toBe(`; did you mean ${expected}?`)
  })

  it.each([
    ['a word like none', 'verbs', known],
    ['a short word of which little is left', 'mx', known],
    ['nothing that is known', 'mode', []],
    ['a word without end', 'mode'.repeat(100_000), known],
  ])('is not guessed from %s', (_, word, words) => {
    expect(nearestWord(word, words)).toBeUndefined()
    expect(meantWord(word, words)).toBe('')
  })

  it('is the nearest, and the first of two that are as near', () => {
    expect(nearestWord('rates', ['gates', 'rated', 'rate'])).toBe('gates')
    expect(nearestWord('ratess', ['gates', 'rates'])).toBe('rates')
  })
})

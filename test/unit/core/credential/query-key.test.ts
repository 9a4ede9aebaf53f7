import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cutQueryKey } from '../../../../core/credential/query-key.ts'
import { readCredential } from '../../../../core/credential/read.ts'
import { cutTarget } from '../../../fuzz/cut-target.ts'

const service = { apiKey: { query: 'api-key' } }
const cut = (target: string) => cutQueryKey(target, 'api-key')
/** What the decision makes of a target, cut where it can be. */
const read = (target: string) => {
  const found = cut(target)
  const asked = { method: 'GET', authorization: undefined, names: [], values: [] }
  return readCredential({ ...asked, target: found?.target ?? target, queryKey: found?.key }, service)
}

describe('the API key of a query', () => {
  test.each([
    ['/x?api-key=k', '/x', 'k'],
    ['/x?a=1&api-key=k', '/x?a=1', 'k'],
    ['/x?api-key=k&a=1', '/x?a=1', 'k'],
    ['/x?a=1&api-key=k&a=%20&&b', '/x?a=1&a=%20&&b', 'k'],
    ['/x?&api-key=k', '/x?', 'k'],
    ['/x?api-key', '/x', ''],
    ['/x?api-key=', '/x', ''],
    ['/x?api-key=a=b', '/x', 'a=b'],
    ['/x?api-key=%41', '/x', '%41'],
    ['/api-key=no?api-key=k', '/api-key=no', 'k'],
    ['/x?api-keys=1&api-key=k', '/x?api-keys=1', 'k'],
  ])('is cut out of %s', (target, rest, key) => {
    expect(cut(target)).toEqual({ target: rest, key })
  })

  test.each(['/x', '/x?', '/x?a=1', '/api-key=k', '/x?a=api-key', '/x?my-api-key=k', '/x?api-keys=k'])(
    'is not in %s, which stays as it is',
    target => {
      expect(cut(target)).toBeUndefined()
      expect(read(target)).toBe('credential_missing')
    },
  )

  test.each([
    ['twice', '/x?api-key=k&api-key=k'],
    ['twice, once empty', '/x?api-key=k&a=1&api-key'],
    ['in capitals', '/x?API-KEY=k'],
    ['with an escape in its name', '/x?%61pi-key=k'],
    ['with an escape in its name, beside one without', '/x?api-key=k&api%2Dkey=k'],
    ['in capitals, beside one that is not', '/x?api-key=k&Api-Key=k'],
    ['behind a semicolon', '/x?a=1;api-key=k'],
    ['before a semicolon', '/x?api-key=k;a=1'],
    ['beside a bearer token', '/x?api-key=k&access_token=t'],
  ])('that stands there %s is refused', (_, target) => {
    expect(read(target)).toBe('credential_ambiguous')
  })

  test('is cut as another reading of the rules cuts it, or refused by both', () => {
    const bytes = [
      'api-key',
      'API-KEY',
      'api',
      '-key',
      '=',
      '&',
      ';',
      '?',
      '%61',
      '%2D',
      '%2d',
      '%',
      '+',
      '[]',
      '/',
      'k',
      '.',
      '_',
    ]
    const queries = fc.array(fc.constantFrom(...bytes), { maxLength: 12 }).map(pieces => pieces.join(''))
    fc.assert(
      fc.property(queries, query => {
        const target = `/x?${query}`
        const isRefused = read(target) === 'credential_ambiguous'
        expect(isRefused ? undefined : (cut(target)?.target ?? target)).toBe(cutTarget(target))
      }),
      { numRuns: 5_000 },
    )
  })

  test('is in nothing of what is left, whatever the query: or the target is refused', () => {
    const names = fc.constantFrom('api-key', 'API-KEY', 'a', '%61pi-key', 'api-key;a', '', 'api')
    const pair = fc.tuple(names, fc.constantFrom('', '=', '=k', '=secret-text')).map(([name, value]) => name + value)
    const queries = fc.array(pair, { maxLength: 6 }).map(pairs => pairs.join('&'))
    fc.assert(
      fc.property(queries, query => {
        const target = `/x?${query}`
        const found = cut(target)
        const verdict = read(target)
        const isPlain = verdict !== 'credential_ambiguous'
        if (!isPlain) return
        const rest = new URLSearchParams((found?.target ?? target).slice(3))
        expect([...rest.keys()].map(name => name.toLowerCase())).not.toContain('api-key')
        // What goes on is what came, but for one pair.
        const pairs = query.split('&')
        const at = pairs.findIndex(each => /^api-key(=|$)/.test(each))
        const others = pairs.toSpliced(at, at === -1 ? 0 : 1)
        const expected = others.length === 0 ? '/x' : `/x?${others.join('&')}`
        expect(found?.target ?? target).toBe(expected)
      }),
      { numRuns: 1_000 },
    )
  })
})

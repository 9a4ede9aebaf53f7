import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { documentLimits, readYaml } from '../../../platform/read-yaml.ts'

const small = { bytes: 1_000, depth: 4, jsonNodes: 20, yamlEntries: 20 }
const faultOf = (text: string, limits = documentLimits) => {
  const found = readYaml(text, limits)
  return 'fault' in found ? found.fault : undefined
}

describe('bounds on what a text may cost', () => {
  it('are sizes: of the text, its levels and its values, the same for JSON and YAML (K16)', () => {
    expect(faultOf(`"${'ä'.repeat(500)}"`, small)).toBe('the text is longer than 1000 bytes')
    expect(faultOf('x'.repeat(2 ** 21 + 1))).toBe('the text is longer than 2 MiB')
    for (const [level, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      expect(faultOf(level.repeat(4) + close.repeat(4).replace(/^}/, '1}'), small)).toBeUndefined()
      expect(faultOf(level.repeat(5) + close.repeat(5).replace(/^}/, '1}'), small)).toContain('more than 4 levels')
    }
    for (const text of [JSON.stringify(Array(20).fill(1)), Array(20).fill('- 1\n').join('')])
      expect(faultOf(text, small)).toContain('too many values')
    expect(faultOf(JSON.stringify(Array(19).fill(1)), small)).toBeUndefined()
    expect(faultOf('- 1\n'.repeat(19), small)).toBeUndefined()
  })

  it('count a mapping or list of YAML as two, for the parser holds as much of it', () => {
    for (const [start, item] of [
      ['', '- []\n'],
      ['', '- {}\n'],
      ['a:\n', ' - - 1\n'],
    ] as const) {
      expect(faultOf(start + item.repeat(start ? 5 : 9), small)).toBeUndefined()
      expect(faultOf(start + item.repeat(start ? 7 : 10), small)).toContain('too many values')
    }
  })

  // 2 MiB of such signs take gigabytes once they are tokens: none of these may be read to its end.
  it.each([
    ['items of one character', `[${'1,'.repeat(1_000_000)}1]`],
    ['items of one line', '- a\n'.repeat(490_000)],
    ['items of nothing', '-\n'.repeat(1_000_000)],
    ['lists', `[${'[],'.repeat(600_000)}]`],
    ['mappings', `[${'{},'.repeat(600_000)}]`],
    ['texts in quotes', `[${'"",'.repeat(600_000)}] #`],
    ['keys', `{${'a,'.repeat(1_000_000)}}`],
    ['aliases', `[&a 1,${'*a,'.repeat(600_000)}]`],
    ['empty lines', `a: 1\n${'\n'.repeat(2_000_000)}b: 1`],
    ['comments', `a: 1\n${'#\n'.repeat(1_000_000)}b: 1`],
  ])('end the work at too many %s (S06)', (_what, text) => {
    expect(faultOf(text)).toMatch(/^line \d+, column \d+: too many (values|words, signs and line ends)/)
  })

  it('leave a text in quotes or in a block one value, whatever is in it', () => {
    expect(faultOf(`a: |\n${'  [{"\n'.repeat(300_000)}`)).toBeUndefined()
    expect(faultOf(`a: "${'[{,: '.repeat(300_000)}"`)).toBeUndefined()
  })

  it('let one small anchor be used 150 times, and count aliases as what they stand for', () => {
    const uses = Array.from({ length: 150 }, (_, index) => `k${index}: *secured`).join('\n')
    expect(faultOf(`secured: &secured {security: [{oauth: [read]}]}\n${uses}`)).toBeUndefined()
    expect(faultOf(bomb())).toContain('aliases counted as what they stand for')
    expect(faultOf(`a: &a ${'x'.repeat(1_000)}\nb: [${Array(10_000).fill('*a').join(', ')}]`)).toContain(
      'too many values',
    )
    const merged = ['a0: &a0 {k0: 1}']
    for (let level = 1; level < 2_000; level++) merged.push(`a${level}: &a${level} {<<: *a${level - 1}, k${level}: 1}`)
    expect(faultOf(merged.join('\n'))).toContain('more than 128 levels')
    const deep = [
      'a0: &a0 [1]',
      ...Array.from({ length: 200 }, (_, level) => `a${level + 1}: &a${level + 1} [*a${level}]`),
    ]
    expect(faultOf(deep.join('\n'))).toContain('more than 128 levels')
  })

  // Each of them keeps the parser busy for minutes when it is left alone, or makes an error with a stack per character.
  it.each([
    ['braces without end', `a: ${'{'.repeat(50_000)}`],
    ['braces within braces', `${'{'.repeat(120)}${'}'.repeat(120)}`],
    ['brackets without end', '['.repeat(500_000)],
    ['keys of keys', '? '.repeat(50_000)],
    ['keys of keys, few', '? '.repeat(60)],
    ['lists of lists', '- '.repeat(50_000)],
    ['JSON within JSON', '{"a":'.repeat(100_000)],
    ['commas', `[${','.repeat(500_000)}]`],
    ['pairs as keys', `[${'[a: b]: '.repeat(100)}]`],
    ['lines one level deeper each', Array.from({ length: 1_000 }, (_, at) => `${' '.repeat(at)}a:`).join('\n')],
  ])('end the work at %s (K16)', (_what, text) => {
    expect(faultOf(text)).toMatch(/^line \d+, column \d+: /)
  })

  it('count the keys of a mapping once, not once per key before them', () => {
    const text = Array.from({ length: 50_000 }, (_, index) => `k${index}: 1`).join('\n')
    expect(faultOf(text)).toBeUndefined()
  })
})

describe('whatever the text', () => {
  const fragments = fc.constantFrom(
    ...[
      'a',
      ': ',
      'a: ',
      '- ',
      '? ',
      '\n',
      '\n  ',
      '[',
      ']',
      '{',
      '}',
      ',',
      '"',
      "'",
      '#',
      ' # x\n',
      '&a ',
      '*a',
      '!!str ',
    ],
    ...[
      '!x ',
      '|\n',
      '>-\n',
      '---\n',
      '...\n',
      '%Y\n',
      '\\',
      '\t',
      '<<: ',
      '\r\n',
      '\ufeff',
      '1',
      '"a":',
      'null',
      '~',
      '@',
    ],
  )

  it('gives a value or a fault and never throws', () => {
    fc.assert(
      fc.property(fc.array(fragments, { maxLength: 40 }), parts => {
        const found = readYaml(parts.join(''), small)
        expect('value' in found || /^[\x20-\x7e]+$/.test(found.fault)).toBe(true)
      }),
      { numRuns: 3_000 },
    )
  })

  it('gives no more values and levels than the limits say, also where aliases stand for many', () => {
    const aliases = fc.constantFrom(
      '&a ',
      '*a',
      '&b ',
      '*b',
      '[',
      ']',
      ', ',
      '{a: ',
      '}',
      '<<: ',
      '- ',
      '\n',
      '1',
      'b: ',
    )
    fc.assert(
      fc.property(fc.array(aliases, { maxLength: 60 }), parts => {
        const found = readYaml(parts.join(''), small)
        if ('value' in found) expect(sizeOf(found.value)).toSatisfy(isWithin)
      }),
      { numRuns: 5_000 },
    )
  })

  it('gives every JSON value, by both of its ways', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), value => {
        const text = JSON.stringify(value)
        const expected = JSON.parse(text) as unknown
        expect(readYaml(text)).toEqual({ value: expected })
        // A comment is no JSON: the same text goes the other way.
        expect(readYaml(`${text} # x`)).toEqual({ value: expected })
        expect(readYaml(JSON.stringify(value, null, 2))).toEqual({ value: expected })
      }),
    )
  })

  it('agrees with the parser used alone, wherever that has no complaint and knows no more', () => {
    fc.assert(
      fc.property(fc.array(fragments, { maxLength: 12 }), parts => {
        const text = parts.join('')
        const found = readYaml(text)
        if (!('value' in found) || /<<|\ufeff|---|\.\.\./.test(text)) return
        const keysAsText = JSON.stringify(parse(text, { logLevel: 'silent' }))
        if (!/[~1]|null|: *:/.test(text)) expect(JSON.stringify(found.value)).toBe(keysAsText)
      }),
      { numRuns: 3_000 },
    )
  })
})

function bomb(): string {
  const lines = ['a0: &a0 x']
  for (let level = 1; level < 12; level++) {
    const nine = Array(9).fill(`*a${level - 1}`)
    lines.push(`a${level}: &a${level} [${nine.join(', ')}]`)
  }
  return lines.join('\n')
}

interface Size {
  readonly entries: number
  readonly levels: number
}

const isWithin = ({ entries, levels }: Size): boolean => entries <= small.yamlEntries && levels <= small.depth

function sizeOf(value: unknown): Size {
  if (typeof value !== 'object' || value === null) return { entries: 0, levels: 0 }
  const within = Object.values(value).map(sizeOf)
  const entries = within.reduce((sum, one) => sum + one.entries, 1 + within.length)
  return { entries, levels: 1 + Math.max(0, ...within.map(one => one.levels)) }
}

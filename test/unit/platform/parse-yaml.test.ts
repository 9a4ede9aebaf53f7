import { expect, it } from 'vitest'
import { parseYaml } from '../../../platform/parse-yaml.ts'

it('reads YAML and JSON', () => {
  expect(parseYaml('a: [1, {b: c}]\n')).toEqual({ a: [1, { b: 'c' }] })
  expect(parseYaml(' {"a": [1]}')).toEqual({ a: [1] })
})

it.each([
  ['nested braces', `a: ${'{'.repeat(5_000)}`],
  ['nested keys', '? '.repeat(5_000)],
  ['nested braces as JSON', '{'.repeat(100_000)],
  ['aliases of aliases', bomb()],
  ['secret words', 'secret: [unclosed'],
])('gives up on %s in good time and repeats nothing (K16)', (_what, text) => {
  expect(() => parseYaml(text)).toThrow(/^the text (is not YAML|takes longer than 1000 ms to read)$/)
})

function bomb(): string {
  const lines = ['a0: &a0 x']
  for (let level = 1; level < 12; level++)
    lines.push(
      `a${level}: &a${level} [${Array(9)
        .fill(`*a${level - 1}`)
        .join(', ')}]`,
    )
  return lines.join('\n')
}

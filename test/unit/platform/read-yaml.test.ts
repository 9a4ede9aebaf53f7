import { describe, expect, it } from 'vitest'
import { documentLimits, readYaml, readYamlStream } from '../../../platform/read-yaml.ts'

const faultOf = (text: string) => {
  const found = readYaml(text)
  return 'fault' in found ? found.fault : undefined
}

describe('one reader of YAML and JSON', () => {
  it.each([
    ['YAML', 'a: [1, {b: c}]\n', { a: [1, { b: 'c' }] }],
    ['JSON', ' {"a": [1]}', { a: [1] }],
    ['JSON with a byte order mark', '\ufeff{"a": 1}', { a: 1 }],
    ['YAML with a byte order mark', '\ufeffa: 1', { a: 1 }],
    ['YAML that begins with a brace', '{a: 1, b: [2]}', { a: 1, b: [2] }],
    ['JSON followed by a comment', '{"a": 1} # x', { a: 1 }],
    ['the core schema of YAML 1.2', 'a: on\nb: 0o7\nc: ~\nd: 1e3\n', { a: 'on', b: 7, c: null, d: 1_000 }],
    ['tags of the core schema', 'a: !!str 3\nb: !!int "3"\n', { a: '3', b: 3 }],
    ['keys that are numbers', '200: a\n1.0: b\ntrue: c\n', { 200: 'a', '1.0': 'b', true: 'c' }],
    ['long keys, which programs write with ?', '? /orders/{id}\n: get\n', { '/orders/{id}': 'get' }],
    ['one document and an empty one', 'a: 1\n---\n', { a: 1 }],
    ['nothing at all', '', null],
    ['names that JavaScript knows', '{"__proto__": {"x": 1}}', Object.fromEntries([['__proto__', { x: 1 }]])],
  ])('reads %s', (_what, text, value) => {
    expect(readYaml(text)).toEqual({ value })
  })

  it.each([
    ['a mapping', 'x: &x {p: 1, q: 2}\ny: {<<: *x, q: 3}', { p: 1, q: 3 }],
    ['a mapping after the keys it meets', 'x: &x {p: 1, q: 2}\ny: {q: 3, <<: *x}', { p: 1, q: 3 }],
    ['several, of which the first wins', 'x: [&a {p: 1}, &b {p: 2, q: 2}]\ny: {<<: [*a, *b]}', { p: 1, q: 2 }],
    ['a mapping of merged ones', 'x: &x {p: 1}\nz: &z {<<: *x, q: 2}\ny:\n  <<: *z\n', { p: 1, q: 2 }],
  ])('merges %s', (_what, text, y) => {
    expect(readYaml(text)).toMatchObject({ value: { y } })
    expect(Object.keys((readYaml(text) as { value: { y: object } }).value.y)).not.toContain('<<')
  })

  it('takes a merge key in quotes for a key, in JSON as in YAML', () => {
    expect(readYaml('{"<<": {"a": 1}}')).toEqual({ value: { '<<': { a: 1 } } })
    expect(readYaml('"<<": {a: 1}')).toEqual({ value: { '<<': { a: 1 } } })
  })

  it.each([
    ['a key twice', 'a: 1\nb: 2\na: 3', 'line 3, column 1: a key that stands twice in its mapping'],
    ['a member twice in JSON', '{"a": 1, "a": 2}', 'line 1, column 10: a key that stands twice in its mapping'],
    ['a member twice, once with escapes', '{"\\u0061": 1, "a": 2}', 'line 1, column 15: a key that stands twice'],
    ['a key twice, once in quotes', '200: 1\n"200": 2', 'line 2, column 1: a key that stands twice'],
    ['two merge keys', '<<: {a: 1}\n<<: {b: 1}', 'line 2, column 1: a key that stands twice'],
    ['a merge of a text', 'a:\n  <<: b', 'line 2, column 3: << takes a mapping or a list of mappings'],
    ['a list as key', '? [a]\n: b', 'line 1, column 3: a key is a mapping or a list'],
    ['an alias as key', 'a: &a b\n*a : c', 'line 2, column 1: a key is no text'],
    ['a missing key', ': a', 'line 1, column 1: a key is missing'],
    ['a tag of somebody', 'a: !include b.yaml', 'line 1, column 4: a tag that is none of !!str'],
    ['a tag that does not fit', 'a: !!int b', 'line 1, column 4: the tag does not fit what follows'],
    ['YAML 1.1', '%YAML 1.1\n---\na: yes', 'line 1, column 1: directives are not read'],
    ["tags made one's own", '%TAG !! tag:example.org,2000:\n---\na: !!str b', 'line 1, column 1: directives'],
    ['an alias of nothing', 'a: *b', 'line 1, column 4: an alias without its anchor before it'],
    ['an alias of what it is within', 'a: &a [*a]', 'line 1, column 8: an alias within what it names'],
    ['a tab', 'a:\n\t- b', 'line 2, column 1: a tab cannot indent'],
    ['a bracket too many', '{"a": 1}}', 'line 1, column 9: nothing of this kind can stand here'],
    ['several documents', 'a: 1\n---\nb: 1', 'there are several documents (---) where one belongs'],
    ['a template that is not filled in', 'a: {{ .Values.a }}', 'line 1, column 5: a key is a mapping or a list'],
  ])('refuses %s, and says where', (_what, text, fault) => {
    expect(faultOf(text)).toContain(fault)
  })

  it('repeats nothing of the text, whatever is wrong with it', () => {
    for (const wrong of [
      'secret: [unclosed',
      'a: *secret',
      'a: !secret b',
      '"\\secret"',
      'secret: 1\nsecret: 2',
      '@secret',
    ]) {
      expect(faultOf(wrong)).toMatch(/^line \d+, column \d+: /)
      expect(faultOf(wrong)).not.toContain('secret')
    }
  })

  it('reads each document of a stream, also after a key that comes twice, up to a fault in the grammar', () => {
    const text = 'a: 1\n---\nb: 1\nb: 2\n---\nc: 3\n---\nd: 4\n---\ne: ['
    expect(readYamlStream(text, documentLimits)).toEqual([
      { value: { a: 1 } },
      { fault: expect.stringContaining('line 4') },
      { value: { c: 3 } },
      { fault: expect.stringContaining('line 10') },
    ])
  })
})

import { describe, expect, it } from 'vitest'
import { parseHeld, parseHello, readLines } from '../../../issuer/snapshots/guard-lines.ts'

const hash = 'a'.repeat(64)
const hello = (more: object) => parseHello(JSON.stringify({ hello: { slice: 'shop/orders', version: '1', ...more } }))
const held = (more: object) => parseHeld(JSON.stringify({ held: { hash, ...more } }))

async function* chunks(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text)
}

describe('the lines of a guard', () => {
  it('are joined over chunks and bounded', async () => {
    const found: string[] = []
    for await (const line of readLines(chunks('a', 'b\nc\n', 'd', '\nrest'))) found.push(line)
    expect(found).toEqual(['ab', 'c', 'd'])
    const long = readLines(chunks('x'.repeat(70_000)))
    await expect(long.next()).rejects.toThrow('too long')
    const ended = readLines(chunks(`${'x'.repeat(16_384)}\n${'x'.repeat(16_385)}\n`))
    expect((await ended.next()).value).toHaveLength(16_384)
    await expect(ended.next()).rejects.toThrow('too long')
  })

  it('hello: takes what is one and nothing else', () => {
    expect(hello({ seen: { roles: '1' }, hash })).toEqual({
      slice: 'shop/orders',
      version: '1',
      seen: { roles: '1' },
      hash,
    })
    expect(hello({ other: 1 })).toEqual({ slice: 'shop/orders', version: '1' })
    const bad = [
      { slice: '../x' },
      { slice: 1 },
      { version: 1 },
      { seen: { roles: 1 } },
      { seen: [] as unknown, hash: 'x' },
      { hash: 'A' },
    ]
    expect(bad.map(hello)).toEqual(bad.map(() => undefined))
    expect(['', 'null', '[]', '{"hello":null}', '{'].map(parseHello)).toEqual(Array(5).fill(undefined))
  })

  it('hello: takes names of features, also of those that it does not know', () => {
    expect(hello({ features: [] })).toEqual({ slice: 'shop/orders', version: '1', features: [] })
    const features = ['route-tags-map', 'sun-is-up', 'sun-is-up', '']
    expect(hello({ features })).toEqual({ slice: 'shop/orders', version: '1', features })
    expect(hello({ features: Array(256).fill('x'.repeat(64)) })).toBeDefined()
  })

  it.each<[string, unknown]>([
    ['no list', 'route-tags-map'],
    ['a map', { 'route-tags-map': true }],
    ['null', null],
    ['a number among them', ['route-tags-map', 7]],
    ['a list among them', [['route-tags-map']]],
    ['a name of 65 characters', ['x'.repeat(65)]],
    ['257 names', Array(257).fill('x')],
    ['10,000 names', Array.from({ length: 10_000 }, (_, at) => `f${at}`)],
  ])('hello: is none with features that are %s', (_, features) => {
    expect(hello({ features })).toBeUndefined()
  })

  it('hello: takes the largest slice that the guard takes, and how many share its memory', () => {
    expect(hello({ maxBytes: 8_388_608, sharedBy: 3 })).toMatchObject({ maxBytes: 8_388_608, sharedBy: 3 })
    const wrong = [0, -1, 1.5, '8', null, [8], 2 ** 60, Number.NaN]
    for (const value of wrong)
      expect([hello({ maxBytes: value }), hello({ sharedBy: value })]).toEqual([undefined, undefined])
  })

  it('held: keeps addresses and counts that can be some, for they end in a condition', () => {
    expect(held({ exposed: ['0.0.0.0:8080', '[::]:80', '<b>', 7], wouldDeny: 3 })).toEqual({
      hash,
      exposed: ['0.0.0.0:8080', '[::]:80'],
      wouldDeny: 3,
    })
    expect(held({ exposed: Array(99).fill('1.2.3.4:5'), wouldDeny: -1 })).toEqual({
      hash,
      exposed: Array(16).fill('1.2.3.4:5'),
    })
    expect(held({ notListening: '127.0.0.1:9999' })).toEqual({ hash, notListening: '127.0.0.1:9999' })
    expect(held({ notListening: 'unix:app.sock' })).toEqual({ hash, notListening: 'unix:app.sock' })
    const wrong = ['<b>', 7, null, ['127.0.0.1:1'], 'unix:', 'unix:/run/app', 'unix:<b>', `unix:${'a'.repeat(105)}`]
    for (const notListening of wrong) expect(held({ notListening })).toEqual({ hash })
    expect(parseHeld('{"held":{"hash":"x"}}')).toBeUndefined()
  })
})

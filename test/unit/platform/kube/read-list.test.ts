import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readList } from '../../../../platform/kube/read-list.ts'

/** The text as it comes, in pieces of so many bytes. */
async function* inPieces(text: string, size = 65_536): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
interface Thing {
  readonly metadata: { readonly name: string }
}
const nameOf = ({ metadata }: Thing): string | undefined => (metadata.name === 'none' ? undefined : metadata.name)
const page = (names: readonly string[], metadata: object = { resourceVersion: '7' }): string =>
  `${JSON.stringify({ kind: 'ThingList', items: names.map(name => ({ metadata: { name }, spec: { list: [[1], {}] } })), metadata })}\n`

describe('a list that is read as it comes', () => {
  it('gives what is kept of each object, and where the next page begins', async () => {
    expect(await readList(inPieces(page(['a', 'none', 'b'], { continue: 'x' })), nameOf)).toEqual({
      kept: ['a', 'b'],
      continue: 'x',
    })
    expect(await readList(inPieces(page([], { continue: '' })), nameOf)).toEqual({ kept: [] })
    expect(await readList(inPieces('{"items":null,"metadata":{}}'), nameOf)).toEqual({ kept: [] })
  })

  it('is the same however it is cut', async () => {
    const names = fc.array(fc.string())
    await fc.assert(
      fc.asyncProperty(names, fc.integer({ min: 1, max: 50 }), async (all, size) => {
        const whole = JSON.parse(page(all)) as { items: Thing[] }
        expect((await readList(inPieces(page(all), size), (thing: Thing) => thing)).kept).toEqual(whole.items)
      }),
      { numRuns: 200 },
    )
  })

  it.each([
    ['an answer that ends early', page(['a', 'secret']).slice(0, -9), 'list: the answer ended early'],
    ['nothing', '', 'list: the answer ended early'],
    ['an object that is not JSON', '{"items":[{"a":secret}],"metadata":{}}', 'list: the answer is not JSON'],
    ['a page that is not JSON', '{"items":[],secret,"metadata":{}}', 'list: the answer is not JSON'],
    ['a text', 'secret', 'there is no object'],
    ['an object', '{"metadata":{"name":"secret"}}', 'list: it is none'],
    ['a list without metadata', '{"items":[]}', 'list: it is none'],
  ])('refuses %s, and repeats nothing of it', async (_, text, message) => {
    const failed = await readList(inPieces(text), nameOf).catch((error: Error) => error)
    expect(failed).toBeInstanceOf(Error)
    expect((failed as Error).message).toBe(message)
  })

  it('leaves turns to others, also where all of it has come already', async () => {
    const text = page(Array.from({ length: 100 }, (_, at) => `${at}${'x'.repeat(100_000)}`))
    let turns = 0
    let isRead = false
    const others = (): void => {
      turns++
      if (!isRead) setImmediate(others)
    }
    setImmediate(others)
    const { kept } = await readList(inPieces(text), nameOf)
    isRead = true
    expect(kept).toHaveLength(100)
    expect(turns).toBeGreaterThan(2)
  })
})

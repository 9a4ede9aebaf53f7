import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { createDocumentReader } from '../../../cluster/openapi/document-reader.ts'
import { createReadingThread, type ReadingAnswer, type ReadingThread } from '../../../cluster/openapi/reading-thread.ts'
import { canonicalJson } from '../../../core/base/canonical-json.ts'
import { readContent } from '../../../core/registry/openapi-document.ts'
import { documentReaders } from '../../../platform/openapi/document-readers.ts'
import { longDocument, longestDocument } from '../../integration/crowd/crowd.ts'
import { documentOf } from './openapi-fake.ts'

const documentWith = (item: object) =>
  JSON.stringify({
    openapi: '3.1.0',
    components: { securitySchemes: { o: { type: 'oauth2' } } },
    paths: { '/a': item },
  })
const scoped = (scope: string) => documentWith({ get: { security: [{ o: [scope] }] } })

let thread: ReadingThread | undefined
afterEach(() => {
  thread?.stop()
  thread = undefined
})

describe('the thread that reads documents', () => {
  it('reads what the rules read, as canonical JSON', async () => {
    thread = createReadingThread()
    const texts = [documentOf(200), scoped('read'), scoped('orders:read'), '{"openapi": 3}', 'a: [']
    for (const text of texts) {
      const { reading } = await thread.read({ content: { text }, service: 'orders' })
      expect(reading).toBe(canonicalJson(readContent({ text }, 'orders', documentReaders)))
    }
    const gzip = gzipSync(documentOf(3)).toString('base64')
    const { reading } = await thread.read({ content: { gzip }, service: 'orders' })
    expect(JSON.parse(reading).routes).toHaveLength(3)
  })

  it.each([339_000, 440_000, 926_000])(
    'reads %i bytes of YAML, however long that takes on a busy machine',
    async bytes => {
      thread = createReadingThread()
      const text = longDocument('x', bytes)
      const { reading } = await thread.read({ content: { text }, service: 'x' })
      expect(text.length).toBeGreaterThan(bytes - 200)
      expect(JSON.parse(reading).routes).toHaveLength(300)
    },
  )

  it('reads 2 MiB of YAML, a quarter of it descriptions', async () => {
    thread = createReadingThread()
    const text = longestDocument('x')
    expect(text.length).toBeGreaterThan(2 * 1024 * 1024 - 1_000)
    const { reading } = await thread.read({ content: { text }, service: 'x' })
    expect(JSON.parse(reading).routes).toHaveLength(300)
  })

  const withList = (list: string) => `openapi: 3.1.0\npaths: {/a: {get: {}}}\nx-a: ${list}`

  it.each([
    ['members', `{${Array.from({ length: 149_000 }, (_, at) => `k${at}: 1`).join(',')}}`],
    ['anchored texts', `[${'&a !!str a,'.repeat(149_000)}]`],
  ])('holds as many %s as the reader takes', async (_what, list) => {
    thread = createReadingThread()
    const { reading } = await thread.read({ content: { text: withList(list) }, service: 'x' })
    expect(JSON.parse(reading).routes).toHaveLength(1)
  })

  it.each([
    ['items of one character', `[${'1,'.repeat(490_000)}1]`],
    ['items of one line', `\n${'- a\n'.repeat(490_000)}`],
    ['lists within lists', `[${'[[[[[[[]]]]]]],'.repeat(15_000)}]`],
    ['lists', `[${'[],'.repeat(600_000)}]`],
    ['items of nothing', `\n${'-\n'.repeat(1_000_000)}`],
    ['empty lines', `\n${'\n'.repeat(2_000_000)}  1`],
  ])('refuses too many %s in the words of every other reader (S08)', async (_what, list) => {
    thread = createReadingThread()
    const text = withList(list)
    const { reading } = await thread.read({ content: { text }, service: 'x' })
    expect(reading).toBe(canonicalJson(readContent({ text }, 'x', documentReaders)))
    expect(reading).toMatch(/line \d+, column \d+: too many (values|words)/)
  })

  it('says whether the name of the service plays a part', async () => {
    thread = createReadingThread()
    const read = async (text: string) => (await thread?.read({ content: { text }, service: 'orders' }))?.ofAll
    expect(await read(scoped('orders:read'))).toBe(true)
    expect(await read(scoped('read'))).toBe(false)
    // To one name these are equal, to others they are not.
    const both = { get: { security: [{ o: ['read'] }] }, head: { security: [{ o: ['orders:read'] }] } }
    expect(await read(documentWith(both))).toBe(false)
    expect(await read('{')).toBe(true)
  })

  it('counts the processor time of a document', async () => {
    thread = createReadingThread()
    expect((await thread.read({ content: { text: documentOf(500) }, service: 'x' })).spentMs).toBeGreaterThan(0)
  })
})

describe('a document that the thread cannot stand', () => {
  const file = fileURLToPath(new URL('../platform/stubborn-worker.ts', import.meta.url))
  const read = (text: string) => {
    thread ??= createReadingThread({ file, budgetMs: 300, lookMs: 50, heapMb: 24 })
    return thread.read({ content: { text }, service: 'x' })
  }
  const fine: ReadingAnswer = { reading: '{"routes":[]}', ofAll: true, spentMs: 1 }

  it('is faulty when it never ends; those that wait are read by another one (S06)', async () => {
    const [endless, next] = await Promise.all([read('loop'), read('fine')])
    expect(JSON.parse(endless.reading).fault).toMatchObject({ reason: 'OpenApiInvalid' })
    expect(JSON.parse(endless.reading).fault.message).toContain('too costly')
    expect(endless.spentMs).toBeGreaterThan(300)
    expect(next).toEqual(fine)
  })

  it('is faulty when it takes all the memory there is; the process and those that wait live (S06)', async () => {
    const [large, next] = await Promise.all([read('memory'), read('fine')])
    expect(JSON.parse(large.reading).fault.message).toContain('too costly')
    expect(next).toEqual(fine)
  })

  it.each(['exit', 'throw'])(
    'is tried again by whoever asked when the thread dies of another cause: %s',
    async text => {
      const [dead, next] = await Promise.allSettled([read(text), read('fine')])
      expect(dead.status).toBe('rejected')
      expect(next).toEqual({ status: 'fulfilled', value: fine })
    },
  )

  it('is given up when the process stops', async () => {
    const waiting = [read('loop'), read('fine')].map(one => expect(one).rejects.toThrow('stopped'))
    thread?.stop()
    await Promise.all(waiting)
  })
})

describe('a document reader', () => {
  function counted() {
    const orders: string[] = []
    thread = createReadingThread()
    const { read, stop } = thread
    const reader = createDocumentReader({
      stop,
      read(order) {
        orders.push(order.service)
        return read(order)
      },
    })
    return { reader, orders }
  }

  it('reads the same content once for all services, at one time and later (S07)', async () => {
    const { reader, orders } = counted()
    const content = { text: documentOf(100) }
    const all = await Promise.all(Array.from({ length: 12 }, (_, at) => reader.read(content, `s${at}`)))
    all.push(await reader.read({ ...content }, 'later'))
    expect(orders).toEqual(['s0'])
    const routes = all.map(({ reading }) => ('routes' in reading ? reading.routes : undefined))
    expect(new Set(routes).size).toBe(1)
    expect(routes[0]).toHaveLength(100)
    expect(all.filter(({ spentMs }) => spentMs > 0)).toHaveLength(1)
  })

  it('reads it for each name where the name plays a part', async () => {
    const { reader, orders } = counted()
    const content = { text: scoped('read') }
    const resources = async (name: string) => {
      const { reading } = await reader.read(content, name)
      return 'routes' in reading ? reading.routes[0]?.permission?.resource : undefined
    }
    expect(await Promise.all(['a', 'b', 'a'].map(resources))).toEqual(['a', 'b', 'a'])
    expect(orders).toEqual(['a', 'b'])
  })

  it('reads a faulty one once, too, and one of which nothing came again', async () => {
    const { reader, orders } = counted()
    for (let at = 0; at < 3; at++) await reader.read({ text: '{' }, 'x')
    expect(orders).toHaveLength(1)
    let failing = true
    const again = createDocumentReader({
      stop() {},
      async read() {
        if (failing) throw new Error('of its own')
        return { reading: '{"routes":[]}', ofAll: true, spentMs: 1 }
      },
    })
    await expect(again.read({ text: 'x' }, 'x')).rejects.toThrow('of its own')
    failing = false
    expect(await again.read({ text: 'x' }, 'x')).toEqual({ reading: { routes: [] }, spentMs: 1 })
  })

  it('tells text from what is compressed, whatever the bytes', async () => {
    const { reader } = counted()
    const gzip = gzipSync(documentOf(1)).toString('base64')
    const compressed = await reader.read({ gzip }, 'x')
    expect(compressed.reading).toHaveProperty('routes')
    expect((await reader.read({ text: gzip }, 'x')).reading).toHaveProperty('fault')
  })

  it('gives routes whose canonical text is what would be made of them', async () => {
    const { reader } = counted()
    const { reading } = await reader.read({ text: documentOf(300) }, 'x')
    const routes = 'routes' in reading ? reading.routes : []
    expect(canonicalJson({ a: routes, b: 1 })).toBe(canonicalJson({ a: [...routes], b: 1 }))
  })
})

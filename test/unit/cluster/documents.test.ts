import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DocumentReader } from '../../../cluster/openapi/document-reader.ts'
import { createDocuments, type Documents } from '../../../cluster/openapi/documents.ts'
import { readContent } from '../../../core/registry/openapi-document.ts'
import { documentReaders } from '../../../platform/openapi/document-readers.ts'
import { createManualClock, type ManualClock } from '../platform/manual-clock.ts'
import { createQuietLog } from '../platform/quiet-log.ts'
import { createConfigMaps, createServices, documentOf } from './openapi-fake.ts'

let services: ReturnType<typeof createServices>
let configMaps: ReturnType<typeof createConfigMaps>
let clock: ManualClock
let documents: Documents
let readings: string[]
let told: string[]
let reading: (service: string) => Promise<void> | void
let spentMs: number

const reader: DocumentReader = {
  async read(content, service) {
    readings.push(service)
    await reading(service)
    return { reading: readContent(content, service, documentReaders), spentMs }
  },
  stop() {},
}

beforeEach(() => {
  services = createServices()
  configMaps = createConfigMaps()
  clock = createManualClock()
  readings = []
  told = []
  reading = () => {}
  spentMs = 0
  const { log } = createQuietLog()
  documents = createDocuments({ client: configMaps.client, services, reader, log, clock, random: () => 0 })
  documents.onChange(key => void told.push(key))
})
afterEach(() => documents.stop())

function known(key: string) {
  const service = services.store.get(key)
  const source = service && documents.get(service)
  return {
    paths: source?.routes?.map(({ path }) => path),
    fault: source?.fault?.reason,
    settled: service && documents.isSettled(service),
  }
}
const good = (...paths: string[]) => ({ paths, fault: undefined, settled: true })

describe('a document', () => {
  beforeEach(async () => {
    services.put('shop', 'orders', 'api')
    configMaps.put('shop/api', documentOf(1))
    documents.start()
    await clock.advance(0)
  })

  it('is read when its service is there, and only its metadata is looked at from then on', async () => {
    expect(known('shop/orders')).toEqual(good('/a-0'))
    expect(told).toEqual(['shop/orders'])
    await clock.advance(120_000)
    expect(configMaps.asked).toEqual(['shop/api', 'shop/api?', 'shop/api?', 'shop/api?', 'shop/api?'])
    expect(readings).toEqual(['orders'])
    expect(told).toEqual(['shop/orders'])
    expect(documents.seenOf('shop/orders')).toEqual({ 'configmaps/shop/api': '1' })
  })

  it('that changed is read again', async () => {
    configMaps.put('shop/api', documentOf(1, 'b'))
    await clock.advance(30_000)
    expect(known('shop/orders')).toEqual(good('/b-0'))
    expect(documents.seenOf('shop/orders')).toEqual({ 'configmaps/shop/api': '2' })
  })

  it('that is faulty, deleted or without its key keeps what was good, says so, and recovers (S10)', async () => {
    configMaps.put('shop/api', '{')
    await clock.advance(30_000)
    expect(known('shop/orders')).toEqual({ ...good('/a-0'), fault: 'OpenApiInvalid' })
    configMaps.remove('shop/api')
    await clock.advance(10_000)
    expect(known('shop/orders')).toEqual({ ...good('/a-0'), fault: 'OpenApiNotFound' })
    configMaps.put('shop/api', documentOf(1), 'other')
    await clock.advance(10_000)
    expect(known('shop/orders')).toEqual({ ...good('/a-0'), fault: 'OpenApiNotFound' })
    configMaps.put('shop/api', documentOf(1, 'c'))
    await clock.advance(10_000)
    expect(known('shop/orders')).toEqual(good('/c-0'))
  })

  it('keeps what was good while another one is named and not read yet, and while that one is faulty', async () => {
    configMaps.put('shop/next', '{')
    let go = (): void => {}
    reading = () => new Promise<void>(resolve => (go = resolve))
    services.put('shop', 'orders', 'next')
    await clock.advance(0)
    expect(known('shop/orders')).toEqual({ ...good('/a-0'), settled: false })
    go()
    await clock.advance(0)
    expect(known('shop/orders')).toEqual({ ...good('/a-0'), fault: 'OpenApiInvalid' })
    expect(documents.seenOf('shop/orders')).toEqual({ 'configmaps/shop/next': '2' })
  })

  it('that was read for another name than the service has by now is not taken', async () => {
    configMaps.put('shop/old', documentOf(1, 'old'))
    configMaps.put('shop/next', documentOf(1, 'next'))
    let go = (): void => {}
    reading = () => new Promise<void>(resolve => (go = resolve))
    services.put('shop', 'orders', 'old')
    await clock.advance(0)
    services.put('shop', 'orders', 'next')
    reading = () => {}
    go()
    await clock.advance(0)
    expect(known('shop/orders')).toEqual(good('/next-0'))
  })

  it('that cannot be fetched keeps what was good, says so from the third time on, and is tried with longer pauses', async () => {
    configMaps.beforeAnswer(() => Promise.reject(new Error('no answer')))
    await clock.advance(30_000)
    await clock.advance(1_000)
    expect(known('shop/orders')).toEqual(good('/a-0'))
    await clock.advance(2_000)
    expect(known('shop/orders')).toEqual({ ...good('/a-0'), fault: 'OpenApiUnread' })
    const before = configMaps.asked.length
    await clock.advance(3_999)
    expect(configMaps.asked.length).toBe(before)
    await clock.advance(1)
    expect(configMaps.asked.length).toBe(before + 1)
    configMaps.beforeAnswer(() => {})
    await clock.advance(8_000)
    expect(known('shop/orders')).toEqual(good('/a-0'))
    expect(readings).toEqual(['orders'])
  })

  it('whose service was made anew under its name begins with nothing', async () => {
    configMaps.beforeAnswer(() => Promise.reject(new Error('no answer')))
    services.remove('shop/orders')
    services.put('shop', 'orders', 'api', { uid: 'another' })
    await clock.advance(0)
    expect(known('shop/orders')).toEqual({ paths: undefined, fault: undefined, settled: false })
  })

  it('is forgotten with its service, or with its name in the spec', async () => {
    services.put('shop', 'orders', undefined)
    expect(known('shop/orders')).toEqual({ paths: undefined, fault: undefined, settled: true })
    services.remove('shop/orders')
    await clock.advance(120_000)
    expect(configMaps.asked).toEqual(['shop/api'])
    expect(clock.pending()).toBe(0)
  })
})

describe('a first reading', () => {
  it('that fails, is slow, or comes after the service leaves nothing known, not an empty list (S10)', async () => {
    const nothing = { paths: undefined, fault: undefined, settled: false }
    configMaps.put('shop/api', documentOf(1))
    configMaps.beforeAnswer(() => Promise.reject(new Error('no answer')))
    documents.start()
    services.put('shop', 'orders', 'api')
    await clock.advance(1_000)
    expect(known('shop/orders')).toEqual(nothing)
    let go = (): void => {}
    configMaps.beforeAnswer(() => new Promise<void>(resolve => (go = resolve)))
    await clock.advance(100_000)
    expect(known('shop/orders')).toEqual(nothing)
    go()
    await clock.advance(0)
    expect(known('shop/orders')).toEqual(good('/a-0'))
  })

  it('that is asked for twice happens once', async () => {
    configMaps.put('shop/api', documentOf(1))
    documents.start()
    services.put('shop', 'orders', 'api')
    services.put('shop', 'orders', 'api')
    await clock.advance(0)
    expect(readings).toEqual(['orders'])
  })
})

describe('many documents', () => {
  it('of one namespace let another namespace wait for one of them at most (S07)', async () => {
    const release: (() => void)[] = []
    reading = () => new Promise<void>(resolve => void release.push(resolve))
    for (let at = 0; at < 50; at++) {
      configMaps.put(`greedy/api-${at}`, documentOf(1))
      services.put('greedy', `s${at}`, `api-${at}`)
    }
    documents.start()
    await clock.advance(0)
    expect(readings).toEqual(['s0'])
    configMaps.put('shop/api', documentOf(1))
    services.put('shop', 'orders', 'api')
    await clock.advance(0)
    expect(readings).toEqual(['s0', 'orders'])
    release[1]?.()
    await clock.advance(0)
    expect(known('shop/orders')).toEqual(good('/a-0'))
    reading = () => {}
    release[0]?.()
    await clock.advance(1_000)
    expect(new Set(readings).size).toBe(51)
  })

  it('of one namespace have 50,000 operations together at most; the next keeps what it had, and others are as free (S07)', async () => {
    for (let at = 0; at < 26; at++) {
      configMaps.put(`greedy/api-${at}`, documentOf(at < 24 ? 2_000 : 1_001, `t${at}`))
      services.put('greedy', `s${at + 10}`, `api-${at}`)
    }
    documents.start()
    await clock.advance(1_000)
    expect(known('greedy/s34').fault).toBeUndefined()
    expect(known('greedy/s35')).toEqual({ paths: undefined, fault: 'OpenApiInvalid', settled: true })
    configMaps.put('shop/api', documentOf(2_000))
    services.put('shop', 'orders', 'api')
    await clock.advance(0)
    expect(known('shop/orders').fault).toBeUndefined()
    services.remove('greedy/s10')
    await clock.advance(300_000)
    expect(known('greedy/s35').paths).toHaveLength(1_001)
  })

  it('that take long hold their namespace to a quarter of the thread after a minute of it, and no other (S07)', async () => {
    spentMs = 20_000
    for (let at = 0; at < 6; at++) {
      configMaps.put(`greedy/api-${at}`, documentOf(1))
      services.put('greedy', `s${at}`, `api-${at}`)
    }
    documents.start()
    await clock.advance(0)
    expect(readings.length).toBe(4)
    configMaps.put('shop/api', documentOf(1))
    services.put('shop', 'orders', 'api')
    await clock.advance(0)
    expect(readings.at(-1)).toBe('orders')
    await clock.advance(79_999)
    expect(readings.length).toBe(5)
    await clock.advance(1)
    expect(readings.length).toBe(6)
  })
})

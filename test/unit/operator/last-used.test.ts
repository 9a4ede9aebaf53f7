import { beforeEach, describe, expect, it } from 'vitest'
import { isUseAlone } from '../../../operator/usage/is-use-alone.ts'
import { createLastUsed, type LastUsed } from '../../../operator/usage/last-used.ts'
import { readUsedSince, type UsedSince } from '../../../operator/usage/used-since.ts'
import { KubeError, type KubeObject, type Resource } from '../../../platform/kube/client.ts'
import { createManualClock, type ManualClock } from '../platform/manual-clock.ts'
import { createQuietLog } from '../platform/quiet-log.ts'

type Stored = KubeObject & { status?: { lastUsedAt?: string; observedGeneration?: number } }

const minute = 60_000
let clock: ManualClock
let stores: Record<'accesskeys' | 'accessgrants' | 'roles', Map<string, Stored>>
let writes: { at: number; what: string; lastUsedAt: string }[]
let asked: string[]
let hosts: string[]
/** What the replicas answer, by host, and how a write fails. */
let answer: (host: string, after: number) => Promise<UsedSince>
let refuse: (key: string) => Error | undefined
let log: ReturnType<typeof createQuietLog>
let lastUsed: LastUsed

const now = () => Math.floor(clock.wallMs() / 1_000)
const timeOf = (second: number) => new Date(second * 1_000).toISOString().replace('.000Z', 'Z')
const used = (entries: Record<string, number>, kind: keyof typeof stores = 'accesskeys'): UsedSince => ({
  at: now(),
  used: { accesskeys: new Map(), accessgrants: new Map(), roles: new Map(), [kind]: new Map(Object.entries(entries)) },
})
function put(kind: keyof typeof stores, key: string, status: Stored['status'] = { observedGeneration: 1 }): void {
  const [namespace = '', name = ''] = key.split('/')
  stores[kind].set(key, { metadata: { namespace, name, resourceVersion: '1' }, ...(status && { status }) } as Stored)
}

beforeEach(() => {
  clock = createManualClock()
  stores = { accesskeys: new Map(), accessgrants: new Map(), roles: new Map() }
  writes = []
  asked = []
  hosts = ['a']
  refuse = () => undefined
  answer = async () => used({})
  log = createQuietLog()
  put('accesskeys', 'shop/web')
  lastUsed = make()
  lastUsed.start()
})

function make(): LastUsed {
  return createLastUsed({
    sources: {
      keys: { store: stores.accesskeys },
      grants: { store: stores.accessgrants },
      roles: { store: stores.roles },
    } as never,
    resolved: { isOurs: (namespace: string) => namespace !== 'foreign' } as never,
    replicas: () => hosts.map(host => ({ host, port: 1 })),
    client: {
      used({ host }, after) {
        asked.push(`${host} ${after === 0 ? 'all' : after - now()}`)
        return answer(host, after)
      },
    },
    writer: {
      async write(resource: Resource, object: KubeObject, status: object) {
        const { namespace, name } = object.metadata
        const error = refuse(`${namespace}/${name}`)
        if (error) throw error
        const { lastUsedAt } = status as { lastUsedAt: string }
        const kind = resource.plural as keyof typeof stores
        stores[kind].set(`${namespace}/${name}`, { ...object, status } as Stored)
        writes.push({ at: clock.now(), what: `${kind} ${namespace}/${name}`, lastUsedAt })
        return true
      },
    } as never,
    log: log.log,
    clock,
  })
}

describe('when objects were used', () => {
  it('is written of keys, grants and roles, once, on top of what their statuses say', async () => {
    put('accessgrants', 'shop/give', { observedGeneration: 4 })
    put('roles', 'shop/reader', { observedGeneration: 1, lastUsedAt: '2020-01-01T00:00:00Z' })
    const at = now()
    answer = async () => ({
      at: now(),
      used: {
        accesskeys: new Map([['shop/web', at]]),
        accessgrants: new Map([['shop/give', at - 60]]),
        roles: new Map([['shop/reader', at - 120]]),
      },
    })
    await clock.advance(5 * minute - 1)
    expect(writes.map(({ what, lastUsedAt }) => [what, lastUsedAt])).toEqual([
      ['accesskeys shop/web', timeOf(at)],
      ['accessgrants shop/give', timeOf(at - 60)],
      ['roles shop/reader', timeOf(at - 120)],
    ])
    expect(stores.accessgrants.get('shop/give')?.status).toEqual({ observedGeneration: 4, lastUsedAt: timeOf(at - 60) })
  })

  it('of a key in use all day is written every five minutes and no more often', async () => {
    answer = async () => used({ 'shop/web': now() - 3 })
    await clock.advance(60 * minute)
    const gaps = writes.slice(1).map(({ at }, before) => at - (writes[before]?.at ?? 0))
    expect(writes.length).toBeGreaterThanOrEqual(11)
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(5 * minute)
    expect(Math.max(...gaps)).toBeLessThanOrEqual(5.5 * minute)
  })

  it('causes no write where nothing is used, however many objects there are', async () => {
    for (let at = 0; at < 1_000; at++) put('accesskeys', `shop/k${at}`)
    await clock.advance(60 * minute)
    expect([writes, asked.length]).toEqual([[], 120])
  })

  it('never goes back: of two replicas the later counts, and what is told late changes nothing', async () => {
    hosts = ['a', 'b']
    const at = now()
    answer = async host => used({ 'shop/web': host === 'a' ? at - 1_000 : at - 10 })
    await clock.advance(minute)
    answer = async () => used({ 'shop/web': at - 2_000 })
    await clock.advance(30 * minute)
    expect(writes.map(({ lastUsedAt }) => lastUsedAt)).toEqual([timeOf(at - 10)])
  })

  it('is of no future, whatever the clock of a replica says', async () => {
    answer = async () => used({ 'shop/web': now() + 99_999 })
    await clock.advance(11 * minute)
    expect(writes.length).toBeGreaterThan(1)
    for (const { at, lastUsedAt } of writes) {
      expect(Date.parse(lastUsedAt)).toBeLessThanOrEqual(Date.UTC(2026, 0, 1) + at)
    }
  })

  it('is not written of objects that are gone, of another installation, or not looked at yet', async () => {
    put('accesskeys', 'foreign/key')
    put('accesskeys', 'shop/new', {})
    stores.accesskeys.set('shop/bare', { metadata: { namespace: 'shop', name: 'bare' } })
    answer = async () => used({ 'foreign/key': now(), 'shop/new': now(), 'shop/bare': now(), 'shop/gone': now() })
    await clock.advance(10 * minute)
    expect(writes).toEqual([])
    put('accesskeys', 'shop/new')
    await clock.advance(minute)
    expect(writes.map(({ what }) => what)).toEqual(['accesskeys shop/new'])
  })

  it('is asked from the last answer on, with two seconds told twice, and of a new replica from the start', async () => {
    await clock.advance(minute)
    hosts = ['a', 'b']
    await clock.advance(minute)
    hosts = ['b']
    await clock.advance(minute / 2)
    hosts = ['a', 'b']
    await clock.advance(minute / 2)
    expect(asked).toEqual(['a all', 'a -32', 'a -32', 'b all', 'a -32', 'b -32', 'b -32', 'a all', 'b -32'])
  })
})

describe('faults', () => {
  it('of one replica keep nothing of the others back, are told once, and lose nothing', async () => {
    hosts = ['a', 'b']
    answer = async host => {
      if (host === 'a') throw new Error('away')
      return used({ 'shop/web': now() })
    }
    await clock.advance(3 * minute)
    expect(writes).toHaveLength(1)
    const told = () => log.lines.filter(({ level }) => level === 'warn' || level === 40)
    expect(told()).toHaveLength(1)
    expect(asked.filter(line => line.startsWith('a '))).toEqual(Array(6).fill('a all'))
  })

  it('of a write by somebody else are met in the next round with what there is then', async () => {
    answer = async () => used({ 'shop/web': now() })
    let conflicts = 2
    refuse = () => (conflicts-- > 0 ? new KubeError('status PATCH', 409) : undefined)
    await clock.advance(1.5 * minute)
    expect(writes).toHaveLength(1)
  })

  it('of the API server end the round: the others are written when it serves again', async () => {
    put('accesskeys', 'shop/other')
    const at = now()
    answer = async (_, after) => (after === 0 ? used({ 'shop/web': at, 'shop/other': at }) : used({}))
    let tries = 0
    refuse = () => {
      tries++
      return tries <= 3 ? new KubeError('status PATCH', 500) : undefined
    }
    await clock.advance(1.5 * minute)
    expect([tries, writes.length]).toEqual([3, 0])
    await clock.advance(minute / 2)
    expect(writes.map(({ what }) => what)).toEqual(['accesskeys shop/web', 'accesskeys shop/other'])
  })

  it('of an operator that restarts cost nothing: the next one goes on from the statuses', async () => {
    answer = async () => used({ 'shop/web': now() })
    await clock.advance(minute)
    await lastUsed.stop()
    lastUsed = make()
    lastUsed.start()
    await clock.advance(4 * minute)
    expect(writes).toHaveLength(1)
    await clock.advance(2 * minute)
    expect(writes).toHaveLength(2)
  })

  it('nothing is asked or written after a stop', async () => {
    for (const key of ['shop/a', 'shop/b']) put('accesskeys', key)
    answer = async () => used({ 'shop/web': now(), 'shop/a': now(), 'shop/b': now() })
    refuse = () => {
      void lastUsed.stop()
      return undefined
    }
    await clock.advance(5 * minute)
    expect([writes.length, asked.length, clock.pending()]).toEqual([1, 1, 0])
  })
})

describe('an answer of a replica', () => {
  it('is taken with the times that are some', () => {
    const used = { accesskeys: { 'a/b': 7, 'a/c': -1, 'a/d': '7', 'a/e': 1.5 }, roles: [], more: {} }
    const read = readUsedSince(JSON.stringify({ at: 9, used }))
    expect([read.at, [...read.used.accesskeys], read.used.accessgrants.size, read.used.roles.size]).toEqual([
      9,
      [['a/b', 7]],
      0,
      0,
    ])
  })

  it.each([
    '',
    'secret-answer',
    'null',
    '[]',
    '{}',
    '{"at":"9","used":{}}',
    '{"at":9}',
    '{"at":9,"used":[]}',
    '{"at":-1,"used":{}}',
  ])('that is %j is none, and is not quoted', body => {
    expect(() => readUsedSince(body)).toThrow(/^the issuer did not answer with what was used$/)
  })
})

describe('a change', () => {
  const object = (more: object = {}, status: object = {}) =>
    ({
      metadata: { name: 'a', namespace: 'b', resourceVersion: '1', generation: 1, ...more },
      spec: { x: 1 },
      status: { state: 'Active', lastUsedAt: 'now', ...status },
    }) as KubeObject

  it('of the time of use alone is looked at by no pass', () => {
    expect(isUseAlone(object({}, { lastUsedAt: undefined }), object({ resourceVersion: '2' }))).toBe(true)
    expect(isUseAlone(object({}, { lastUsedAt: 'before' }), object({ resourceVersion: '2' }))).toBe(true)
  })

  it.each<[string, KubeObject | undefined]>([
    ['from nothing', undefined],
    ['of nothing', object()],
    ['of a label besides', object({ labels: { a: 'b' } }, { lastUsedAt: 'before' })],
    ['of the spec besides', { ...object({}, { lastUsedAt: 'before' }), spec: { x: 2 } } as KubeObject],
    ['of the state besides', object({}, { lastUsedAt: 'before', state: 'Revoked' })],
    ['of its end besides', object({ deletionTimestamp: 'x' }, { lastUsedAt: 'before' })],
  ])('%s is looked at', (_, old) => {
    expect(isUseAlone(old, object())).toBe(false)
  })
})

import { describe, expect, test } from 'vitest'
import type { AccessKey } from '../../../../core/api/access-key.ts'
import { accessKeyConditions } from '../../../../core/api/access-key-conditions.ts'
import type { SecretObject } from '../../../../core/keys/secret-data.ts'
import { keyExpiry } from '../../../../core/status/key-expiry.ts'
import { type Store, settle } from './access-key-store.ts'
import { at, conditionOf, hour, minted } from './rotation-rig.ts'

const foreign: SecretObject = { type: 'Opaque', metadata: { name: 'web-next', namespace: 'shop' }, data: { a: 'Yg==' } }

describe('an end that comes', () => {
  const day = 24 * hour
  async function warnings(
    spec: Partial<AccessKey['spec']>,
    type?: 'Partner',
    step = 12 * hour,
    change: (store: Store) => void = () => {},
  ) {
    const store = await minted(spec, type)
    change(store)
    const heard: string[] = []
    let atLast: number[] = []
    for (const end = store.now + 200 * step; store.now < end; store.now += step) {
      await settle(store)
      const reason = conditionOf(store, 'Expiring')?.reason
      if (reason && heard.at(-1) !== reason) heard.push(reason)
      if (reason === all.at(-1)) atLast = keyExpiry([store.accessKey], store.now).within.map(({ count }) => count)
    }
    return { heard, atLast, store, events: store.events.filter(({ reason }) => reason === 'Expiring') }
  }
  const all = Object.keys(accessKeyConditions.Expiring)

  test('is told of 30, 14, 7 and 1 day before, each once', async () => {
    const { heard, events } = await warnings({ expiresAt: at(90 * day) })
    expect(heard).toEqual(all)
    expect(events).toHaveLength(4)
    expect(events.every(({ type, note }) => type === 'Warning' && note.includes('spec.expiresAt'))).toBe(true)
  })

  test('of a key that is within it from its first moment on at once, and then of what is still to come', async () => {
    const cases: [Partial<AccessKey['spec']>, string[]][] = [
      [{ validity: '720h' }, all],
      [{ validity: '240h' }, all.slice(1)],
      [{ validity: '100h' }, all.slice(2)],
      [{ validity: '24h' }, all.slice(3)],
      [{ validity: '1h' }, all.slice(3)],
      [{ expiresAt: at(70) }, all.slice(3)],
      [{ expiresAt: at(5 * hour) }, all.slice(3)],
      [{ expiresAt: at(10 * day) }, all.slice(1)],
    ]
    for (const [spec, told] of cases) {
      const { heard, events } = await warnings(spec, 'Partner')
      expect([spec, heard, events.length]).toEqual([spec, told, told.length])
    }
  })

  test('is nobody’s worry where the next key comes before, however short keys live', async () => {
    for (const validity of ['720h', '24h', '3h']) {
      expect([validity, (await warnings({ validity }, undefined, hour / 2)).events]).toEqual([validity, []])
    }
  })

  test('of a key that its owner brings is told too', async () => {
    const publicKey = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' } as const
    const { events } = await warnings({ publicKey, validity: '2160h' })
    expect(events).toHaveLength(4)
    expect(events[0]?.note).toContain('spec.publicKey')
  })

  test.each<[string, (store: Store) => void, string]>([
    ['is paused', store => store.annotate({ 'latchkey.dev/paused': 'true' }), 'Paused'],
    ['finds somebody else’s Secret in its way', store => store.putNext(foreign), 'Stalled'],
    ['may not read the Secret of the next key', store => void Object.assign(store, { forbiddenNext: true }), 'Stalled'],
    ['has the Secret of the next key refused', store => void Object.assign(store, { refusedNext: 403 }), 'Stalled'],
  ])('is told of where the rotation that is planned %s', async (_, change, condition) => {
    const { heard, events, store } = await warnings({ validity: '2160h' }, undefined, 12 * hour, change)
    expect(heard).toEqual(all)
    expect(events).toHaveLength(4)
    expect(new Set(events.map(({ type }) => type))).toEqual(new Set(['Warning']))
    for (const { note } of events) expect(note).toContain(`held up: see its condition ${condition}.`)
    expect(conditionOf(store, condition)).toBeDefined()
  })

  test('is told of where spec.rotation is edited to one that is refused, for the metrics too', async () => {
    const edit = (store: Store) => store.edit({ rotation: { every: '4000h' } })
    const { heard, atLast } = await warnings({ validity: '2160h' }, undefined, 12 * hour, edit)
    expect(heard).toEqual(all)
    expect(atLast).toEqual([1, 1, 1, 1])
  })

  test('is nobody’s worry any more once what held the rotation up is gone', async () => {
    const store = await minted({ validity: '2160h' })
    store.annotate({ 'latchkey.dev/paused': 'true' })
    store.now += 75 * day
    await settle(store)
    expect(conditionOf(store, 'Expiring')?.reason).toBe('Within30Days')
    store.annotate({})
    await settle(store)
    expect(conditionOf(store, 'Expiring')).toBeUndefined()
  })
})

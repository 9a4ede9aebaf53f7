import { describe, expect, test } from 'vitest'
import type { AccessKey } from '../../../../core/api/access-key.ts'
import { accessKeyConditions } from '../../../../core/api/access-key-conditions.ts'
import { settle } from './access-key-store.ts'
import { at, conditionOf, hour, minted } from './rotation-rig.ts'

describe('an end that comes', () => {
  const day = 24 * hour
  async function warnings(spec: Partial<AccessKey['spec']>, type?: 'Partner') {
    const store = await minted(spec, type)
    const heard: string[] = []
    for (const end = store.now + 100 * day; store.now < end; store.now += 12 * hour) {
      await settle(store)
      const reason = conditionOf(store, 'Expiring')?.reason
      if (reason && heard.at(-1) !== reason) heard.push(reason)
    }
    return { heard, events: store.events.filter(({ reason }) => reason === 'Expiring') }
  }
  const all = Object.keys(accessKeyConditions.Expiring)

  test('is told of 30, 14, 7 and 1 day before, each once', async () => {
    const { heard, events } = await warnings({ expiresAt: at(90 * day) })
    expect(heard).toEqual(all)
    expect(events).toHaveLength(4)
    expect(events.every(({ type, note }) => type === 'Warning' && note.includes('spec.expiresAt'))).toBe(true)
  })

  test('of a key that lives shorter, only of what it lives longer than', async () => {
    expect((await warnings({ validity: '720h' }, 'Partner')).heard).toEqual([
      'Within14Days',
      'Within7Days',
      'Within1Day',
    ])
    expect((await warnings({ validity: '24h' }, 'Partner')).heard).toEqual([])
  })

  test('is nobody’s worry where the next key comes before', async () => {
    expect((await warnings({ validity: '720h' })).events).toEqual([])
  })

  test('of a key that its owner brings is told too', async () => {
    const publicKey = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' } as const
    const { events } = await warnings({ publicKey, validity: '2160h' })
    expect(events).toHaveLength(4)
    expect(events[0]?.note).toContain('spec.publicKey')
  })
})
